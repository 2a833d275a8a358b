"""The chart of attribute inference: how far the model carries an attacker beyond a guess."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from leakgauge.report.html import svg
from leakgauge.report.html.charts.axes import Frame, percent_tick
from leakgauge.report.model import AttributeMeasured
from leakgauge.text import Sink, printable

_LONGEST_NAME = 18
_ROOM = 12.0
"""For the right half of the label of the last tick."""


def attribute_chart(columns: Sequence[tuple[str, AttributeMeasured]], *, identifier: str) -> Markup:
    """For each column members and others: a line from the guess without the model to the attack with it."""
    rows = [
        (
            f"{printable(name, Sink.PAGE, longest=_LONGEST_NAME)}: {who}",
            side.imputation.value,
            side.attack.value,
        )
        for name, attack in columns
        for who, side in (("members", attack.metrics.members), ("others", attack.metrics.non_members))
    ]
    frame = Frame.of_rows([label for label, _, _ in rows], top=8)
    lowest = max(min(min(guess, attack) for _, guess, attack in rows) - 0.1, 0.0)
    across = svg.LinearScale(lowest, 1.0, frame.left, frame.right - _ROOM)
    parts = ["".join(frame.columns(across, percent_tick))]
    for place, (label, guess, attack) in enumerate(rows):
        y = frame.row(place)
        parts.append(frame.row_label(label, y))
        parts.append(svg.line(across(guess), y, across(attack), y, class_="interval"))
        parts.append(svg.line(across(guess), y - 5, across(guess), y + 5, class_="interval"))
        parts.append(svg.marker(0, across(attack), y, class_="dot"))
    parts.append(frame.title_below("people whose value is named rightly", frame.bottom + 33))
    return svg.chart(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title="Values named rightly, without the model and with it",
        description="; ".join(
            f"{label} {100 * guess:.0f} % without the model and {100 * attack:.0f} % with it"
            for label, guess, attack in rows
        )
        + ".",
    )
