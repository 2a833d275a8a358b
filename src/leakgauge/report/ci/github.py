"""The gate as GitHub workflow commands, which a job prints and GitHub shows beside the change.

Annotations are shown, and decide nothing: it is the exit code that fails the job.
"""

from __future__ import annotations

from leakgauge.report.model import GateOutcome, GateResult, Report
from leakgauge.text import Sink, printable

_COMMANDS = {
    GateOutcome.FAILED: "error",
    GateOutcome.INCONCLUSIVE: "warning",
    GateOutcome.PASSED: "notice",
}


def to_github(result: GateResult, report: Report) -> str:
    """One line per rule, those that decide first, and one for the whole."""
    order = list(_COMMANDS)
    rules = sorted(result.rules, key=lambda rule: order.index(rule.outcome))
    lines = [
        _command(
            rule.outcome, f"Leakgauge {report.kind}: {rule.outcome.value}", f"{rule.title}. {rule.reason}"
        )
        for rule in rules
    ]
    lines.append(_command(result.outcome, "Leakgauge gate", result.sentence))
    return "".join(f"{line}\n" for line in lines)


def _command(outcome: GateOutcome, title: str, message: str) -> str:
    return f"::{_COMMANDS[outcome]} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """Text after the second `::`, where a line break would end the command and start another."""
    return printable(text, Sink.PAGE).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
