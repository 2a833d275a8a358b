"""The verdict on class profiles goes by ends of intervals, and "low" has to be earned."""

from __future__ import annotations

import dataclasses

import pytest
from profile_reports import figures, measured

from leakgauge.estimates import Estimate
from leakgauge.profiles.conclusions import recommendations
from leakgauge.profiles.verdict import headline, verdict
from leakgauge.report.model import AuxiliaryKnowledge, ClassFigures, Failed, NotApplicable, Severity

RECORDS, RANGES = AuxiliaryKnowledge("records", 1_500), AuxiliaryKnowledge("ranges", 5_000)
COUNTS = {"class 0": 400, "class 1": 400}


def between(low, high):
    return Estimate((low + high) / 2, low, high, 400)


def row(leakage, gain, name="weighted_records", sees="probabilities"):
    return measured(name, sees, leakage=leakage, gain=gain)


def said(*outcomes, auxiliary=RECORDS, counts=COUNTS):
    return verdict(outcomes, auxiliary, reference_counts=counts)


@pytest.mark.parametrize(
    ("leakage", "gain", "severity"),
    [
        (between(0.60, 0.9), between(0.50, 0.6), Severity.CRITICAL),
        (between(0.59, 0.9), between(0.50, 0.6), Severity.HIGH),
        (between(0.60, 0.9), between(0.49, 0.6), Severity.HIGH),
        (between(0.30, 0.9), between(0.20, 0.6), Severity.HIGH),
        (between(0.30, 0.9), between(0.19, 0.6), Severity.MODERATE),
        (between(0.10, 0.9), between(0.05, 0.6), Severity.MODERATE),
        (between(0.09, 0.9), between(0.20, 0.6), Severity.INCONCLUSIVE),
        (between(0.90, 1.0), between(0.04, 0.06), Severity.INCONCLUSIVE),
        (between(0.00, 0.16), between(0.0, 0.01), Severity.INCONCLUSIVE),
        (between(0.00, 0.15), between(0.0, 0.01), Severity.LOW),
    ],
)
def test_the_rule(leakage, gain, severity):
    assert said(row(leakage, gain)).severity is severity


def test_one_attack_that_cannot_rule_out_more_keeps_all_from_low():
    low, wide = row(between(0, 0.1), between(0, 0.02)), row(between(0, 0.5), between(0, 0.2), "copula_search")
    assert said(low).severity is Severity.LOW
    assert said(low, wide).severity is Severity.INCONCLUSIVE
    failed = Failed("copula_search", "Search", "probabilities", "", "It broke off.")
    assert said(low, failed).severity is Severity.INCONCLUSIVE
    assert any("It broke off" in reason for reason in said(low, failed).reasons)
    unsuited = NotApplicable("copula_search", "Search", "probabilities", "", "labels alone")
    assert said(low, unsuited).severity is Severity.LOW


def test_a_class_that_nobody_measured_keeps_all_from_low():
    low = row(between(0, 0.1), between(0, 0.02))
    found = said(low, counts=COUNTS | {"class 2": 7})
    assert found.severity is Severity.INCONCLUSIVE
    assert any("class 2" in reason for reason in found.reasons)


def test_ranges_alone_never_earn_a_low():
    found = said(row(between(0, 0.1), between(0, 0.02)), auxiliary=RANGES)
    assert found.severity is Severity.INCONCLUSIVE
    assert any("auxiliary.csv" in reason for reason in found.reasons)
    shown = said(row(between(0.7, 0.9), between(0.6, 0.7)), auxiliary=RANGES)
    assert shown.severity is Severity.CRITICAL


def test_where_there_was_nothing_to_learn_the_share_of_it_says_nothing():
    anything = figures(between(0.0, 1.0), between(-0.01, 0.01))
    nothing = dataclasses.replace(anything, to_learn_corrected=between(-0.02, 0.05))
    outcome = row(between(0.0, 1.0), between(-0.01, 0.01))
    classes = tuple(ClassFigures(f"class {place}", 300.0, nothing) for place in range(2))
    assert said(outcome).severity is Severity.INCONCLUSIVE
    assert said(dataclasses.replace(outcome, classes=classes)).severity is Severity.LOW


def test_the_headline_is_the_worst_and_then_the_largest_gain():
    high = row(between(0.3, 0.4), between(0.25, 0.3), "high")
    moderate = row(between(0.9, 1.0), between(0.1, 0.2), "moderate")
    larger = row(between(0.3, 0.4), between(0.4, 0.5), "larger")
    assert headline([moderate, high, larger]).attack.name == "larger"
    assert headline([moderate, high]).attack.name == "high"
    assert headline([]) is None


def test_without_an_attack_nothing_is_known():
    found = said(NotApplicable("copula_search", "Search", "probabilities", "", "labels alone"))
    assert found.severity is Severity.INCONCLUSIVE
    assert found.reasons == ("Search: labels alone",)


def test_labels_are_recommended_only_where_they_were_measured_to_tell_less():
    strong = row(between(0.8, 0.9), between(0.4, 0.5))
    weak = row(between(0.1, 0.3), between(0.05, 0.1), "labelled_records", "labels")
    same = row(between(0.7, 0.9), between(0.3, 0.5), "labelled_records", "labels")
    (advice,) = recommendations([strong, weak], headline([strong, weak]), Severity.HIGH)
    assert "20 %" in advice.because
    assert recommendations([strong, same], headline([strong, same]), Severity.HIGH) == ()
    assert recommendations([strong], headline([strong]), Severity.HIGH) == ()
    assert recommendations([strong, weak], headline([strong, weak]), Severity.INCONCLUSIVE) == ()
