"""Predicted numbers in the place of a regressor: the same figures as by file, from tables and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from tests.support.cases import audited

import leakgauge
from leakgauge.bundle import Limits, open_bundle
from leakgauge.errors import InputError
from leakgauge.membership.audit import audit_bundle
from leakgauge.membership.inputs import read_inputs
from leakgauge.membership.reference_models import ReferenceModels
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipReport
from regressors import numbers

pytestmark = pytest.mark.usefixtures("few_trees")


X, Y = numbers(260, seed=3)
MEMBER = np.arange(260) < 130
FOREST = RandomForestRegressor(15, random_state=0).fit(X[MEMBER], Y[MEMBER])
ANSWERS = pd.DataFrame({"predicted": FOREST.predict(X), "label": Y})
MEMBERS, NON_MEMBERS = ANSWERS[MEMBER], ANSWERS[~MEMBER]
REFERENCED = {"attacks": ["gap", "loss", "rmia", "lira", "rmia_offline", "lira_offline"]}
QUICK = {"attacks": ["gap", "loss"]}


def reference(seed: int, *, other: bool = False) -> pd.DataFrame:
    chosen = (np.random.default_rng(seed).permutation(260) < 130) ^ other
    model = RandomForestRegressor(15, random_state=seed).fit(X[chosen], Y[chosen])
    return pd.DataFrame({"in_training": chosen.astype(int), "predicted": model.predict(X)})


def pairs(number: int) -> dict[str, pd.DataFrame]:
    return {
        f"{seed}{'b' if other else 'a'}.csv": reference(seed, other=other)
        for seed in range(number)
        for other in (False, True)
    }


def bundle(folder: Path, members: Any = MEMBERS, others: Any = NON_MEMBERS, references: Any = ()) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    members.to_csv(folder / "members_answers.csv", index=False)
    others.to_csv(folder / "non_members_answers.csv", index=False)
    for name, table in dict(references).items():
        (folder / "reference_answers").mkdir(exist_ok=True)
        table.to_csv(folder / "reference_answers" / name, index=False)
    return folder


def report_of(folder: Path, **parameters: Any) -> MembershipReport:
    opened = open_bundle(folder, folder.parent / f"{folder.name} scratch", limits=Limits())
    report = audit_bundle(opened, parameters, Silent()).report
    assert isinstance(report, MembershipReport)
    return report


def refused(folder: Path, **parameters: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        report_of(folder, **(QUICK | parameters))
    return caught.value


def areas(report: MembershipReport) -> dict[str, float]:
    return {one.name: one.metrics.auc.value for one in report.attacks if one.status == "measured"}


def test_the_figures_are_those_of_the_file_audit(tmp_path, monkeypatch):
    """Every figure of every attack that needs answers alone is the same, to the last digit."""
    seen: dict[str, Any] = {}
    trained = ReferenceModels.__call__

    def noted(self, progress, *, attacker="candidates"):
        seen[attacker] = trained(self, progress, attacker=attacker)
        return seen[attacker]

    monkeypatch.setattr(ReferenceModels, "__call__", noted)
    files = tmp_path / "files"
    files.mkdir()
    joblib.dump(FOREST, files / "model.joblib")
    for name, rows in (("train.csv", MEMBER), ("test.csv", ~MEMBER)):
        pd.DataFrame(X[rows]).assign(label=Y[rows]).to_csv(files / name, index=False)
    named = [*REFERENCED["attacks"], "learned_rf"]
    opened: Any = open_bundle(files, tmp_path / "scratch", limits=Limits())
    parameters: Any = {"attacks": named, "reference_models": 8, "tradeoffs": False, "proportions": [50]}
    by_file = audit_bundle(opened, parameters, Silent()).report

    # the answers in the order in which the file audit has its records
    inputs = read_inputs(opened, membership_parameters(None, {}))
    pool, scale = inputs.pool, inputs.target.error_scale
    assert scale is not None
    asked = pd.DataFrame({"predicted": FOREST.predict(pool.x), "label": pool.y})
    references = {}
    for attacker, given in seen.items():
        for p_y, in_training in zip(given.p_y, given.trained_on, strict=True):
            predicted = pool.y + scale.unit * np.log(p_y)  # a number that is as far away
            table = pd.DataFrame({"predicted": predicted, "in_training": in_training})
            references[f"{attacker} {len(references):02d}.csv"] = table
    folder = bundle(tmp_path / "answers", asked[pool.member], asked[~pool.member], references)
    alone = report_of(folder, attacks=named, proportions=[50])

    by_name = {attack.name: attack for attack in alone.attacks}
    for attack in by_file.attacks:
        assert attack.status == "measured"
        assert by_name[attack.name].metrics == attack.metrics
    assert alone.verdict == by_file.verdict
    assert alone.target.errors == by_file.target.errors
    assert alone.slices == by_file.slices
    assert alone.target.train_accuracy == by_file.target.train_accuracy
    assert {attack.threat_model for attack in alone.attacks} == {"predictions"}


def test_reference_answers_beside_a_regressor_stand_in_for_models_trained_here(tmp_path):
    folder = tmp_path / "b"
    folder.mkdir()
    joblib.dump(FOREST, folder / "model.joblib")
    for name, rows in (("train.csv", MEMBER), ("test.csv", ~MEMBER)):
        pd.DataFrame(X[rows]).assign(label=Y[rows]).to_csv(folder / name, index=False)
    (folder / "reference_answers").mkdir()
    for name, table in pairs(3).items():
        table.assign(label=Y).to_csv(folder / "reference_answers" / name, index=False)
    report = audited(folder, attacks=["rmia", "lira", "leaf_counts"])
    alone = report_of(bundle(tmp_path / "alone", references=pairs(3)), attacks=["rmia", "lira"])
    assert areas(report)["rmia"] == pytest.approx(areas(alone)["rmia"], abs=1e-6)
    assert areas(report)["lira"] == pytest.approx(areas(alone)["lira"], abs=1e-6)
    assert areas(alone)["rmia"] > 0.7


def test_predictions_in_memory_give_the_figures_of_the_tables(tmp_path):
    sides = [(side.predicted.to_numpy(), side.label.to_numpy()) for side in (MEMBERS, NON_MEMBERS)]
    tables = pairs(2)
    given = [(table.predicted, table.in_training) for table in tables.values()]
    by_file = report_of(bundle(tmp_path / "b", references=tables), **REFERENCED)
    for shaped in (lambda a: a, lambda a: a[:, None], lambda a: pd.DataFrame({"predicted": a})):
        report = leakgauge.audit_answers(
            shaped(sides[0][0]),
            sides[0][1],
            shaped(sides[1][0]),
            sides[1][1],
            reference_answers=given,
            **REFERENCED,
        )
        assert areas(report) == pytest.approx(areas(by_file), abs=1e-6)


def test_rounded_predictions_are_behind_the_defence_that_rounds(tmp_path):
    tables = {"references": pairs(2)}
    report = report_of(bundle(tmp_path / "b", **tables), **REFERENCED, defences=["rounding=0"])
    by_hand = {name: table.round({"predicted": 0}) for name, table in pairs(2).items()}
    rounded = [side.round({"predicted": 0}) for side in (MEMBERS, NON_MEMBERS)]
    again = report_of(bundle(tmp_path / "c", *rounded, references=by_hand), **REFERENCED)
    assert areas(report) == pytest.approx(areas(again))
    assert refused(tmp_path / "b", defences=["top_k"]).code == "bad_parameters.defence_of_classes"


def test_prices_in_whole_numbers_are_predicted_numbers_too(tmp_path):
    tables = [(side * 1_000).round().astype(int) for side in (MEMBERS, NON_MEMBERS)]
    report = report_of(bundle(tmp_path / "b", *tables), **QUICK)
    assert report.target.errors is not None
    assert areas(report)["loss"] == pytest.approx(
        areas(report_of(bundle(tmp_path / "c"), **QUICK))["loss"], abs=0.01
    )


def test_a_few_whole_numbers_are_labels_still(tmp_path):
    tables = [side.clip(0, 3).round().astype(int) for side in (MEMBERS, NON_MEMBERS)]
    assert report_of(bundle(tmp_path / "b", *tables), **QUICK).target.errors is None


def test_groups_beside_predicted_numbers_are_known(tmp_path):
    tables = [side.assign(town=np.arange(130) % 2) for side in (MEMBERS, NON_MEMBERS)]
    report = report_of(bundle(tmp_path / "b", *tables), **QUICK, group_column="town")
    assert {one.by for one in report.slices} == {"band", "group"}


@pytest.mark.parametrize(
    ("cells", "column", "problem"),
    [
        ("much", "predicted", "not_numbers"),
        (np.nan, "predicted", "not_numbers"),
        (np.inf, "predicted", "not_numbers"),
        (1e200, "predicted", "not_numbers"),
        ("much", "label", "labels_not_numbers"),
        (np.nan, "label", "missing_labels"),
        (1e200, "label", "labels_out_of_range"),
    ],
)
def test_cells_that_are_no_numbers_are_refused_by_line(cells, column, problem, tmp_path):
    table = MEMBERS.astype({column: object})
    table.loc[4, column] = cells
    error = refused(bundle(tmp_path / "b", table))
    assert error.code == f"bad_bundle.{problem}"
    assert "line 6" in error.message
    assert error.hint


def spoiled(problem: str) -> pd.DataFrame:
    table = reference(0)
    return {
        "lengths_differ": table.head(200),
        "no_in_training": table.rename(columns={"in_training": "a"}),
        "no_predicted": table.rename(columns={"predicted": "a"}).assign(b=1.0),
        "not_numbers": table.assign(predicted="much"),
        "not_marks": table.assign(in_training=2),
        "rows_differ": table.assign(label=Y[::-1]),
    }[problem]


@pytest.mark.parametrize(
    "problem",
    ["lengths_differ", "no_in_training", "no_predicted", "not_numbers", "not_marks", "rows_differ"],
)
def test_reference_answers_that_do_not_fit_are_refused(problem, tmp_path):
    error = refused(bundle(tmp_path / "b", references={"one.csv": spoiled(problem)}))
    assert error.code == f"bad_bundle.{problem}"
    assert "reference_answers/one.csv" in error.message


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ((np.ones(10), np.ones(260)), "lengths_differ"),
        ((np.ones((260, 2)), np.ones(260)), "lengths_differ"),
        ((np.ones(260), np.full(260, 7)), "not_marks"),
        ((np.full(260, np.nan), np.ones(260)), "not_numbers"),
    ],
)
def test_reference_answers_in_memory_that_do_not_fit_are_refused(given, problem):
    with pytest.raises(InputError) as caught:
        leakgauge.audit_answers(
            MEMBERS.predicted,
            MEMBERS.label,
            NON_MEMBERS.predicted,
            NON_MEMBERS.label,
            reference_answers=[given],
            **QUICK,
        )
    assert caught.value.code == f"bad_bundle.{problem}"
