"""What a model file holds, in words: for the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from leakgauge.report.model import HeldField, Holds, ModelContents

_WORDS: dict[Holds, str] = {
    "records": "records",
    "targets": "targets",
    "labels": "labels",
    "values": "values",
    "tokens": "words",
}


def where(field: HeldField) -> str:
    """The attribute, such as `KNeighborsClassifier._fit_X in steps[1]`."""
    place = f" in {field.path}" if field.path else ""
    copies = f" ({field.copies:,} of them)" if field.copies > 1 else ""
    return f"{field.estimator}.{field.attribute}{place}{copies}"


def how_much(field: HeldField) -> str:
    """What of the table stands there, such as `400 of 400 records, in their order`."""
    words = _WORDS[field.holds]
    if field.found is None:
        return f"{field.size:,} {words}"
    parts = [f"{field.found:,} of {field.of:,} {words}"]
    if field.in_order:
        parts.append("in the order of the table")
    if field.single:
        parts.append(f"{field.single:,} of one record alone")
    if field.common:
        parts.append(f"{field.common:,} more may be chance")
    if not field.all_columns:
        parts.append("in some of their columns")
    if not field.as_given and field.holds in ("records", "values"):
        parts.append("as the steps before give them")
    return ", ".join(parts)


def contents_lines(contents: ModelContents) -> Iterator[str]:
    """The lines of a terminal."""
    yield contents.sentence
    for field in contents.fields:
        yield f"{where(field)}: {how_much(field)}"
        for example in field.examples:
            yield f"    {example}"
    if contents.rebuilt is not None:
        yield contents.rebuilt.sentence
    for remedy in remedies(contents):
        yield f"remedy: {remedy}"


def remedies(contents: ModelContents) -> tuple[str, ...]:
    """What to do, each once, in the order of the fields."""
    return tuple(dict.fromkeys(f"{field.estimator}: {field.remedy}" for field in contents.fields))
