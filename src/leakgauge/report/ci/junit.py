"""The gate as JUnit XML, which every build server reads: one test case per rule.

A broken rule is a `failure`. One that cannot be decided is an `error`, never
`skipped`: build servers show skipped tests as green.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from leakgauge.report.model import GateOutcome, GateResult, Report
from leakgauge.text import Sink, printable

_ELEMENTS = {GateOutcome.FAILED: "failure", GateOutcome.INCONCLUSIVE: "error"}


def to_junit(result: GateResult, report: Report) -> bytes:
    """The result as a UTF-8 XML document with one test suite."""
    outcomes = [rule.outcome for rule in result.rules]
    totals = {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count(GateOutcome.FAILED)),
        "errors": str(outcomes.count(GateOutcome.INCONCLUSIVE)),
        "skipped": "0",
    }
    root = ET.Element("testsuites", {"name": "leakgauge"} | totals)
    suite = ET.SubElement(root, "testsuite", {"name": f"leakgauge {report.kind} gate"} | totals)
    for rule in result.rules:
        reason = printable(rule.reason, Sink.XML)
        facts = {"classname": f"leakgauge.{report.kind}", "name": printable(rule.rule, Sink.XML)}
        case = ET.SubElement(suite, "testcase", facts)
        if rule.outcome is GateOutcome.PASSED:
            ET.SubElement(case, "system-out").text = reason
            continue
        element = ET.SubElement(
            case, _ELEMENTS[rule.outcome], {"message": reason, "type": rule.outcome.value}
        )
        element.text = f"{printable(rule.title, Sink.XML)}: {rule.outcome.value}.\n{reason}"
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"
