"""The chart of a report on class profiles."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from leakgauge.report import formatting
from leakgauge.report.html import svg
from leakgauge.report.html.charts.axes import Frame
from leakgauge.report.model import ProfileColumn
from leakgauge.text import Sink, printable


def distance_chart(columns: Sequence[ProfileColumn], *, identifier: str, target_class: str) -> Markup | None:
    """How far everybody and the attacker's profile lie from the real class, a row for each column.

    None where no distance was measured.
    """
    rows = [
        (column, column.error, column.chance, column.ceiling)
        for column in columns
        if column.error is not None and column.chance is not None and column.ceiling is not None
    ]
    if not rows:
        return None
    labels = [printable(column.name, Sink.PAGE, longest=40) for column, *_ in rows]
    frame = Frame.of_rows(labels, top=26)
    most = max(max(error.value, chance.value) for _, error, chance, _ in rows)
    across = svg.LinearScale(0.0, max(most, 0.1), frame.left, frame.right)
    parts = [
        *frame.columns(across, lambda value: formatting.plain(value, 2)),
        svg.marker(0, frame.left + 4, 16, class_="ring"),
        svg.text("everybody", frame.left + 13, 20, class_="tick"),
        svg.marker(0, frame.left + 84, 16, class_="dot"),
        svg.text("attacker", frame.left + 93, 20, class_="tick"),
        svg.line(frame.left + 156, 11, frame.left + 156, 21, class_="limit"),
        svg.text("other real records", frame.left + 164, 20, class_="tick"),
    ]
    for place, (label, (_, error, chance, ceiling)) in enumerate(zip(labels, rows, strict=True)):
        y = frame.row(place)
        parts += [
            frame.row_label(label, y),
            svg.line(across(chance.value), y, across(error.value), y, class_="span"),
            svg.line(across(ceiling.value), y - 6, across(ceiling.value), y + 6, class_="limit"),
            svg.marker(0, across(chance.value), y, class_="ring"),
            svg.marker(0, across(error.value), y, class_="dot"),
        ]
    parts.append(frame.title_below("distance from the real class", frame.bottom + 33))
    return svg.chart(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title=f"How far the attacker's profile of class {target_class} lies from the real one",
        description="A row for each column: the ring is what is known of everybody, the dot the attacker's "
        "profile, the bar where other real records of the class lie; 0 is the real class. "
        "The table below holds the figures.",
    )
