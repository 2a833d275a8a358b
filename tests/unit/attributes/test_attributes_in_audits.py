"""Attribute inference within audits: through the same door, from the same bundle."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import joblib
import numpy as np
import pytest
from cases import audited, refusal
from people import features, forest, people
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

import leakgauge
from leakgauge.attributes import attacks, audit
from leakgauge.report.html import render
from leakgauge.report.model import AttributeMeasured, Audited

QUICK = {"tradeoffs": False, "reference_models": 2}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    members, others = people(120, seed=0), people(120, seed=1)
    joblib.dump(forest(n_estimators=20).fit(features(members), members.y), folder / "model.joblib")
    for name, table in (("train_mia.csv", members), ("test_mia.csv", others)):
        table.rename(columns={"y": "label"}).to_csv(folder / name, index=False)
    return folder


def test_named_columns_are_measured_beside_named_attacks(bundle):
    found = audited(bundle, attacks=["gap"], sensitive_columns=["smoker"], **QUICK).attributes
    assert [column.name for column in found.columns] == ["smoker"]
    assert not found.chosen
    ran = {attack.name for attack in found.columns[0].attacks if isinstance(attack, AttributeMeasured)}
    assert {"map", "csmia", "learned", "reference_models", "file_replay"} <= ran


def test_named_attacks_alone_ask_for_no_columns(bundle):
    assert audited(bundle, attacks=["gap"], **QUICK).attributes is None
    assert audited(bundle, attacks=["gap"], sensitive_columns=[], **QUICK).attributes is None


def test_without_reference_models_the_others_run_and_the_reason_is_told(bundle):
    found = audited(bundle, attacks=["gap"], sensitive_columns="job", reference_models=0, tradeoffs=False)
    (column,) = found.attributes.columns
    outcomes = {attack.name: attack for attack in column.attacks}
    assert "reference_models is 0" in outcomes["reference_models"].reason
    assert isinstance(outcomes["csmia"], AttributeMeasured)


@pytest.mark.parametrize("name", ["label", "smokes"])
def test_a_name_of_no_column_is_refused(bundle, name):
    refused = refusal(bundle, attacks=["gap"], sensitive_columns=[name], **QUICK)
    assert f"no column called {name}" in refused.message
    assert "smoker" in refused.hint


def test_the_same_bundle_gives_the_same_report(bundle):
    once, again = (
        audited(bundle, attacks=["gap"], sensitive_columns=["job"], **QUICK).attributes for _ in range(2)
    )
    assert once == again


def test_a_model_that_predicts_numbers_is_told_not_to_be_measured():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    y = x[:, 0] + rng.normal(size=80)
    model = RandomForestRegressor(5, random_state=0).fit(x[:40], y[:40])
    made = leakgauge.audit(
        model,
        x[:40],
        y[:40],
        x[40:],
        y[40:],
        parameters={"attacks": ["gap"], "sensitive_columns": ["0"], **QUICK},
    ).report
    assert "predicts numbers" in made.attributes.withheld
    assert made.attributes.columns == ()


def test_arrays_name_their_columns_by_position():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(160, 3)), rng.integers(0, 2, 160)])
    y = (x[:, 0] + x[:, 3] + rng.normal(size=160) > 0.5).astype(int)
    model = RandomForestClassifier(10, random_state=0).fit(x[:80], y[:80])
    made = leakgauge.audit(
        model,
        x[:80],
        y[:80],
        x[80:],
        y[80:],
        parameters={"attacks": ["gap"], "sensitive_columns": [3], **QUICK},
    ).report
    (column,) = made.attributes.columns
    assert column.values in (("0", "1"), ("1", "0"))


def test_time_that_runs_out_withholds_the_column_and_ends_nothing(bundle):
    made = audited(
        bundle, attacks=["gap"], sensitive_columns=["smoker"], time_budget=0.001, **QUICK
    ).attributes
    assert "time" in (made.withheld or made.columns[0].withheld)


def test_a_toy_attack_is_one_file_and_one_row(bundle, monkeypatch):
    def weigh(question, *, rng, progress):
        return question.right

    toy = dataclasses.replace(attacks.ATTACKS[0], name="toy", title="Toy attack", weigh=weigh)
    monkeypatch.setattr(audit, "ATTACKS", (toy,))
    made = audited(bundle, attacks=["gap"], sensitive_columns=["smoker"], **QUICK)
    assert [attack.name for attack in made.attributes.columns[0].attacks] == ["toy"]
    assert "Toy attack" in render(Audited(made))


def test_every_attack_stands_in_the_documentation():
    page = (Path(__file__).parents[3] / "docs" / "attribute-inference.md").read_text()
    for attack in attacks.ATTACKS:
        assert f"| `{attack.name}` |" in page
        assert attack.citation
    assert len({attack.name for attack in attacks.ATTACKS}) == len(attacks.ATTACKS)
