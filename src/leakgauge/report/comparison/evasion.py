"""A reference library's evasion curve before and after a change; it decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from leakgauge.estimates import Estimate, difference
from leakgauge.report.comparison.figures import mean_over_same_records
from leakgauge.report.comparison.model import EvasionChange, EvasionRow, Side
from leakgauge.report.json_document import DECIMALS
from leakgauge.report.model import EvasionMeasured, Failed, InversionReport, NotApplicable, Report

_Outcome = EvasionMeasured | NotApplicable | Failed


def evasion_change(befores: Sequence[Report], afters: Sequence[Report]) -> EvasionChange | None:
    """The curves of both sides; None where no report was asked for one.

    Over several runs, which share their images, figures and ends of intervals are means.
    """
    ones, others = ([_evasion(run) for run in runs] for runs in (befores, afters))
    known = next((found for found in (*ones, *others) if found is not None), None)
    if known is None:
        return None
    before, after = _curve(ones), _curve(others)
    radii = sorted(before.keys() | after.keys())
    return EvasionChange(
        title=known.title,
        threat_model=known.threat_model,
        citation=known.citation,
        before=_side(ones),
        after=_side(others),
        rows=tuple(_row(radius, before.get(radius), after.get(radius)) for radius in radii),
    )


def _evasion(report: Report) -> _Outcome | None:
    return report.evasion if isinstance(report, InversionReport) else None


def _side(runs: Sequence[_Outcome | None]) -> Side:
    """What became of the curve: of several runs the first without one tells."""
    for found in runs:
        if found is None:
            return Side("absent", None, None, "The audit did not include it.")
        if not isinstance(found, EvasionMeasured):
            return Side(found.status, found.name, None, found.reason)
    return Side("measured", next((found.name for found in runs if found is not None), None), None)


def _curve(runs: Sequence[_Outcome | None]) -> dict[float, Estimate]:
    """Share of images still classified correctly by radius; empty unless every run measured it."""
    measured = [found for found in runs if isinstance(found, EvasionMeasured)]
    if len(measured) < len(runs):
        return {}
    # as far as a written report keeps it, so that one from a file and one from memory have the same radii
    curves = [{round(point.radius, DECIMALS): point.right for point in found.curve} for found in measured]
    shared = set(curves[0]).intersection(*curves)
    return {radius: mean_over_same_records([curve[radius] for curve in curves]) for radius in shared}


def _row(radius: float, before: Estimate | None, after: Estimate | None) -> EvasionRow:
    gain = None if before is None or after is None else difference(after, before)
    return EvasionRow(radius, before, after, gain)
