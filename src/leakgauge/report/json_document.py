"""`report.json`: the one document that every other file of the report is a view of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from leakgauge.errors import BadBundle, JsonValue
from leakgauge.report.model import SCHEMA_VERSION, InversionReport, MembershipReport, ProfilesReport, Report
from leakgauge.strict_json import finite, no_number

DECIMALS = 6
"""Decimals that figures keep; what differs further down is the noise of the arithmetic."""

REPORT: TypeAdapter[Report] = TypeAdapter(
    Annotated[MembershipReport | InversionReport | ProfilesReport, Field(discriminator="kind")]
)
"""Reads and describes every kind of report."""

# a list of numbers alone, to stand on one line: raw line breaks are only between tokens, never in a string
_LIST_OF_NUMBERS = re.compile(r"\[\n\s*(-?\d[^\[\]{}\":]*?)\n\s*\]")
_LINE_BREAK = re.compile(r"\n\s*")
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})")
_NOT_A_REPORT_HINT = "Hand in the report.json that an audit wrote, unchanged."


def to_json(report: Report) -> bytes:
    """The report as UTF-8 JSON, fields in the order of their declaration, ending in a line break.

    Figures keep `DECIMALS` decimals, whole ones none, so that noise in the last
    place cannot change the bytes; `parameters` are the user's own and stay as they are, as do fields
    marked `EXACT`.
    Characters that UTF-8 cannot carry (lone surrogates) become question marks.

    Raises
    ------
    ValueError
        for a figure that is not finite.
    TypeError
        for a value that JSON does not know.
    """
    return written(
        {
            part.name: plain(getattr(report, part.name), exact=part.name == "parameters")
            for part in fields(report)
        }
    )


def written(document: JsonValue) -> bytes:
    """A document in the form of `to_json`; errors as there."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    text = _LIST_OF_NUMBERS.sub(lambda found: f"[{_LINE_BREAK.sub(' ', found[1])}]", text)
    return (text + "\n").encode("utf-8", errors="replace")


def from_json(data: bytes) -> Report:
    """The report that `to_json` wrote.

    A newer minor version is read, without the fields that this version does not know.

    Raises
    ------
    BadBundle
        `not_a_report` for anything but a report; `report_version` for a report
        of another major version of the schema.
    """
    try:
        # pydantic would take NaN and infinities, which no report holds and no figure can be compared with
        document = json.loads(data, parse_constant=no_number, parse_float=finite)
    except (ValueError, RecursionError) as reason:
        raise BadBundle(
            "not_a_report",
            "The file is not JSON, or holds a figure that is no number.",
            hint=_NOT_A_REPORT_HINT,
        ) from reason
    _check_version(document)
    try:
        return REPORT.validate_json(data, strict=True)
    except ValidationError as reason:
        problem = reason.errors(include_url=False, include_context=False, include_input=False)[0]
        # keys of the document stand in the path; only names that a field can have are repeated
        path = ".".join(
            str(part) if isinstance(part, int) or part.isidentifier() else "?" for part in problem["loc"]
        )
        raise BadBundle(
            "not_a_report",
            f"The report does not follow its schema at {path or 'its root'} ({problem['type']}).",
            hint=_NOT_A_REPORT_HINT,
        ) from reason


def _check_version(document: JsonValue) -> None:
    version = document.get("schema_version") if isinstance(document, dict) else None
    numbers = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if numbers is None:
        raise BadBundle("not_a_report", "The JSON file holds no report of ours.", hint=_NOT_A_REPORT_HINT)
    if numbers[1] != SCHEMA_VERSION.partition(".")[0]:
        raise BadBundle(
            "report_version",
            f"The report follows schema {numbers[0]}; this version reads {SCHEMA_VERSION}.",
            hint="Run the audit again with this version, or read the report with the version that wrote it.",
        )


def plain(value: object, *, exact: bool) -> JsonValue:
    """`value` as what `json` writes; floats rounded unless `exact`."""
    if isinstance(value, float) and exact:
        return float(value)
    if isinstance(value, float):
        rounded = round(float(value), DECIMALS)
        # a field of type float may hold 1 or 1.0, 0.0 or -0.0: equal figures must be equal bytes
        return int(rounded) if rounded.is_integer() else rounded
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item, exact=exact) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item, exact=exact) for item in value]
    if is_dataclass(value):
        return {
            part.name: plain(getattr(value, part.name), exact=exact or part.metadata.get("exact", False))
            for part in fields(value)
        }
    raise TypeError(f"a report cannot hold a {type(value).__name__}")
