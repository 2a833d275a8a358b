"""A new attack, defence or mitigation is one file, one row and one line of docs; what is missing is named."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import joblib
import pytest
import toy_attack
import toy_mitigation
import toy_output_defence
from cases import audited, refusal
from pools import records
from rows import missing_places
from sklearn.tree import DecisionTreeClassifier

from leakgauge.defences import output
from leakgauge.defences.output import OUTPUT_DEFENCES
from leakgauge.defences.retraining import MITIGATIONS, variants
from leakgauge.defences.training import TRAINING_DEFENCES
from leakgauge.demo import choices
from leakgauge.membership import audit
from leakgauge.membership.attacks import ATTACKS
from leakgauge.profiles.attacks import ATTACKS as PROFILES_ATTACKS
from leakgauge.report.html import render
from leakgauge.report.model import Audited, MembershipMeasured

ROWS = (*ATTACKS, *PROFILES_ATTACKS, *OUTPUT_DEFENCES, *MITIGATIONS, *TRAINING_DEFENCES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_stands_in_the_other_places_too(row):
    assert missing_places(row) == []


@pytest.mark.parametrize(
    "table",
    [ATTACKS, PROFILES_ATTACKS, OUTPUT_DEFENCES, MITIGATIONS, TRAINING_DEFENCES],
    ids=["attacks", "profiles", "output", "retraining", "training"],
)
def test_no_two_rows_share_a_name_or_a_title(table):
    for words in ([row.name for row in table], [row.title for row in table]):
        assert max(Counter(words).values()) == 1


def test_the_missing_places_of_new_rows_are_named():
    assert missing_places(toy_attack.ROW) == [
        "docs/attacks.md has no table row that begins with toy",
        "the row of toy does not say what the attack `reads` in the model file",
    ]
    assert missing_places(toy_output_defence.ROW) == [
        "docs/defences.md has no table row that begins with silence"
    ]
    assert missing_places(replace(toy_mitigation.ROW, cost="")) == [
        "docs/defences.md has no table row that begins with fewer_leaves",
        "the row of fewer_leaves has no sentence on its `cost`",
    ]


def bundle_of(folder, model, members, others):
    folder.mkdir()
    joblib.dump(model, folder / "model.joblib")
    for name, (x, y) in (("train_mia.csv", members), ("test_mia.csv", others)):
        header = ",".join([*(f"x{number}" for number in range(x.shape[1])), "label"])
        lines = [",".join([*map(repr, row), str(label)]) for row, label in zip(x.tolist(), y, strict=True)]
        (folder / name).write_text("\n".join([header, *lines]) + "\n")
    return folder


def test_toy_rows_reach_audit_report_parameters_demo_and_trade_offs(tmp_path, monkeypatch):
    attack = replace(toy_attack.ROW, reads="the toy's only tree")
    monkeypatch.setattr(audit, "ATTACKS", (*ATTACKS, attack))
    monkeypatch.setattr(output, "OUTPUT_DEFENCES", (*OUTPUT_DEFENCES, toy_output_defence.ROW))
    monkeypatch.setattr(variants, "MITIGATIONS", (*MITIGATIONS, toy_mitigation.ROW))
    members, others = records(200, seed=0), records(200, seed=1)
    bundle = bundle_of(
        tmp_path / "bundle", DecisionTreeClassifier(random_state=0).fit(*members), members, others
    )

    report = audited(bundle, attacks=["gap", "rmia", "toy"], tradeoffs=True)
    toy = report.attacks[-1]
    assert isinstance(toy, MembershipMeasured)
    assert (toy.name, toy.queries) == ("toy", 400)
    page = render(Audited(report))
    assert "Toy attack" in page
    assert "the toy&#39;s only tree" in page or "the toy's only tree" in page
    assert "max_leaf_nodes=10" in [change.name for change in report.tradeoffs.changes]

    silent = audited(bundle, attacks=["loss"], defences=["silence=3"])
    assert silent.attacks[0].metrics.auc.value == 0.5
    assert "Silence (3 decibels)" in " ".join(notice.message for notice in silent.warnings)
    assert "silence" in refusal(bundle, defences=["sillence"]).hint
    assert "toy" in refusal(bundle, attacks=["toi"]).hint
    monkeypatch.setattr(choices, "OUTPUT_DEFENCES", output.OUTPUT_DEFENCES)
    assert "silence" in [choice.value for choice in choices.choices()]
