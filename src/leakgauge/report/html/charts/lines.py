"""A chart of lines over two linear axes, each line with its band, its marks and its entry in the legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from leakgauge.report.html import svg
from leakgauge.report.html.charts.axes import LETTER, Frame, TickLabel

_LEFT, _RIGHT = 50.0, 454.0
_ENTRY_HEIGHT = 18.0


@dataclass(frozen=True, slots=True)
class Series:
    """A line through `points`; `band` holds (x, low, high); `style` picks colour, dash and marker shape."""

    label: str
    points: tuple[svg.Point, ...]
    style: int
    band: tuple[tuple[float, float, float], ...] = ()
    marked: bool = True

    def range_in_words(self) -> str:
        """The least and the greatest value, as per cent."""
        values = [y for _, y in self.points]
        return f"{100 * min(values):.0f} to {100 * max(values):.0f} %"


@dataclass(frozen=True, slots=True)
class Axis:
    """The range of an axis, and how its ticks are written."""

    low: float
    high: float
    tick: TickLabel


def line_chart(
    series: Sequence[Series],
    across_axis: Axis,
    up_axis: Axis,
    *,
    x_label: str,
    identifier: str,
    title: str,
    description: str,
    reference: tuple[float, str] | None = None,
) -> Markup:
    """All `series` over the same axes, with a dashed line at the value of `reference` and its label."""
    places = _legend_places(series)
    top = 30 + _ENTRY_HEIGHT * max([0, *(row for _, row in places)])
    frame = Frame(width=480, height=top + 250, left=_LEFT, top=top, right=_RIGHT, bottom=top + 206)
    across = svg.LinearScale(across_axis.low, across_axis.high, frame.left, frame.right)
    up = svg.LinearScale(up_axis.low, up_axis.high, frame.bottom, frame.top)
    parts = [
        frame.plane(),
        *(frame.tick_below(across_axis.tick(value), across(value)) for value in across.ticks(6)),
        *frame.rows(up, up_axis.tick),
    ]
    if reference is not None:
        value, label = reference
        parts.append(frame.horizontal(up(value), class_="chance"))
        parts.append(svg.text(label, frame.right - 4, up(value) + 14, class_="tick", anchor="end"))
    parts += [_band(line, across, up) for line in series]  # all bands lie under all lines
    parts += [_line(line, across, up) for line in series]
    parts.append(_legend(series, places))
    parts.append(frame.title_below(x_label, frame.height - 6))
    return svg.chart(
        frame.width, frame.height, *parts, identifier=identifier, title=title, description=description
    )


def _band(line: Series, across: svg.LinearScale, up: svg.LinearScale) -> str:
    corners = [(across(x), up(high)) for x, _, high in line.band]
    corners += [(across(x), up(low)) for x, low, _ in reversed(line.band)]
    return svg.polygon(corners, class_=f"band series-{line.style % 3}")


def _line(line: Series, across: svg.LinearScale, up: svg.LinearScale) -> str:
    style = f"series-{line.style % 3}"
    places = [(across(x), up(y)) for x, y in line.points]
    shown = svg.polyline(places, class_=f"line {style}" if line.label else f"line thin {style}")
    if line.marked or len(places) == 1:
        shown += "".join(svg.marker(line.style, x, y, class_=f"mark {style}") for x, y in places)
    return shown


def _legend(series: Sequence[Series], places: Sequence[tuple[float, int]]) -> str:
    parts = []
    for line, (x, row) in zip(filter(_label, series), places, strict=True):
        style, y = f"series-{line.style % 3}", 12 + _ENTRY_HEIGHT * row
        parts.append(svg.line(x, y, x + 28, y, class_=f"line {style}"))
        if line.marked:
            parts.append(svg.marker(line.style, x + 14, y, class_=f"mark {style}"))
        parts.append(svg.text(line.label, x + 34, y + 4, class_="label"))
    return "".join(parts)


def _legend_places(series: Sequence[Series]) -> list[tuple[float, int]]:
    """Where each entry begins, and in which row: a new one where the entry would stick out."""
    places: list[tuple[float, int]] = []
    x, row = _LEFT, 0
    for line in filter(_label, series):
        width = 56 + LETTER * len(line.label)
        if x > _LEFT and x + width > _RIGHT:
            x, row = _LEFT, row + 1
        places.append((x, row))
        x += width
    return places


def _label(line: Series) -> str:
    return line.label
