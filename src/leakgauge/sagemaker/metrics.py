"""The figures of a report as log lines that SageMaker's metric definitions can match."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from leakgauge.errors import JsonValue
from leakgauge.sandbox.output import read_document
from leakgauge.text import Sink, printable

# Of these, the largest over all attacks is told too, under a name that does not change with the
# attacks that ran: the worst case is what a tuning job or an alarm should look at.
_WORST = ("auc", "accuracy", "advantage", "leakage")
_CORRECTED = "_corrected"
_NAME = 120


def metric_lines(report: Path) -> list[str]:
    """`name=value;` for each figure of each attack that was measured, then `attack_NAME` for the worst.

    Parameters
    ----------
    report
        a `report.json`. Read as plain JSON, so that no attack has to be known here.

    Raises
    ------
    AuditFailed
        `untrusted_output` for a file that is no JSON of a report.
    """
    document = read_document(report)
    figures = list(_figures(document))
    lines = [f"{attack}_{name}={value:.6g};" for attack, name, value in figures]
    for worst in _WORST:
        values = [value for _, name, value in figures if name == worst]
        if values:
            lines.append(f"attack_{worst}={max(values):.6g};")
    return lines


def _figures(document: JsonValue) -> Iterator[tuple[str, str, float]]:
    attacks = document.get("attacks") if isinstance(document, dict) else None
    for attack in attacks if isinstance(attacks, list) else []:
        match attack:
            case {"name": str() as name, "status": "measured", "metrics": dict() as metrics}:
                for metric, estimate in metrics.items():
                    if metric.endswith(_CORRECTED):
                        continue
                    match estimate:
                        case {"value": int() | float() as value} if math.isfinite(value):
                            yield (
                                printable(name, Sink.TERMINAL, longest=_NAME),
                                printable(metric, Sink.TERMINAL, longest=_NAME),
                                float(value),
                            )
