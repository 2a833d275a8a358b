"""Small pieces of SVG: escaped elements, scales and ticks.

Charts carry class names instead of colours, so that one stylesheet serves
light, dark and print. They carry no namespace, which inline SVG does not need:
a page without outside addresses then really has none.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from leakgauge.text import Sink, printable

Point = tuple[float, float]


def element(tag: str, *children: str, **attributes: str | float) -> str:
    """One element; children are markup already, attribute values are escaped.

    `class_` gives the attribute `class`, `stroke_width` gives `stroke-width`.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"' for key, value in attributes.items()
    )
    inside = "".join(children)
    return f"<{tag}{written}>{inside}</{tag}>" if inside else f"<{tag}{written}/>"


def text(content: str, x: float, y: float, *, class_: str, anchor: str = "start") -> str:
    """A line of text with its baseline at `y`; `content` is escaped."""
    shown = html.escape(printable(content, Sink.PAGE))
    return element("text", shown, x=x, y=y, class_=class_, text_anchor=anchor)


def chart(
    width: float, height: float, *children: str, identifier: str, title: str, description: str
) -> Markup:
    """A whole chart with the title and description that a screen reader speaks, ready for a template."""
    shown = element(
        "svg",
        element("title", html.escape(printable(title, Sink.PAGE)), id=f"{identifier}-title"),
        element("desc", html.escape(printable(description, Sink.PAGE)), id=f"{identifier}-desc"),
        *children,
        viewBox=f"0 0 {coordinate(width)} {coordinate(height)}",
        role="img",
        aria_labelledby=f"{identifier}-title {identifier}-desc",
        class_="chart",
    )
    return Markup(shown)  # noqa: S704 - every text and attribute above was escaped on its way in


def line(x1: float, y1: float, x2: float, y2: float, *, class_: str) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def polyline(points: Iterable[Point], *, class_: str) -> str:
    """Straight lines through `points`; nothing for fewer than two."""
    corners = [_pair(point) for point in points]
    return element("polyline", points=" ".join(corners), class_=class_) if len(corners) > 1 else ""


def polygon(points: Iterable[Point], *, class_: str) -> str:
    """A filled area; nothing for fewer than three corners."""
    corners = [_pair(point) for point in points]
    return element("polygon", points=" ".join(corners), class_=class_) if len(corners) > 2 else ""


def steps(points: Sequence[Point], *, class_: str) -> str:
    """A staircase: across at the old height, then up, so that nothing is read in between two points."""
    if len(points) < 2:
        return ""
    path = [f"M{_pair(points[0])}"]
    x, y = coordinate(points[0][0]), coordinate(points[0][1])
    for next_x, next_y in ((coordinate(px), coordinate(py)) for px, py in points[1:]):
        path.append("" if next_x == x else f"H{next_x}")
        path.append("" if next_y == y else f"V{next_y}")
        x, y = next_x, next_y
    return element("path", d="".join(path), class_=class_)


def marker(shape: int, x: float, y: float, *, class_: str, size: float = 4.0) -> str:
    """One of three shapes (disc, square, triangle), so that colour is never the only difference."""
    kind = shape % 3
    if kind == 0:
        return element("circle", cx=x, cy=y, r=size, class_=class_)
    if kind == 1:
        return element("rect", x=x - size, y=y - size, width=2 * size, height=2 * size, class_=class_)
    return polygon(
        [(x, y - 1.3 * size), (x + 1.2 * size, y + size), (x - 1.2 * size, y + size)], class_=class_
    )


def coordinate(value: float) -> str:
    """A position with one decimal, which is finer than a screen; minus zero is zero."""
    return f"{round(value, 1) + 0.0:g}"


@dataclass(frozen=True, slots=True)
class LinearScale:
    """Maps `[low, high]` onto positions `[start, end]`; values outside land on the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of `value`."""
        if self.high <= self.low:
            return (self.start + self.end) / 2
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """At most `most` round values (multiples of 1, 2, 2.5 or 5 powers of ten) within the range."""
        if self.high <= self.low:
            return [self.low]
        span = self.high - self.low
        power = 10.0 ** math.floor(math.log10(span / max(most, 1)))
        for factor in (1, 2, 2.5, 5, 10, 20, 25, 50):
            step = factor * power
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            if last - first + 1 <= most:
                return [position * step for position in range(first, last + 1)]
        return [self.low, self.high]


@dataclass(frozen=True, slots=True)
class LogScale:
    """Maps `[10**-decades, 1]` onto positions on a logarithmic axis; zero and less land on the edge."""

    decades: int
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of `value`."""
        floor = 10.0**-self.decades
        share = 1 + math.log10(min(max(value, floor), 1.0)) / self.decades
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """The powers of ten within the range, ascending."""
        return [10.0**-power for power in range(self.decades, -1, -1)]


def _pair(point: Point) -> str:
    return f"{coordinate(point[0])},{coordinate(point[1])}"


def _attribute(value: str | float) -> str:
    return html.escape(value) if isinstance(value, str) else coordinate(value)
