"""The published JSON Schemas of `report.json` and `comparison.json`.

`python -m leakgauge.report.schema > docs/report.schema.json` brings the copy
under `docs/` up to date, and so does `python -m leakgauge.report.schema
comparison > docs/comparison.schema.json`.
"""

from __future__ import annotations

import json
import sys

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from leakgauge.errors import JsonValue
from leakgauge.report.comparison.document import COMPARISON
from leakgauge.report.comparison.model import COMPARISON_VERSION
from leakgauge.report.json_document import REPORT
from leakgauge.report.model import SCHEMA_VERSION


class _EveryFieldRequired(GenerateJsonSchema):
    """A written report holds every field, those with a default too."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,  # noqa: ARG002 - as called
        total: bool,  # noqa: ARG002 - as called
    ) -> bool:
        """Whether readers can rely on the field: always."""
        return True


def json_schema() -> dict[str, JsonValue]:
    """The schema as a JSON-compatible mapping (JSON Schema draft 2020-12)."""
    described: dict[str, JsonValue] = REPORT.json_schema(
        mode="serialization", schema_generator=_EveryFieldRequired
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Leakgauge report",
        "description": "What an audit found, of membership, inversion or class profiles: report.json.",
        "schema_version": SCHEMA_VERSION,
        **described,
    }


def comparison_schema() -> dict[str, JsonValue]:
    """The schema of a comparison, as `json_schema` gives that of a report."""
    described: dict[str, JsonValue] = COMPARISON.json_schema(
        mode="serialization", schema_generator=_EveryFieldRequired
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **described,
        "title": "Leakgauge comparison",
        "description": "What audits before and after a change found; the contents of comparison.json.",
        "comparison_version": COMPARISON_VERSION,
    }


def schema_text() -> str:
    """The schema as it stands in `docs/report.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def comparison_schema_text() -> str:
    """The schema as it stands in `docs/comparison.schema.json`."""
    return json.dumps(comparison_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(comparison_schema_text() if sys.argv[1:] == ["comparison"] else schema_text())
