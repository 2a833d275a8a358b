"""The first page: the limits of the verdict, whom it concerns, three actions, how sure it is."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from profile_reports import profiles_report
from report_examples import inversion_audited, membership_report

from leakgauge.report import thresholds
from leakgauge.report.html import render
from leakgauge.report.html.first_page import SHOWN, FirstPage
from leakgauge.report.model import Audited, Report, Severity

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
