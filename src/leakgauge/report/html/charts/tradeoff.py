"""Leakage against accuracy, for each change to a model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from leakgauge.report import formatting
from leakgauge.report.html import svg
from leakgauge.report.html.charts.axes import LETTER, Frame, padded, percent_tick
from leakgauge.report.model import TriedChange
from leakgauge.text import Sink, printable

_BESIDE = 36.0
"""From the plot to the names beside it."""
_STYLE_OF_CHANGE = {"as_it_is": 0, "training": 1, "output": 2}


def tradeoff_chart(changes: Sequence[TriedChange], *, knee: str | None, identifier: str) -> Markup:
    """Leakage against accuracy, a numbered point with both intervals for each change; the knee is ringed.

    The names of the points stand beside the plot, so that no label can cover another.
    """
    longest = max(len(_titled(number, change)) for number, change in enumerate(changes, start=1))
    height = max(280, 90 + 22 * len(changes))
    frame = Frame(
        width=330 + _BESIDE + LETTER * longest, height=height, left=50, top=30, right=330, bottom=height - 44
    )
    across, up = _scales(changes, frame)
    chance = up(formatting.CHANCE)
    parts = [
        frame.plane(),
        svg.text("AUC of the quick attacks", 0, 14, class_="label"),
        *frame.columns(across, percent_tick),
        *frame.rows(up, lambda value: f"{value:.2g}"),
        frame.horizontal(chance, class_="chance"),
        svg.text("guessing", frame.left + 4, chance - 4, class_="tick"),
        svg.text("better ↘", frame.right - 4, chance - 4, class_="tick", anchor="end"),
        *(_intervals(change, across, up) for change in changes),  # all of them under all points
        *_points(changes, knee, frame, across, up),
        frame.title_below("test accuracy", frame.height - 8),
    ]
    points = "; ".join(
        f"{number} {change.title}: test accuracy {formatting.percent(change.accuracy)}, "
        f"AUC {formatting.number(change.leakage)}"
        for number, change in enumerate(changes, start=1)
    )
    ringed = next((change.title for change in changes if change.name == knee), None)
    return svg.chart(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title="Leakage against accuracy for each change",
        description=f"{points}. " + (f"The knee is: {ringed}." if ringed else "No change is at a knee."),
    )


def _scales(changes: Sequence[TriedChange], frame: Frame) -> tuple[svg.LinearScale, svg.LinearScale]:
    accuracy = padded([end for change in changes for end in (change.accuracy.low, change.accuracy.high)])
    leakage = padded(
        [formatting.CHANCE, *(end for change in changes for end in (change.leakage.low, change.leakage.high))]
    )
    return (
        svg.LinearScale(max(accuracy[0], 0.0), min(accuracy[1], 1.0), frame.left, frame.right),
        svg.LinearScale(max(leakage[0], 0.0), min(leakage[1], 1.0), frame.bottom, frame.top),
    )


def _intervals(change: TriedChange, across: svg.LinearScale, up: svg.LinearScale) -> str:
    x, y = across(change.accuracy.value), up(change.leakage.value)
    return svg.line(
        across(change.accuracy.low), y, across(change.accuracy.high), y, class_="reach"
    ) + svg.line(x, up(change.leakage.low), x, up(change.leakage.high), class_="reach")


def _points(
    changes: Sequence[TriedChange],
    knee: str | None,
    frame: Frame,
    across: svg.LinearScale,
    up: svg.LinearScale,
) -> list[str]:
    """A mark for each change in the plot, one in the legend, and its number beside both."""
    parts = []
    taken = [(across(change.accuracy.value), up(change.leakage.value)) for change in changes]
    for number, change in enumerate(changes, start=1):
        x, y = taken[number - 1]
        row = frame.top + 22 * number - 8
        style = _STYLE_OF_CHANGE[change.kind]
        for place_x, place_y in ((x, y), (frame.right + 22, row)):
            if change.name == knee:
                parts.append(svg.marker(0, place_x, place_y, class_="ring", size=9))
            parts.append(svg.marker(style, place_x, place_y, class_=f"mark series-{style}"))
        label = _free_place(x, y, taken)
        taken.append(label)
        parts.append(svg.text(str(number), label[0], label[1] + 4, class_="label", anchor="middle"))
        parts.append(svg.text(_titled(number, change), frame.right + _BESIDE, row + 4, class_="label"))
    return parts


def _titled(number: int, change: TriedChange) -> str:
    return f"{number}  {printable(change.title, Sink.PAGE, longest=50)}"


def _free_place(x: float, y: float, taken: Sequence[svg.Point]) -> svg.Point:
    """A place around (x, y) for a short label, as far as can be from what stands there already."""
    around = [
        (x + 13 * dx, y + 13 * dy)
        for dx, dy in ((0.8, -0.8), (-0.8, -0.8), (0.8, 0.8), (-0.8, 0.8), (1.6, 0), (-1.6, 0))
    ]

    def room(place: svg.Point) -> float:
        return min(12.0, *(math.dist(place, other) for other in taken))

    return max(around, key=room)
