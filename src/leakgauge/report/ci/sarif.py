"""The gate as SARIF 2.1.0 (OASIS 2020), which code scanning reads: one result per rule.

A broken rule is of kind `fail` and level `error`. One that cannot be decided is of
kind `fail` and level `warning`: SARIF's own `open` must have level `none`
(3.27.10), which code scanning does not show, and what is not shown looks passed.
A rule that is kept is of kind `pass`.
"""

from __future__ import annotations

import json

from leakgauge.errors import JsonValue
from leakgauge.report.model import GateOutcome, GateResult, Report, RuleResult
from leakgauge.text import Sink, printable

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_KINDS = {
    GateOutcome.FAILED: ("fail", "error"),
    GateOutcome.INCONCLUSIVE: ("fail", "warning"),
    GateOutcome.PASSED: ("pass", "none"),
}


def to_sarif(result: GateResult, report: Report, *, artifact: str = "report.json") -> bytes:
    """The result as a UTF-8 SARIF log with one run.

    Parameters
    ----------
    artifact
        address of the report relative to the root of the repository, which results point to.
    """
    run: dict[str, JsonValue] = {
        "tool": {
            "driver": {
                "name": "Leakgauge",
                "version": report.versions.get("leakgauge", "unknown"),
                "rules": [
                    {
                        "id": _identifier(rule, report),
                        "shortDescription": {"text": printable(rule.title, Sink.PAGE)},
                        "defaultConfiguration": {"level": "error"},
                    }
                    for rule in result.rules
                ],
            }
        },
        "invocations": [{"executionSuccessful": True}],
        "results": [
            _result(rule, place, report, artifact=artifact) for place, rule in enumerate(result.rules)
        ],
        "properties": {"outcome": result.outcome.value, "sentence": printable(result.sentence, Sink.PAGE)},
    }
    log: dict[str, JsonValue] = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return (json.dumps(log, ensure_ascii=False, indent=2) + "\n").encode("utf-8", errors="replace")


def _result(rule: RuleResult, place: int, report: Report, *, artifact: str) -> JsonValue:
    kind, level = _KINDS[rule.outcome]
    identifier = _identifier(rule, report)
    message = f"{rule.outcome.value.capitalize()}: {rule.title}. {rule.reason}"
    return {
        "ruleId": identifier,
        "ruleIndex": place,
        "kind": kind,
        "level": level,
        "message": {"text": printable(message, Sink.PAGE)},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": artifact}, "region": {"startLine": 1}}}
        ],
        "partialFingerprints": {"leakgaugeRule/v1": identifier},
        "properties": {
            "outcome": rule.outcome.value,
            "limit": rule.limit,
            "low": rule.low,
            "high": rule.high,
        },
    }


def _identifier(rule: RuleResult, report: Report) -> str:
    return printable(f"leakgauge/{report.kind}/{rule.rule}", Sink.PAGE)
