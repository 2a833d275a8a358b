"""What the page of a comparison shows, put in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from markupsafe import Markup

from leakgauge.report import wording
from leakgauge.report.comparison.model import Change, Comparison, Effect, EvasionChange, Side
from leakgauge.report.comparison.sentences import EFFECT_WORDS, MEASURE_TITLES
from leakgauge.report.html import charts, svg

_ROW, _TOP, _LEFT, _RIGHT, _WIDTH = 28.0, 30.0, 210.0, 580.0, 600.0
_LONGEST_TITLE = 32
_COLOURS = {
    Effect.REDUCES: "low",
    Effect.NO_EFFECT: "moderate",
    Effect.HIDES_THE_SLOPE: "high",
    Effect.INCREASES: "critical",
    Effect.INCONCLUSIVE: "inconclusive",
}
"""Which severity's colour an effect wears."""


@dataclass(frozen=True, slots=True)
class Table:
    """One measure: the worst of each threat model, then every attack."""

    title: str
    worst: tuple[Change, ...]
    attacks: tuple[Change, ...]
    chart: Markup | None


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """Everything that `comparison.html.j2` needs beside the comparison itself."""

    colour: str
    headline: str
    tables: tuple[Table, ...]
    evasion_chart: Markup | None
    reports: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        """The page of `comparison`."""
        measures = dict.fromkeys(change.measure for change in comparison.worst)
        return cls(
            colour=_COLOURS[comparison.effect],
            headline=EFFECT_WORDS[comparison.effect],
            tables=tuple(_table(measure, comparison) for measure in measures),
            evasion_chart=None if comparison.evasion is None else _evasion_chart(comparison.evasion),
            reports=tuple(
                (f"{when} {run + 1}", sha256)
                for when, sums in (("before", comparison.before), ("after", comparison.after))
                for run, sha256 in enumerate(sums)
            ),
        )


def _table(measure: str, comparison: Comparison) -> Table:
    worst = tuple(change for change in comparison.worst if change.measure == measure)
    attacks = tuple(change for change in comparison.attacks if change.measure == measure)
    title = MEASURE_TITLES.get(measure, wording.name(measure))
    return Table(title[:1].upper() + title[1:], worst, attacks, _chart(measure, title, (*worst, *attacks)))


def _evasion_chart(evasion: EvasionChange) -> Markup | None:
    """Both sides' curves, as far as they have one."""
    return charts.evasion_chart(
        {
            "before": [(row.radius, row.before) for row in evasion.rows if row.before is not None],
            "after": [(row.radius, row.after) for row in evasion.rows if row.after is not None],
        },
        identifier="evasion-chart",
    )


def _chart(measure: str, title: str, changes: tuple[Change, ...]) -> Markup | None:
    """Every figure before (disc) and after (square) on one axis, with its interval."""
    drawn = [change for change in changes if change.before.estimate or change.after.estimate]
    estimates = [side.estimate for change in drawn for side in (change.before, change.after) if side.estimate]
    if not estimates:
        return None
    chance = drawn[0].chance
    low = min(chance, *(each.low for each in estimates))
    high = max(chance, *(each.high for each in estimates))
    room = 0.03 * (high - low) or 0.05
    across = svg.LinearScale(low - room, high + room, _LEFT, _RIGHT)
    bottom = _TOP + _ROW * len(drawn)
    parts = [
        svg.line(across(value), _TOP, across(value), bottom, class_="grid")
        + svg.text(f"{value:.3g}", across(value), bottom + 15, class_="tick", anchor="middle")
        for value in across.ticks(6)
    ]
    parts.append(svg.line(across(chance), _TOP, across(chance), bottom, class_="chance"))
    for place, label in enumerate(("before", "after")):
        at = _LEFT + 90 * place
        parts.append(svg.marker(place, at, 14, class_=f"mark series-{place}"))
        parts.append(svg.text(label, at + 10, 18, class_="label"))
    for row, change in enumerate(drawn):
        y = _TOP + _ROW * (row + 0.5)
        shown = (
            change.title if len(change.title) <= _LONGEST_TITLE else change.title[: _LONGEST_TITLE - 1] + "…"
        )
        parts.append(svg.text(shown, _LEFT - 10, y + 4, class_="label", anchor="end"))
        parts += [_point(side, across, y, place) for place, side in enumerate((change.before, change.after))]
    return svg.drawing(
        _WIDTH,
        bottom + 24,
        *parts,
        identifier=f"changes-{measure.replace('_', '-')}",
        title=f"{title[:1].upper()}{title[1:]} before and after",
        description="; ".join(
            f"{change.title}: {_spoken(change.before)} before, {_spoken(change.after)} after"
            for change in drawn
        ),
    )


def _point(side: Side, across: svg.LinearScale, y: float, place: int) -> str:
    if side.estimate is None:
        return ""
    y += (-5.0, 5.0)[place]
    line = svg.line(across(side.estimate.low), y, across(side.estimate.high), y, class_="interval")
    return line + svg.marker(place, across(side.estimate.value), y, class_=f"mark series-{place}")


def _spoken(side: Side) -> str:
    return side.status.replace("_", " ") if side.estimate is None else f"{side.estimate.value:.3f}"
