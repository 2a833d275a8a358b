"""The published schema is the one that the classes give."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from report_examples import membership_report

from leakgauge.report.comparison import compare
from leakgauge.report.comparison.document import comparison_to_json
from leakgauge.report.model import SCHEMA_VERSION
from leakgauge.report.schema import comparison_schema, comparison_schema_text, json_schema, schema_text

PUBLISHED = Path(__file__).parents[3] / "docs" / "report.schema.json"


def test_the_published_schema_is_up_to_date() -> None:
    assert PUBLISHED.read_text("utf-8") == schema_text(), (
        "run python -m leakgauge.report.schema > docs/report.schema.json"
    )


def test_the_published_schema_of_comparisons_is_up_to_date_and_holds_for_one() -> None:
    assert PUBLISHED.with_name("comparison.schema.json").read_text("utf-8") == comparison_schema_text(), (
        "run python -m leakgauge.report.schema comparison > docs/comparison.schema.json"
    )
    schema = json.loads(json.dumps(comparison_schema()))
    assert set(schema["required"]) == set(schema["properties"])
    made = membership_report(n=60)
    jsonschema.validate(json.loads(comparison_to_json(compare(made, made))), schema)


def test_the_schema_names_itself_and_its_version_but_no_address() -> None:
    schema = json.loads(schema_text())
    assert schema["title"] == "Leakgauge report"
    assert schema["schema_version"] == SCHEMA_VERSION
    assert "$id" not in schema


def test_the_schema_tells_the_kinds_apart_and_asks_for_every_field() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["discriminator"]["propertyName"] == "kind"
    for kind in ("MembershipReport", "InversionReport"):
        part = schema["$defs"][kind]
        assert set(part["required"]) == set(part["properties"]) >= {"schema_version", "kind", "verdict"}
