"""What the page of a comparison shows, put in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from markupsafe import Markup

from leakgauge.report import formatting
from leakgauge.report.comparison.model import Change, Comparison, Effect, EvasionChange
from leakgauge.report.comparison.sentences import EFFECT_WORDS, MEASURE_TITLES
from leakgauge.report.html.charts.comparison import change_chart
from leakgauge.report.html.charts.inversion import evasion_chart

_COLOURS = {
    Effect.REDUCES: "low",
    Effect.NO_EFFECT: "moderate",
    Effect.HIDES_THE_SLOPE: "high",
    Effect.HIDES: "high",
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
        every = (*comparison.worst, *comparison.attributes)
        measures = dict.fromkeys(change.measure for change in every)
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
    worst = tuple(
        change for change in (*comparison.worst, *comparison.attributes) if change.measure == measure
    )
    attacks = tuple(change for change in comparison.attacks if change.measure == measure)
    title = MEASURE_TITLES.get(measure, formatting.name(measure))
    title = title[:1].upper() + title[1:]
    chart = change_chart((*worst, *attacks), title=title, identifier=f"changes-{measure.replace('_', '-')}")
    return Table(title, worst, attacks, chart)


def _evasion_chart(evasion: EvasionChange) -> Markup | None:
    """Both sides' curves, as far as they have one."""
    return evasion_chart(
        {
            "before": [(row.radius, row.before) for row in evasion.rows if row.before is not None],
            "after": [(row.radius, row.after) for row in evasion.rows if row.after is not None],
        },
        identifier="evasion-chart",
    )
