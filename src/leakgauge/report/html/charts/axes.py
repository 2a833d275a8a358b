"""What all charts share: the plotting area with its grid, ticks and titles, and intervals within it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leakgauge.report.html import svg

ROW_HEIGHT = 24.0
LETTER = 7.0
"""A generous width for one of the labels' letters."""
LEAST_WIDTH = 240.0

TickLabel = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Frame:
    """The plotting area inside a chart; the rest of it is room for ticks and labels."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of_rows(cls, labels: Sequence[str], *, top: float) -> Frame:
        """The area of a chart with a mark for each of `labels`; long ones make the chart wider."""
        bottom = top + ROW_HEIGHT * len(labels)
        left = 20 + LETTER * max([2, *map(len, labels)])
        right = max(466.0, left + LEAST_WIDTH)
        return cls(width=right + 14, height=bottom + 36, left=left, top=top, right=right, bottom=bottom)

    def row(self, place: int) -> float:
        """The middle of a row, counted from 0."""
        return self.top + ROW_HEIGHT * (place + 0.5)

    def plane(self) -> str:
        """The background of the area."""
        width, height = self.right - self.left, self.bottom - self.top
        return svg.element("rect", x=self.left, y=self.top, width=width, height=height, class_="plane")

    def vertical(self, x: float, *, class_: str = "grid") -> str:
        """A line over the whole height."""
        return svg.line(x, self.top, x, self.bottom, class_=class_)

    def horizontal(self, y: float, *, class_: str = "grid") -> str:
        """A line over the whole width."""
        return svg.line(self.left, y, self.right, y, class_=class_)

    def tick_below(self, label: str, x: float, *, gap: float = 16) -> str:
        """The label of a tick of the horizontal axis."""
        return svg.text(label, x, self.bottom + gap, class_="tick", anchor="middle")

    def tick_beside(self, label: str, y: float) -> str:
        """The label of a tick of the vertical axis."""
        return svg.text(label, self.left - 6, y + 4, class_="tick", anchor="end")

    def row_label(self, label: str, y: float) -> str:
        """The label of a row."""
        return svg.text(label, self.left - 10, y + 4, class_="label", anchor="end")

    def title_below(self, title: str, y: float) -> str:
        """The title of the horizontal axis, with its baseline at `y`."""
        return svg.text(title, (self.left + self.right) / 2, y, class_="label", anchor="middle")

    def columns(self, across: svg.LinearScale, label: TickLabel, *, most: int = 7) -> list[str]:
        """A vertical line with a label below for each of at most `most` round values."""
        return [
            self.vertical(across(value)) + self.tick_below(label(value), across(value), gap=15)
            for value in across.ticks(most)
        ]

    def rows(self, up: svg.LinearScale, label: TickLabel) -> list[str]:
        """A horizontal line with a label on the left for each of a few round values."""
        return [
            self.horizontal(up(value)) + self.tick_beside(label(value), up(value)) for value in up.ticks(6)
        ]


def whisker(x1: float, y1: float, x2: float, y2: float) -> str:
    """An interval with a short bar across either end."""
    across = (0.0, 3.0) if y1 == y2 else (3.0, 0.0)
    return svg.line(x1, y1, x2, y2, class_="interval") + "".join(
        svg.line(x - across[0], y - across[1], x + across[0], y + across[1], class_="interval")
        for x, y in ((x1, y1), (x2, y2))
    )


def padded(values: Sequence[float]) -> tuple[float, float]:
    """The range of `values` with some room; a range of one for equal ones."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def percent_tick(value: float) -> str:
    """A share as `12.5 %`."""
    return f"{100 * value:.4g} %"
