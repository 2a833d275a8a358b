"""Large tables: attacks score a sample, and reference models are trained at the target's own size."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from pools import records
from sklearn.tree import DecisionTreeClassifier

from leakgauge import audit
from leakgauge.membership import gathering
from leakgauge.membership.refitting import Refitting

pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture
def trained(monkeypatch):
    """How many records each model was trained on, by what it was trained on in words."""
    sizes: list[tuple[str, int, int]] = []
    answers = Refitting.answers

    def noted(self, rows, queried, *, seed, what):
        assert len(np.unique(rows)) == len(rows)
        sizes.append((what, len(rows), len(queried)))
        return answers(self, rows, queried, seed=seed, what=what)

    monkeypatch.setattr(Refitting, "answers", noted)
    return sizes


def report_of(members, others, **parameters):
    model = DecisionTreeClassifier(max_depth=6, random_state=0).fit(*members)
    asked = {"reference_models": 4, "attacks": ["loss", "rmia", "lira", "rmia_offline"], "tradeoffs": False}
    return audit(model, *members, *others, parameters=asked | parameters).report


def message(report, code):
    return next(notice.message for notice in report.warnings if notice.code == code)


@pytest.mark.slow
def test_above_ten_thousand_a_side_reference_models_are_as_large_as_the_target(trained):
    members, others = records(12_000, seed=0), records(12_000, seed=1)
    report = report_of(members, others)
    by_kind = Counter(one for one in trained if one[0] != "a few records")
    assert by_kind == {("half of the pool", 12_000, 20_000): 4} | {
        one: count for one, count in by_kind.items() if one[0] == "a part of the other records"
    }
    of_others = {size for what, size, _ in by_kind if what == "a part of the other records"}
    assert of_others == {6_000}, "a round has two distinct halves of the non-members"
    said = message(report, "references_beyond_sample")
    assert "reference models on 12,000 and reference models of other data on 6,000 records each" in said
    assert "where the target was trained on 12,000" in said
    assert report.target.members == report.target.non_members == 10_000
    assert {notice.code for notice in report.warnings} >= {"sampled", "small_reference_models"}


def test_all_of_the_table_is_trained_on_and_the_sample_alone_is_scored(trained):
    members, others = records(300, seed=0), records(300, seed=1)
    report = report_of(members, others, max_records=200)
    assert ("half of the pool", 300, 200) in trained
    assert all(asked <= 200 for what, _, asked in trained if what != "a few records")
    assert "a sample of 200 of 600 records" in message(report, "references_beyond_sample")


def test_where_all_are_scored_nothing_is_said_of_a_sample(trained):
    report = report_of(records(100, seed=0), records(100, seed=1))
    assert not {"sampled", "references_beyond_sample"} & {notice.code for notice in report.warnings}


@pytest.mark.slow
def test_attribute_inference_trains_its_copies_beyond_the_sample_too(trained):
    (x, y), (other_x, other_y) = records(400, seed=0), records(400, seed=1)

    def people(numbers):
        frame = pd.DataFrame(numbers, columns=[f"c{place}" for place in range(numbers.shape[1])])
        return frame.assign(smoker=(frame.c0 + frame.c1 > 0).astype(int))

    report_of(
        (people(x), y),
        (people(other_x), other_y),
        max_records=200,
        sensitive_columns=["smoker"],
        attacks=["loss"],
    )
    of_attributes = {size for what, size, _ in trained if what == "half of the non-members"}
    assert of_attributes == {200}, "half of the 400 non-members, though 100 of them are scored"


def test_fewer_models_for_lack_of_time_are_still_of_full_size(trained, monkeypatch):
    monkeypatch.setattr(gathering, "TRAINED_IN", 0.0)
    monkeypatch.setattr(gathering, "seconds_a_model", lambda *_, **__: 0.0)
    report = report_of(records(300, seed=0), records(300, seed=1), max_records=200, attacks=["rmia"])
    assert {size for what, size, _ in trained if what == "half of the pool"} == {300}
    said = message(report, "fewer_reference_models")
    assert "2 of 4 reference models were trained, each on as many records as with all of them" in said
    assert "would see more with all of them" in said
