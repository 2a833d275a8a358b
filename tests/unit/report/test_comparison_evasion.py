"""A reference library's curve beside the comparison: shown on both sides, and deciding nothing."""

from __future__ import annotations

import dataclasses

import pytest
from report_examples import inversion_audited, membership_report

from leakgauge.attacks.row import NOT_INSTALLED
from leakgauge.estimates import proportion
from leakgauge.report.comparison import compare
from leakgauge.report.comparison.document import comparison_from_json, comparison_to_json
from leakgauge.report.gate import gate
from leakgauge.report.html import render_comparison
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import EvasionMeasured, EvasionPoint, Failed, InversionReport, NotApplicable

FACTS = ("pgd_secml_torch", "Evasion by SecML-Torch", "model_file", "Madry et al. 2018")
RADII = (0.0, 1 / 255, 2 / 255)
ABSENT = NotApplicable(*FACTS, NOT_INSTALLED)


def curve(*right: int) -> EvasionMeasured:
    points = (EvasionPoint(at, proportion(n, 100)) for at, n in zip(RADII, right, strict=True))
    return EvasionMeasured(*FACTS, pictures=100, classes=10, queries=300, curve=tuple(points))


@pytest.fixture(scope="module")
def report() -> InversionReport:
    found = inversion_audited().report
    assert isinstance(found, InversionReport)
    return found


def of(report: InversionReport, evasion: EvasionMeasured | NotApplicable | Failed | None) -> InversionReport:
    return dataclasses.replace(report, evasion=evasion)


def test_both_curves_stand_side_by_side_with_what_was_gained(report: InversionReport) -> None:
    found = compare(of(report, curve(98, 60, 10)), of(report, curve(96, 90, 12)))
    assert found.evasion is not None
    assert [row.radius for row in found.evasion.rows] == [round(at, 6) for at in RADII]
    middle = found.evasion.rows[1]
    assert middle.gain is not None
    assert middle.gain.value == pytest.approx(0.3)
    assert middle.gain.low > 0
    first = found.evasion.rows[0]
    assert first.gain is not None
    assert first.gain.low < 0 < first.gain.high
    assert comparison_from_json(comparison_to_json(found)).evasion is not None
    page = render_comparison(found)
    assert "robustness against evasion" in page
    assert page.count("series-1") > 1
    assert page == render_comparison(found)


def test_it_decides_nothing(report: InversionReport) -> None:
    report = of(report, None)
    plain = compare(report, report)
    assert plain.evasion is None
    assert "robustness against evasion" not in render_comparison(plain)
    found = compare(of(report, curve(98, 60, 10)), of(report, curve(10, 5, 0)))
    assert (found.effect, found.sentence, found.worst) == (plain.effect, plain.sentence, plain.worst)
    assert gate(of(report, curve(10, 5, 0))) == gate(report)


def test_without_the_extra_both_sides_say_so(report: InversionReport) -> None:
    found = compare(of(report, ABSENT), of(report, ABSENT))
    assert found.evasion is not None
    assert found.evasion.rows == ()
    for side in (found.evasion.before, found.evasion.after):
        assert (side.status, side.reason) == ("not_applicable", NOT_INSTALLED)
    page = render_comparison(found)
    assert page.count("not applicable <small>(extra &#34;reference&#34; not installed; to install it:") == 2


@pytest.mark.parametrize(
    ("other", "status"),
    [(None, "absent"), (ABSENT, "not_applicable"), (Failed(*FACTS, "It broke off."), "failed")],
)
def test_a_side_without_a_curve_says_why_and_gains_nothing(
    report: InversionReport, other: NotApplicable | Failed | None, status: str
) -> None:
    for befores, afters in ((curve(98, 60, 10), other), (other, curve(98, 60, 10))):
        found = compare(of(report, befores), of(report, afters))
        assert found.evasion is not None
        assert {found.evasion.before.status, found.evasion.after.status} == {"measured", status}
        assert len(found.evasion.rows) == 3
        assert all(row.gain is None for row in found.evasion.rows)
        assert status.replace("_", " ") in render_comparison(found)


def test_several_runs_on_the_same_pictures_do_not_narrow_the_interval(report: InversionReport) -> None:
    one, other = of(report, curve(98, 60, 10)), of(report, curve(98, 80, 10))
    found = compare([one, other], [one, one])
    assert found.evasion is not None
    row = found.evasion.rows[1]
    assert row.before is not None
    assert row.before.value == pytest.approx(0.7)
    assert row.before.high - row.before.low > 0.15
    lacking = compare([one, of(report, ABSENT)], [one, one])
    assert lacking.evasion is not None
    assert lacking.evasion.before.status == "not_applicable"
    assert all(row.before is None for row in lacking.evasion.rows)


def test_a_report_from_a_file_and_one_from_memory_have_the_same_radii(report: InversionReport) -> None:
    one = of(report, curve(98, 60, 10))
    found = compare(one, from_json(to_json(one)))
    assert found.evasion is not None
    assert len(found.evasion.rows) == 3
    assert all(row.gain is not None and row.gain.value == 0 for row in found.evasion.rows)


def test_membership_has_none() -> None:
    made = membership_report(n=60)
    assert compare(made, made).evasion is None
