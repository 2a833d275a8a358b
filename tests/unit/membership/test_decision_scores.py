"""Models with decision scores and no probabilities are attacked by their scores, and the report says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from cases import audited
from pools import inputs_of, pool_of, records
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from leakgauge.attacks.row import NOT_INSTALLED
from leakgauge.attacks.table import chosen_attacks
from leakgauge.defences.output import DefendedTarget, not_undone, settings_of
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.audit import audit
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.pool import SharedAnswers
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.training_sets import TrainingData
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.html import render
from leakgauge.report.model import (
    Audited,
    MembershipMeasured,
    MembershipReport,
    NotApplicable,
    Severity,
)
from leakgauge.targets.sklearn.answer_forms import DecisionScores
from leakgauge.targets.sklearn.target import SklearnTarget

pytestmark = pytest.mark.usefixtures("few_trees")

FEW = ["gap", "loss", "rmia", "lira"]
MEMBERS, OTHERS = records(300, seed=0), records(300, seed=1)


def run(inputs: Inputs, attacks: list[str] | None = None, **parameters) -> MembershipReport:
    settings = {"reference_models": 4, "tradeoffs": False, "proportions": [90], **parameters}
    return audit(
        inputs,
        parameters=membership_parameters(None, settings),
        attacks=ATTACKS if attacks is None else chosen_attacks(attacks, ATTACKS, reference_libraries=True),
        inputs_sha256={"model.pkl": "0" * 64},
        progress=Silent(),
    )


def memorising() -> Inputs:
    return inputs_of(SVC(C=100.0, gamma=1.0).fit(*MEMBERS), MEMBERS, OTHERS)


def defended(inputs: Inputs, *spellings: str) -> Inputs:
    left = not_undone(settings_of(spellings))
    target = DefendedTarget(inputs.target._target, left) if left else inputs.target._target
    return dataclasses.replace(inputs, target=SharedAnswers(target, inputs.pool), defences=left)


def test_every_attack_on_answers_reads_the_scores() -> None:
    report = run(memorising(), [row.name for row in ATTACKS if row.name != "learned_nn"])
    outcomes = {attack.name: attack for attack in report.attacks}
    for row in [row for row in ATTACKS if row.name in outcomes]:
        outcome = outcomes[row.name]
        if row.threat_model == "model_file":
            assert isinstance(outcome, NotApplicable)
            continue
        assert outcome.threat_model == ("scores" if row.threat_model == "probabilities" else "labels")
        if isinstance(outcome, NotApplicable):
            assert outcome.reason == NOT_INSTALLED
    labels = max(outcomes[name].metrics.auc.value for name in ("gap", "label_only"))
    scores = max(outcomes[name].metrics.auc.value for name in ("rmia", "lira", "learned_rf"))
    assert scores > labels + 0.05
    assert report.table
    assert report.verdict.severity in (Severity.HIGH, Severity.CRITICAL)
    assert report.verdict.sentence.startswith("An attacker who sees only the model's decision scores")
    assert any("decision scores" in advice.title for advice in report.recommendations)
    assert "Seeing only the model's decision scores" in report.insights[0].sentence
    page = render(Audited(report))
    assert "The attacker sees decision scores" in page
    assert "The attacker sees probabilities" not in page
    assert "<dt>Decision scores</dt>" in page
    assert "<dt>Probabilities</dt>" not in page


def test_what_learned_nothing_raises_no_alarm_and_is_low_only_beside_reference_models() -> None:
    model = RidgeClassifier().fit(*records(400, seed=2))
    many, others = records(1200, seed=3), records(1200, seed=4)
    inputs = inputs_of(model, many, others)
    report = run(inputs, FEW)
    assert report.verdict.severity is Severity.LOW
    assert "decision scores" in report.verdict.sentence or "labels" in report.verdict.sentence
    alone = run(inputs, FEW, reference_models=0)
    assert alone.verdict.severity is Severity.INCONCLUSIVE
    assert any("reference models" in reason for reason in alone.verdict.reasons)


def test_clones_are_asked_for_the_very_same_score_at_the_very_same_scale() -> None:
    model = make_pipeline(StandardScaler(), SVC(decision_function_shape="ovo")).fit(*MEMBERS)
    target = SklearnTarget(model)
    pool = pool_of(target, MEMBERS, OTHERS)
    target = target.reading_scores(pool.x, pool.y)
    asked: list[tuple[object, float]] = []

    @dataclasses.dataclass(frozen=True)
    class Heard(DecisionScores):
        def __call__(self, model, x):
            asked.append((type(model), self.scale))
            return super().__call__(model, x)

    plan = Plan(model, target.classes, models=4, seed=0, form=Heard(target.form.scale))
    answers = ReferenceModels(plan, TrainingData.of(pool))(Silent())
    assert len(asked) >= 4
    assert set(asked) == {(type(model), target.form.scale)}
    inside = answers.p_y[answers.trained_on].mean()
    assert inside > answers.p_y[~answers.trained_on].mean()


def test_a_clone_that_knows_fewer_classes_gives_the_others_no_chance() -> None:
    x, y = records(120, seed=0)
    y = y + 1
    y[0] = 0  # one record of its own class: one of each pair knows it
    model = LinearSVC().fit(x, y)
    target = SklearnTarget(model)
    pool = pool_of(target, (x[:60], y[:60]), (x[60:], y[60:]))
    target = target.reading_scores(pool.x, pool.y)
    plan = Plan(model, target.classes, models=4, seed=0, form=target.form)
    answers = ReferenceModels(plan, TrainingData.of(pool))(Silent())
    assert (answers.p_y[~answers.trained_on[:, 0], 0] == 0.0).all()
    assert (answers.p_y[answers.trained_on[:, 0], 0] > 0.0).all()


@pytest.mark.parametrize(
    ("defences", "sees"),
    [
        ((), "scores"),
        (("temperature=5",), "scores"),  # anybody can undo it
        (("rounding=1",), "probabilities"),  # of a softmax, as a service would answer with it
        (("noise=1",), "probabilities"),
        (("top_k=1", "temperature=2"), "probabilities"),
    ],
)
def test_a_defence_is_of_a_softmax_and_who_sees_it_sees_probabilities(defences, sees: str) -> None:
    report = run(defended(memorising(), *defences), FEW)
    outcomes = {attack.name: attack for attack in report.attacks}
    assert {outcomes[name].threat_model for name in ("loss", "rmia", "lira")} == {sees}
    assert isinstance(outcomes["rmia"], MembershipMeasured)


def test_labels_alone_behind_a_defence_are_labels_alone() -> None:
    report = run(defended(memorising(), "label_only"), FEW)
    outcomes = {attack.name: attack for attack in report.attacks}
    assert isinstance(outcomes["gap"], MembershipMeasured)
    assert all(isinstance(outcomes[name], NotApplicable) for name in ("loss", "rmia", "lira"))


def test_changes_are_tried_on_scores_too() -> None:
    report = run(memorising(), FEW, tradeoffs=True)
    assert report.tradeoffs is not None
    titles = [change.title for change in report.tradeoffs.changes]
    assert "Ten times the regularisation (10)" in titles
    assert titles[-1] == "Answers as a softmax of the scores, to one decimal"
    as_it_is, stronger = report.tradeoffs.changes[:2]
    assert as_it_is.leakage.value > 0.6
    assert stronger.leakage_difference is not None


def test_the_report_names_the_scale_and_what_a_defence_is_applied_to(tmp_path: Path) -> None:
    names = [f"c{place}" for place in range(MEMBERS[0].shape[1])]
    model = make_pipeline(StandardScaler(), LinearSVC()).fit(*MEMBERS)
    joblib.dump(model, tmp_path / "model.joblib")
    for name, (x, y) in (("train.csv", MEMBERS), ("test.csv", OTHERS)):
        pd.DataFrame(x, columns=names).assign(label=y).to_csv(tmp_path / name, index=False)
    for defences, words in (((), "softmax(score / "), (("rounding=1",), "defences change that softmax")):
        report = audited(tmp_path, attacks=["gap", "loss"], defences=list(defences))
        (told,) = [notice for notice in report.warnings if notice.code == "decision_scores"]
        assert "Pipeline(StandardScaler → LinearSVC) gives decision scores" in told.message
        assert words in told.message


def test_text_labels_and_frames_make_no_difference() -> None:
    names = np.array(["yes", "no", "NA"], dtype=object)

    def framed(data):
        x, y = data
        return pd.DataFrame(x, columns=[f"c{place}" for place in range(x.shape[1])]), names[y]

    members, others = framed(MEMBERS), framed(OTHERS)
    model = make_pipeline(StandardScaler(), SVC(C=100.0, gamma=1.0)).fit(*members)
    report = run(inputs_of(model, members, others), FEW)
    outcomes = {attack.name: attack for attack in report.attacks}
    assert outcomes["lira"].metrics.auc.value > outcomes["gap"].metrics.auc.value
