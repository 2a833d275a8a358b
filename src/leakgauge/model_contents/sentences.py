"""What a model file holds, in one sentence."""

from __future__ import annotations

from leakgauge.report.model import HeldField, ModelContents


def in_one_sentence(contents: ModelContents) -> str:
    """The sentence of the report."""
    if contents.compared is None:
        return _as_known(contents.fields)
    records, of = contents.records or 0, contents.compared
    if records:
        how_many = (
            f"all {of:,} training records" if records == of else f"{records:,} of the {of:,} training records"
        )
        return f"This file contains {how_many}, whole{_form(contents.fields)}."
    kept = max(
        (field.size for field in contents.fields if field.holds == "records" and not field.common), default=0
    )
    if kept and not any(field.found for field in contents.fields if field.holds == "records"):
        return f"This file contains {kept:,} records, whole, and none of the {of:,} of the table."
    if any(field.found for field in contents.fields):
        return f"This file contains none of the {of:,} records whole, and {_parts(contents.fields)} of them."
    if any(field.common for field in contents.fields):
        return (
            f"This file contains rows equal to some of the {of:,} records, so common that it may be chance."
        )
    return (
        f"Nothing of the {of:,} records stands in this file word for word. What was learned from them may "
        "still be turned back into them."
    )


def _form(fields: tuple[HeldField, ...]) -> str:
    held = [field for field in fields if field.holds == "records" and field.found and field.all_columns]
    return "" if any(field.as_given for field in held) else ", as the steps before transform them"


def _parts(fields: tuple[HeldField, ...]) -> str:
    found = []
    for holds, words in (
        ("records", "some columns of {:,}"),
        ("labels", "the labels of {:,}"),
        ("targets", "{:,} targets"),
        ("values", "{:,} values"),
        ("tokens", "{:,} words"),
    ):
        most = max((field.found or 0 for field in fields if field.holds == holds), default=0)
        if most:
            found.append(words.format(most))
    return " and ".join(([", ".join(found[:-1])] if found[1:] else []) + found[-1:])


def _as_known(fields: tuple[HeldField, ...]) -> str:
    if not fields:
        return (
            "No part of this model is known to keep training data word for word. What was learned from it "
            "may still be turned back into it; give the table to compare the file with it."
        )
    records = [field for field in fields if field.holds == "records"]
    if records:
        most = max(records, key=lambda field: field.size)
        return f"This file contains {most.size:,} training records, whole: a {most.estimator} keeps them."
    most = fields[0]
    words = {
        "labels": "labels in the order of the table",
        "targets": "targets",
        "values": "single values",
        "tokens": "words",
    }
    return (
        f"This file contains no whole training records, and {words[most.holds]} of them: a {most.estimator} "
        "keeps them."
    )
