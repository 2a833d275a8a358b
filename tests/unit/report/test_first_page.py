"""The first page: the limits of the verdict, whom it concerns, three actions, how sure it is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from profile_reports import profiles_report
from report_examples import inversion_audited, measured, membership_report

from leakgauge import summary
from leakgauge.estimates import Estimate
from leakgauge.membership.recommendations import recommend
from leakgauge.report import risk, thresholds
from leakgauge.report.cards.figures import main_figures
from leakgauge.report.evidence.clauses import answers
from leakgauge.report.evidence.origins import rests_on
from leakgauge.report.html import render
from leakgauge.report.html.first_page import SHOWN, FirstPage
from leakgauge.report.json_document import to_json
from leakgauge.report.model import Audited, MembershipReport, Notice, PredictionErrors, Report, Severity

REPORTS: dict[str, Report] = {
    "membership": membership_report(n=60),
    "inversion": inversion_audited(classes=1).report,
    "profiles": profiles_report(),
}
DETAILS = {
    "title": "Audit <7>",
    "model": "m-3",
    "author": "A. Reader",
    "date": "2026-05-04",
    "purpose": "a release",
}


def of_severity(report: Report, severity: Severity) -> Report:
    return replace(report, verdict=replace(report.verdict, severity=severity))


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("severity", Severity)
def test_the_severity_stands_among_its_neighbours_with_their_limits(kind: str, severity: Severity) -> None:
    page = FirstPage.of(of_severity(REPORTS[kind], severity))
    assert [step.severity for step in page.scale] == ["low", "moderate", "high", "critical"]
    here = [step.severity for step in page.scale if step.here]
    assert here == ([] if severity is Severity.INCONCLUSIVE else [severity])
    assert all(re.search(r"\d", step.limits) for step in page.scale)


def test_the_limits_are_those_of_the_rule() -> None:
    scale = {step.severity: step.limits for step in FirstPage.of(REPORTS["membership"]).scale}
    for severity, auc, rate in thresholds.MEMBERSHIP:
        assert f"{auc:.2f}" in scale[severity]
        assert f"{100 * rate:g} %" in scale[severity]


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("severity", Severity)
def test_people_are_told_what_it_means_and_promised_nothing(kind: str, severity: Severity) -> None:
    said = " ".join(FirstPage.of(of_severity(REPORTS[kind], severity)).people)
    assert said
    assert not re.search(r"\bsafe\b|\bno risk\b|\bguarantee", said)
    if severity is Severity.INCONCLUSIVE:
        assert "not settled" in said


@pytest.mark.parametrize("kind", REPORTS)
def test_a_shown_leak_has_actions_and_each_says_what_it_saves_and_costs(kind: str) -> None:
    for severity in SHOWN:
        page = FirstPage.of(of_severity(REPORTS[kind], severity))
        assert 1 <= len(page.actions) <= 3
        assert all(action.saves and action.costs for action in page.actions)


def test_the_change_that_pays_has_measured_savings_and_costs() -> None:
    report = REPORTS["membership"]
    assert report.kind == "membership"
    assert report.tradeoffs is not None
    knee = next(change for change in report.tradeoffs.changes if change.name == report.tradeoffs.knee)
    advice = replace(report.recommendations[0], because=report.tradeoffs.sentence)
    first, *_ = FirstPage.of(replace(report, recommendations=(advice,))).actions
    assert knee.leakage_difference is not None
    assert f"{abs(knee.leakage_difference.value):.2f}" in first.saves
    assert "test accuracy" in first.costs
    assert first.because == "", "the figure would stand there twice"


def test_what_was_not_measured_is_said_to_be() -> None:
    report = replace(REPORTS["membership"], tradeoffs=None)
    assert all("not measured" in action.costs for action in FirstPage.of(report).actions)


def test_no_recommendation_is_lost() -> None:
    report = REPORTS["membership"]
    many = replace(report, recommendations=report.recommendations[:1] * 7)
    page = FirstPage.of(many)
    assert len(page.actions) + len(page.further) == 7


def test_details_are_shown_as_text_and_stand_in_the_json() -> None:
    report = replace(REPORTS["membership"], parameters={"report": DETAILS})
    page = render(Audited(report))
    for text in (*list(DETAILS.values())[1:], "Audit &lt;7&gt;"):
        assert text in page
    assert "Audit <7>" not in page


@pytest.mark.parametrize("sent", [None, "x", 7, [], {"title": 7, "author": None, "date": ["x"]}])
def test_details_of_another_form_are_left_out(sent: object) -> None:
    report = replace(REPORTS["membership"], parameters={"report": sent})
    page = FirstPage.of(report)
    assert page.title is None
    assert page.details == ()


def on_the_file_alone() -> MembershipReport:
    """A report whose only attack read the model file, and found much."""
    report = REPORTS["membership"]
    assert isinstance(report, MembershipReport)
    attacks = tuple(attack for attack in report.attacks if attack.name == "leaf_counts")
    verdict = risk.verdict(attacks, shift=None)
    return replace(report, attacks=attacks, verdict=verdict, attackers=(), records=(), slices=())


def test_an_attack_on_the_file_is_no_attack_on_the_answers_and_is_told_all_the_same() -> None:
    report = on_the_file_alone()
    assert report.verdict.severity is Severity.INCONCLUSIVE
    assert report.verdict.sentence == (
        "No attack on the model's answers gave a figure, so nothing is known about what they leak."
    )
    people = FirstPage.of(report).people
    assert "may query the model" in people[0]
    assert people[-1].startswith(
        "If the model file leaks: An attacker who sees the model file is right about"
    )
    assert "No attack on the answers was asked for." in render(Audited(report))
    # nothing rests on a precision that is not in the report, and no clause is answered by the better half
    assert not any("Precision" in support.text for support in rests_on(report))
    risks = next(answer for answer in answers(report) if answer.clause.number == "35 (7) (c)")
    assert "model file has an AUC of" in risks.words
    said = summary.lines(json.loads(to_json(report)), Path("nowhere"))
    assert any(line.startswith("An attacker who holds the model file: Leaf counts, AUC") for line in said)


def test_tables_that_differ_by_themselves_say_nothing_of_the_file() -> None:
    report = replace(on_the_file_alone(), warnings=(Notice("tables_differ", "they differ"),))
    assert not any("model file" in text for text in FirstPage.of(report).people)


def test_a_file_that_was_not_attacked_is_not_spoken_of() -> None:
    report = REPORTS["membership"]
    answers_alone = replace(
        report, attacks=tuple(one for one in report.attacks if one.threat_model != "model_file")
    )
    assert not any(
        "If the model file leaks: An attacker" in text for text in FirstPage.of(answers_alone).people
    )
    said = summary.lines(json.loads(to_json(answers_alone)), Path("nowhere"))
    assert not any("holds the model file" in line for line in said)


@pytest.mark.parametrize(("compared", "told"), [(True, "enough for a verdict"), (False, "none is ruled out")])
def test_more_records_are_no_promise_where_reference_models_are_missing(compared: bool, told: str) -> None:
    report = REPORTS["membership"]
    assert isinstance(report, MembershipReport)
    worst = measured("loss", "Loss", "probabilities", "someone", strength=0.2, n=60)
    decisions = np.zeros(120, dtype=bool)
    advice = recommend(
        severity=Severity.INCONCLUSIVE,
        worst=worst,
        worst_decisions=decisions,
        label_decisions=None,
        member=np.arange(120) < 60,
        target=report.target,
        slices=(),
        tried=None,
        compared=compared,
        rng=np.random.default_rng(0),
    )
    assert told in advice[0].text


def test_a_regressor_has_errors_and_no_accuracy_in_clauses_and_cards() -> None:
    report = REPORTS["membership"]
    assert isinstance(report, MembershipReport)
    error = Estimate(12.0, 11.0, 13.0, 60)
    errors = PredictionErrors(3.0, error, error, error, error)
    regressor = replace(report, target=replace(report.target, errors=errors, classes=()))
    accurate = next(answer for answer in answers(regressor) if answer.clause.number == "15 (1), (3)")
    assert "the test error (RMSE) is 12.0 (11.0–13.0)" in accurate.words
    names = {figure.name for figure in main_figures(regressor)}
    assert {"test_rmse", "train_rmse"} <= names
    assert not {"test_accuracy", "train_accuracy"} & names
