"""Figures before and after a change, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from leakgauge.report.comparison.model import Change, Side
from leakgauge.report.html import svg
from leakgauge.report.html.charts.axes import LETTER, Frame
from leakgauge.text import Sink, printable

_ROW, _TOP = 28.0, 30.0
_LONGEST_TITLE = 60


def change_chart(changes: Sequence[Change], *, title: str, identifier: str) -> Markup | None:
    """Every figure before (disc) and after (square) on one axis, with its interval; None without a figure."""
    shown = [change for change in changes if change.before.estimate or change.after.estimate]
    estimates = [side.estimate for change in shown for side in (change.before, change.after) if side.estimate]
    if not estimates:
        return None
    chance = shown[0].chance
    low = min(chance, *(each.low for each in estimates))
    high = max(chance, *(each.high for each in estimates))
    room = 0.03 * (high - low) or 0.05
    bottom = _TOP + _ROW * len(shown)
    left = 20 + LETTER * max(len(_shortened(change.title)) for change in shown)
    frame = Frame(width=left + 390, height=bottom + 24, left=left, top=_TOP, right=left + 370, bottom=bottom)
    across = svg.LinearScale(low - room, high + room, frame.left, frame.right)
    parts = frame.columns(across, lambda value: f"{value:.3g}", most=6)
    parts.append(frame.vertical(across(chance), class_="chance"))
    for place, label in enumerate(("before", "after")):
        at = frame.left + 90 * place
        parts.append(svg.marker(place, at, 14, class_=f"mark series-{place}"))
        parts.append(svg.text(label, at + 10, 18, class_="label"))
    for row, change in enumerate(shown):
        y = frame.top + _ROW * (row + 0.5)
        parts.append(frame.row_label(_shortened(change.title), y))
        parts += [_point(side, across, y, place) for place, side in enumerate((change.before, change.after))]
    return svg.chart(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title=f"{title} before and after",
        description="; ".join(
            f"{change.title}: {_spoken(change.before)} before, {_spoken(change.after)} after"
            for change in shown
        ),
    )


def _shortened(title: str) -> str:
    return printable(title, Sink.PAGE, longest=_LONGEST_TITLE)


def _point(side: Side, across: svg.LinearScale, y: float, place: int) -> str:
    if side.estimate is None:
        return ""
    y += (-5.0, 5.0)[place]
    line = svg.line(across(side.estimate.low), y, across(side.estimate.high), y, class_="interval")
    return line + svg.marker(place, across(side.estimate.value), y, class_=f"mark series-{place}")


def _spoken(side: Side) -> str:
    return side.status.replace("_", " ") if side.estimate is None else f"{side.estimate.value:.3f}"
