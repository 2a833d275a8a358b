"""What the membership page shows of attribute inference, put in order."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from leakgauge.report.html.charts.attributes import attribute_chart
from leakgauge.report.model import (
    AttributeColumn,
    AttributeInference,
    AttributeMeasured,
    AttributePart,
    Failed,
    NotApplicable,
)


@dataclass(frozen=True, slots=True)
class ColumnFigures:
    """One column with its attacks: those that ran by what they show, then those without a figure."""

    column: AttributeColumn
    measured: tuple[AttributeMeasured, ...]
    without_figure: tuple[NotApplicable | Failed, ...]
    parts: tuple[AttributePart, ...]


@dataclass(frozen=True, slots=True)
class AttributeSection:
    """All that the section needs beside the report."""

    columns: tuple[ColumnFigures, ...]
    chart: Markup | None

    @classmethod
    def of(cls, found: AttributeInference) -> AttributeSection:
        """The section on what was found."""
        columns = tuple(_figures(column) for column in found.columns if column.withheld is None)
        charted = [
            (figures.column.name, attack)
            for figures in columns
            for attack in figures.measured
            if attack.name == figures.column.strongest
        ]
        return cls(columns, attribute_chart(charted, identifier="attribute-chart") if charted else None)


def _figures(column: AttributeColumn) -> ColumnFigures:
    measured = [attack for attack in column.attacks if isinstance(attack, AttributeMeasured)]
    measured.sort(key=lambda attack: (attack.sees_given, -attack.metrics.leakage_corrected.low))
    return ColumnFigures(
        column,
        tuple(measured),
        tuple(attack for attack in column.attacks if not isinstance(attack, AttributeMeasured)),
        tuple(
            sorted(column.parts, key=lambda part: part.leakage.low if part.leakage else -1.0, reverse=True)
        ),
    )
