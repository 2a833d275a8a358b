"""The rule of the inversion verdict: what shows a leak, what rules one out, and what does neither."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_examples import inversion_audited

from leakgauge.estimates import Estimate, proportion
from leakgauge.inversion.verdict import verdict
from leakgauge.report.model import Judgement, Recognition, Severity, Verdict

NOTHING = Estimate(0.0, 0.0, 0.05, 3)


def judged(
    *, leakage=NOTHING, corrected=NOTHING, recognised=True, recognition=(), drawing_read=None
) -> Verdict:
    report = inversion_audited().report
    judgement = None if drawing_read is None else Judgement(drawing_read, 0.5, None, None)
    drawn = replace(
        report.reconstructions[0], leakage=leakage, leakage_corrected=corrected, judgement=judgement
    )
    return verdict(report.attacks, [drawn], recognised=recognised, recognition=recognition)


def read(right: int, n: int = 10, attack: str = "spsa") -> Recognition:
    return Recognition(attack, proportion(right, n), 1 / n, proportion(n, n).low > 1 / n)


@pytest.mark.parametrize(
    ("low", "severity"),
    [(0.6, Severity.CRITICAL), (0.3, Severity.HIGH), (0.1, Severity.MODERATE), (0.09, Severity.INCONCLUSIVE)],
)
def test_a_leak_is_read_from_the_lower_end_of_the_corrected_interval(low: float, severity: Severity) -> None:
    found = Estimate(0.7, low, 0.9, 3)
    assert judged(leakage=Estimate(0.7, 0.65, 0.9, 3), corrected=found).severity is severity


def test_unlikeness_to_one_picture_alone_is_not_low() -> None:
    found = judged()
    assert found.severity is Severity.INCONCLUSIVE
    assert "cannot rule out" in found.sentence
    assert "reference/CLASS" in found.reasons[-1]


def test_unlike_and_unreadable_is_low() -> None:
    assert judged(recognition=[read(1)]).severity is Severity.LOW


def test_drawings_that_a_judge_reads_are_a_leak_however_unlike_the_picture() -> None:
    found = judged(recognition=[read(8)])
    assert found.severity is Severity.MODERATE
    assert "recognises 8 of 10, where guessing reaches one in 10" in found.sentence


def test_what_was_read_is_told_with_the_queries_of_the_attack_that_drew_it() -> None:
    report = inversion_audited().report
    spsa = report.attacks[0]
    labels = replace(spsa, name="label_only", threat_model="labels")
    unlike = replace(report.reconstructions[0], leakage=NOTHING, leakage_corrected=NOTHING, queries=100)
    drawings = [unlike, replace(unlike, attack="label_only", queries=7_000)]
    found = verdict([spsa, labels], drawings, recognised=True, recognition=[read(8, attack="label_only")])
    assert found.sentence.startswith("With 7,000 queries for labels ")


ALIKE = Estimate(0.9, 0.8, 1.0, 3)


def test_likeness_that_no_judge_can_read_may_be_luck() -> None:
    found = judged(leakage=ALIKE, corrected=ALIKE, recognition=[read(1)], drawing_read=False)
    assert found.severity is Severity.INCONCLUSIVE
    assert "by luck" in found.sentence


@pytest.mark.parametrize(
    "seen",
    [
        {"recognition": [read(1)], "drawing_read": True},  # this very drawing is read
        {"recognition": [read(8)], "drawing_read": False},  # those of other classes are
        {"recognition": [read(0, n=2)], "drawing_read": False},  # too few to say
        {"recognition": [read(1, attack="another")], "drawing_read": False},  # another attack's
        {},
    ],
)
def test_likeness_stands_where_no_judge_speaks_against_it(seen) -> None:
    assert judged(leakage=ALIKE, corrected=ALIKE, **seen).severity is Severity.CRITICAL


def test_an_attack_that_may_be_lucky_takes_nothing_from_one_that_is_not() -> None:
    report = inversion_audited().report
    spsa = report.attacks[0]
    lucky = replace(
        report.reconstructions[0],
        leakage=ALIKE,
        leakage_corrected=ALIKE,
        judgement=Judgement(False, 0.5, None, None),
    )
    shown = Estimate(0.5, 0.4, 0.6, 3)
    plain = replace(lucky, attack="label_only", leakage=shown, leakage_corrected=shown, judgement=None)
    found = verdict(
        [spsa, replace(spsa, name="label_only", threat_model="labels")],
        [lucky, plain],
        recognised=True,
        recognition=[read(0)],
    )
    assert found.severity is Severity.HIGH


def test_too_few_classes_to_judge_by_are_not_low() -> None:
    assert judged(recognition=[read(0, n=2)]).severity is Severity.INCONCLUSIVE


def test_every_attack_must_have_been_judged() -> None:
    assert judged(recognition=[read(0, attack="another")]).severity is Severity.INCONCLUSIVE


def test_a_picture_that_the_model_takes_for_another_class_rules_nothing_out() -> None:
    assert judged(recognised=False, recognition=[read(0)]).severity is Severity.INCONCLUSIVE


def test_a_wide_interval_rules_nothing_out() -> None:
    wide = Estimate(0.0, 0.0, 0.5, 3)
    assert judged(leakage=wide, corrected=wide, recognition=[read(0)]).severity is Severity.INCONCLUSIVE
