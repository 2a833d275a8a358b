"""What the page of a history shows, put in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from markupsafe import Markup

from leakgauge.report.comparison.sentences import MEASURE_TITLES
from leakgauge.report.history.model import History, Step, Trend
from leakgauge.report.html.charts.history import history_chart

_COLOURS: Final = {
    Trend.MORE: "critical",
    Trend.LESS: "low",
    Trend.NOT_SHOWN: "moderate",
    Trend.UNKNOWN: "inconclusive",
}
"""Which severity's colour a trend wears."""
_HEADLINES: Final = {
    Trend.MORE: "The leak has risen",
    Trend.LESS: "The leak has fallen",
    Trend.NOT_SHOWN: "No change of the leak was shown",
    Trend.UNKNOWN: "Not all of the history is known",
}


@dataclass(frozen=True, slots=True)
class MeasureFigure:
    """One measure: its chart, and what changed from each release to the next."""

    name: str
    title: str
    chart: Markup | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Everything that `history.html.j2` needs beside the history itself."""

    colour: str
    headline: str
    figures: tuple[MeasureFigure, ...]
    reports: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, history: History) -> Self:
        """The page of `history`."""
        return cls(
            _COLOURS[history.trend],
            _HEADLINES[history.trend],
            tuple(_figure(history, measure) for measure in history.measures),
            tuple((release.name, release.sha256) for release in history.releases),
        )


def _figure(history: History, measure: str) -> MeasureFigure:
    title = MEASURE_TITLES[measure]
    return MeasureFigure(
        measure,
        title[:1].upper() + title[1:],
        history_chart(history, measure, title=title, identifier=f"history-{measure.replace('_', '-')}"),
        tuple(step for step in (*history.steps, *history.overall) if step.measure == measure),
    )
