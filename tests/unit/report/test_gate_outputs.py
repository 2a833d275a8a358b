"""JUnit, SARIF and GitHub annotations, read back by parsers; a flipped verdict must flip every one."""

from __future__ import annotations

import dataclasses
import json
import re

import jsonschema
import pytest
from junitparser import Error, Failure, JUnitXml
from report_examples import membership_report

from leakgauge.report.ci.github import to_github
from leakgauge.report.ci.junit import to_junit
from leakgauge.report.ci.sarif import to_sarif
from leakgauge.report.model import GateOutcome, GateResult, RuleResult

PASSED, FAILED, INCONCLUSIVE = GateOutcome.PASSED, GateOutcome.FAILED, GateOutcome.INCONCLUSIVE
REPORT = membership_report(n=60)
HOSTILE = 'x<&>"]]>\x1b[2J\u202e\ud800 %0A::error::forged\n::warning::forged\r::notice::x,y:z'

# What SARIF 2.1.0 asks of the parts that are written here (sections 3.13 to 3.27), closed to all others.
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
SARIF = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["name"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "additionalProperties": False,
                                            "required": ["id"],
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": TEXT,
                                                "defaultConfiguration": {
                                                    "properties": {
                                                        "level": {
                                                            "enum": ["none", "note", "warning", "error"]
                                                        }
                                                    }
                                                },
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "properties": {"executionSuccessful": {"type": "boolean"}},
                        },
                    },
                    "properties": {"type": "object"},
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["message", "ruleId"],
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "kind": {"enum": ["fail", "pass"]},
                                "level": {"enum": ["none", "warning", "error"]},
                                "message": TEXT,
                                "locations": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {"type": "object", "required": ["physicalLocation"]},
                                },
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                                "properties": {"type": "object"},
                            },
                            # 3.27.10: whatever is not a failure has no level
                            "if": {"properties": {"kind": {"const": "pass"}}},
                            "then": {"properties": {"level": {"const": "none"}}},
                            "else": {"properties": {"level": {"enum": ["warning", "error"]}}},
                        },
                    },
                },
            },
        },
    },
}


def result(*outcomes, text="The reason."):
    rules = tuple(
        RuleResult(f"rule.{place}", f"Rule {place}", outcome, text, "rmia", 0.7, 0.6, 0.8)
        for place, outcome in enumerate(outcomes)
    )
    worst = next(each for each in (FAILED, INCONCLUSIVE, PASSED) if each in outcomes)
    return GateResult(worst, f"{worst.value}. {text}", rules)


def junit_outcomes(found):
    suites = JUnitXml.fromstring(to_junit(found, REPORT))
    assert (suites.tests, suites.skipped) == (len(found.rules), 0)
    outcomes = []
    for suite in suites:
        for case in suite:
            assert not case.is_skipped
            kinds = [type(each) for each in case.result]
            outcomes.append(FAILED if Failure in kinds else INCONCLUSIVE if Error in kinds else PASSED)
    assert suites.failures == outcomes.count(FAILED)
    assert suites.errors == outcomes.count(INCONCLUSIVE)
    return outcomes


def sarif_outcomes(found):
    log = json.loads(to_sarif(found, REPORT))
    jsonschema.validate(log, SARIF)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    outcomes = []
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        outcomes.append({"error": FAILED, "warning": INCONCLUSIVE, "none": PASSED}[each["level"]])
        assert (each["kind"] == "fail") == (outcomes[-1] is not PASSED)
    return outcomes


def annotations(found):
    """(command, title, message) of each line, as GitHub's runner reads them."""
    lines = to_github(found, REPORT).splitlines()
    pattern = re.compile(r"::(error|warning|notice) title=([^,:]*)::(.*)")
    return [pattern.fullmatch(line).groups() for line in lines]


@pytest.mark.parametrize(
    "outcomes", [(PASSED, PASSED), (PASSED, INCONCLUSIVE), (FAILED, PASSED, INCONCLUSIVE)]
)
def test_every_output_tells_every_outcome(outcomes):
    found = result(*outcomes)
    assert junit_outcomes(found) == list(outcomes)
    assert sarif_outcomes(found) == list(outcomes)
    words = {FAILED: "error", INCONCLUSIVE: "warning", PASSED: "notice"}
    told = [command for command, _, _ in annotations(found)]
    assert sorted(told[:-1]) == sorted(words[outcome] for outcome in outcomes)
    assert told[0] == told[-1] == words[found.outcome]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("flipped", [FAILED, INCONCLUSIVE])
def test_a_flipped_rule_flips_every_output(place, flipped):
    before = result(PASSED, PASSED, PASSED)
    rules = list(before.rules)
    rules[place] = dataclasses.replace(rules[place], outcome=flipped)
    after = GateResult(flipped, before.sentence, tuple(rules))
    for read in (junit_outcomes, sarif_outcomes):
        assert PASSED in read(before)
        assert set(read(before)) == {PASSED}
        assert read(after).index(flipped) == place
    assert [command for command, _, _ in annotations(before)] == ["notice"] * 4
    assert annotations(after)[0][0] in ("error", "warning")


def test_text_cannot_break_out_of_any_output():
    found = result(FAILED, PASSED, text=HOSTILE)
    assert junit_outcomes(found) == sarif_outcomes(found) == [FAILED, PASSED]
    told = annotations(found)
    assert [command for command, _, _ in told] == ["error", "notice", "error"]
    assert all("forged" in message for _, _, message in told)
    for written in (to_junit(found, REPORT), to_sarif(found, REPORT), to_github(found, REPORT).encode()):
        assert b"\x1b" not in written
        assert "\u202e".encode() not in written


def test_sarif_points_to_a_file_that_code_scanning_can_show():
    log = json.loads(to_sarif(result(FAILED), REPORT, artifact="models/report.json"))
    (each,) = log["runs"][0]["results"]
    place = each["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "models/report.json"}, "region": {"startLine": 1}}
    assert each["properties"] == {"outcome": "failed", "limit": 0.7, "low": 0.6, "high": 0.8}
    assert log["runs"][0]["properties"]["outcome"] == "failed"
