"""The content of an Amazon SageMaker Model Card: what `CreateModelCard` takes as `Content`.

It follows the model card JSON schema of the SageMaker developer guide: `evaluation_details` with groups of
metrics. Neither a risk rating nor an intended use is in it, which are for the model's owner to state.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from leakgauge.report import formatting, risk
from leakgauge.report.cards.figures import Figure, main_figures
from leakgauge.report.json_document import to_json
from leakgauge.report.model import MembershipReport, Report
from leakgauge.text import Sink, printable

_LONGEST_TEXT: Final = 2_048
_LONGEST_NOTE: Final = 1_024
_LONGEST_NAME: Final = 63


def sagemaker_card(report: Report) -> str:
    """The card as JSON in ASCII on one line, since the service takes no line breaks."""
    return json.dumps(_content(report))


def _content(report: Report) -> dict[str, Any]:
    severity = formatting.severity(report.verdict.severity, report.verdict.borderline)
    measured = [_metric(figure) for figure in main_figures(report)]
    groups = [{"name": "leakage", "metric_data": [_simple("severity", severity, ""), *measured]}]
    curve = _roc(report)
    if curve is not None:
        groups.append({"name": "ROC curve", "metric_data": [curve]})
    evaluation = {
        "name": f"Leakgauge {report.kind} audit",
        "evaluation_observation": _short(report.verdict.sentence, _LONGEST_TEXT),
        "metadata": {
            "leakgauge_version": _short(report.versions.get("leakgauge", "unknown"), _LONGEST_NOTE),
            "schema_version": report.schema_version,
            "seed": str(report.seed),
            "report_sha256": hashlib.sha256(to_json(report)).hexdigest(),
        },
        "metric_groups": groups,
    }
    content: dict[str, Any] = {"evaluation_details": [evaluation]}
    advice = " ".join(f"{one.title}: {one.text}" for one in report.recommendations)
    if advice:
        content["additional_information"] = {"caveats_and_recommendations": _short(advice, _LONGEST_TEXT)}
    return content


def _metric(figure: Figure) -> dict[str, Any]:
    found = figure.estimate
    by = f" Attack: {figure.attack}." if figure.attack else ""
    note = f"{figure.title}. Interval {found.low:.4f} to {found.high:.4f}, {found.n} records.{by}"
    return _simple(figure.name, round(found.value, 6), note)


def _simple(name: str, value: float | str, note: str) -> dict[str, Any]:
    kind = "string" if isinstance(value, str) else "number"
    shown = _short(value, _LONGEST_NAME) if isinstance(value, str) else value
    return {"name": name, "type": kind, "value": shown} | (
        {"notes": _short(note, _LONGEST_NOTE)} if note else {}
    )


def _roc(report: Report) -> dict[str, Any] | None:
    worst = risk.headline(report.attacks) if isinstance(report, MembershipReport) else None
    if worst is None or not worst.roc:
        return None
    return {
        "name": "roc",
        "type": "linear_graph",
        "notes": _short(f"The strongest attack on the answers: {worst.title}.", _LONGEST_NOTE),
        "value": [[round(false, 6), round(found, 6)] for false, found in worst.roc],
        "x_axis_name": "false-positive rate",
        "y_axis_name": "true-positive rate",
    }


def _short(text: str, longest: int) -> str:
    return printable(text, Sink.PAGE, longest=longest)
