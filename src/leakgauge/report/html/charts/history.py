"""One figure over releases, with its intervals; where it was shown to rise is marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from leakgauge.report.comparison.model import Side
from leakgauge.report.history.model import History, Release, Trend
from leakgauge.report.html.charts.axes import padded
from leakgauge.report.html.charts.lines import Axis, Series, line_chart


def history_chart(history: History, measure: str, *, title: str, identifier: str) -> Markup | None:
    """The worst attack on the answers, and that on the model file, over releases; None without a figure."""
    answers = _series("on answers", 0, [release.figures for release in history.releases], measure)
    on_file = _series("on the model file", 1, [release.on_file for release in history.releases], measure)
    lines = [line for line in (answers, on_file) if line.points]
    if not lines:
        return None
    risen = {step.after for step in history.steps if step.measure == measure and step.trend is Trend.MORE}
    marks = [
        Series("" if place else "rise shown", (point,), 2)
        for place, point in enumerate(
            point for point, release in _points(history.releases, measure) if release.name in risen
        )
    ]
    low, high = padded([end for line in lines for _, *ends in line.band for end in ends])
    return line_chart(
        [*lines, *marks],
        Axis(1, len(history.releases), lambda value: f"{value:.0f}" if value == round(value) else ""),
        Axis(low, high, lambda value: f"{value:.3g}"),
        x_label="release, as numbered in the table",
        identifier=identifier,
        title=f"{title[:1].upper()}{title[1:]} over releases",
        description="; ".join(
            f"{release.name}: {_spoken(release.figures[measure])}" for release in history.releases
        ),
    )


def _series(label: str, style: int, sides: Sequence[Mapping[str, Side]], measure: str) -> Series:
    known = [
        (place + 1, side[measure].estimate) for place, side in enumerate(sides) if side[measure].estimate
    ]
    return Series(
        label,
        tuple((place, found.value) for place, found in known if found),
        style,
        tuple((place, found.low, found.high) for place, found in known if found),
    )


def _points(releases: Sequence[Release], measure: str) -> list[tuple[tuple[float, float], Release]]:
    found = [
        (place + 1, release, release.figures[measure].estimate) for place, release in enumerate(releases)
    ]
    return [((place, figure.value), release) for place, release, figure in found if figure]


def _spoken(side: Side) -> str:
    return side.status.replace("_", " ") if side.estimate is None else f"{side.estimate.value:.3f}"
