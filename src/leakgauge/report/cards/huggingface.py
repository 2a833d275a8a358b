"""A section of a Hugging Face model card: `model-index` above, what it means below.

The metadata follows the model card specification of the Hub: https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

from typing import Any

import yaml

from leakgauge.report import formatting
from leakgauge.report.cards.figures import Figure, main_figures
from leakgauge.report.model import InversionReport, MembershipReport, Report
from leakgauge.text import Sink, printable

_TITLES = {
    "membership": "Membership inference audit",
    "inversion": "Model inversion audit",
    "profiles": "Class profile audit",
}
_DATASET = "the audit's own data (private)"
_SOURCE = "https://github.com/leakgauge/leakgauge"


def huggingface_card(report: Report, *, name: str) -> str:
    """The YAML metadata between its lines of dashes, and a section in Markdown.

    Parameters
    ----------
    name
        of the model, as its card has it.
    """
    metadata = yaml.safe_dump(model_index(report, name=name), allow_unicode=True, sort_keys=False, width=110)
    return f"---\n{metadata}---\n\n{_section(report)}"


def model_index(report: Report, *, name: str) -> dict[str, Any]:
    """The metadata alone: one result, with a metric for each main figure; none where nothing was measured."""
    figures = main_figures(report)
    result = {
        "task": {"type": _task(report), "name": _TITLES[report.kind]},
        "dataset": {"type": "private", "name": _DATASET},
        "metrics": [_metric(figure) for figure in figures],
        "source": {"name": f"Leakgauge {report.versions.get('leakgauge', '')}".strip(), "url": _SOURCE},
    }
    return {"model-index": [{"name": name, "results": [result] if figures else []}]}


def _metric(figure: Figure) -> dict[str, Any]:
    found = figure.estimate
    known = {"low": round(found.low, 6), "high": round(found.high, 6), "records": found.n}
    by = {} if figure.attack is None else {"attack": figure.attack}
    return {
        "type": figure.name,
        "name": figure.title,
        "value": round(found.value, 6),
        "args": {**known, **by},
    }


def _task(report: Report) -> str:
    if isinstance(report, InversionReport) or "input_range" in report.parameters:
        return "image-classification"
    if isinstance(report, MembershipReport) and report.target.errors is not None:
        return "tabular-regression"
    return "tabular-classification"


def _section(report: Report) -> str:
    severity = formatting.severity(report.verdict.severity, report.verdict.borderline)
    lines = [
        f"## {_TITLES[report.kind]}",
        "",
        f"**Leakage: {severity}.** {_text(report.verdict.sentence)}",
        "",
        "| figure | value | interval | attack |",
        "|---|---:|---:|---|",
    ]
    for figure in main_figures(report):
        interval = formatting.number_interval(figure.estimate)
        value = formatting.number_value(figure.estimate)
        lines.append(f"| {figure.title} | {value} | {interval} | {_text(figure.attack or '–')} |")
    lines += ["", "Figures of attacks have intervals that are corrected for the number of attacks.", ""]
    return "\n".join(lines)


def _text(text: str) -> str:
    """Text of a report in a line of Markdown: nothing in it makes a table, a link or markup."""
    return printable(text, Sink.MARKDOWN)
