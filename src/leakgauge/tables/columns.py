"""Which column of the tables is what, and their features in the form that the model knows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NoReturn

import pandas as pd

from leakgauge.errors import BadBundle, BadParameters, InputError
from leakgauge.parameters import MembershipParameters
from leakgauge.report.model import Notice
from leakgauge.tables import Table
from leakgauge.tables.column_types import typed
from leakgauge.tables.label_column import DEFAULT_LABEL, Candidates, Fit, is_index
from leakgauge.tables.labels import NAMED_AT_MOST, named, named_list
from leakgauge.tables.numeric_labels import labels_of
from leakgauge.targets.input_columns import InputColumns
from leakgauge.targets.protocol import TableTarget

LOOKED_AT = 1_000
"""Records of each table that the label is looked for among, where the model has to be asked."""
_SPELLINGS: tuple[Callable[[Any], str], ...] = (
    lambda name: re.sub(r"\W", "_", str(name)),
    lambda name: re.sub(r"\W", "_", str(name).strip()),
    lambda name: re.sub(r"[\W_]+", "", str(name)),
    lambda name: re.sub(r"[\W_]+", "", str(name), flags=re.ASCII),
)
"""What others make of the signs in a name: an underline for each, or nothing; some of accents likewise."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table play which role, by name or, in a file without header, by number."""

    features: tuple[object, ...]
    label: object
    group: object | None


def columns_of(
    tables: Sequence[Table],
    parameters: MembershipParameters,
    target: TableTarget,
    notices: list[Notice],
) -> Columns:
    """Decide which column is what, from the table of members.

    Raises
    ------
    BadBundle
        `missing_columns`, `columns_do_not_fit`, `no_label_column`.
    BadParameters
        `unknown_column`.
    """
    members = tables[0]
    columns: list[Any] = list(members.frame.columns)
    wanted = target.feature_names
    label = column_named(members, parameters.label_column, "label_column")
    label = members.label if label is None else label
    group = column_named(members, parameters.group_column, "group_column")
    if members.has_header and wanted is not None:
        return _by_name(wanted, label, group, tables, target, notices)
    _drop_what_is_no_feature(columns, label, group, members, target.n_features, notices)
    if label is None:
        some = [_some_rows(table) for table in tables]

        def fit(candidate: Any) -> float:
            features = tuple(name for name in columns if name != candidate)
            return _agreement(some, Columns(features, candidate, None), target)

        label = _label_among(columns, tables, target, notices, fit=fit)
    return Columns(tuple(name for name in columns if name != label), label, group)


def _by_name(
    wanted: Sequence[Any],
    label: object | None,
    group: object | None,
    tables: Sequence[Table],
    target: TableTarget,
    notices: list[Notice],
) -> Columns:
    """Columns of a table with a header, of a model that knows its features by name."""
    members = tables[0]
    columns: list[Any] = list(members.frame.columns)
    wanted = as_spelt(wanted, columns, (label, group), notices)
    missing = [name for name in wanted if name not in columns]
    if missing:
        refuse_missing(missing, columns, members.name)
    extra = [name for name in columns if name not in (*wanted, label, group)]
    if label is None:
        possible = [name for name in extra if not is_index(members.frame[name], name)]
        label = _label_among(possible, tables, target, notices)
        extra.remove(label)
    if extra:
        notices.append(Notice("unused_columns", f"Not used by the model and left out: {named_list(extra)}."))
    return Columns(tuple(wanted), label, group)


def as_spelt(
    wanted: Sequence[Any], columns: Sequence[Any], others: Sequence[Any], notices: list[Notice]
) -> list[Any]:
    """The names as the table spells them: exporters and LightGBM write `age (years)` as `age__years_`.

    A name that the table has is never another's, one that could be two columns stays as it is, and
    `others` are no features.
    """
    found: dict[Any, Any] = {}
    for plain in _SPELLINGS:
        missing = [name for name in wanted if name not in columns and name not in found]
        alike: dict[str, list[Any]] = {plain(name): [] for name in missing}
        for column in set(columns).difference(wanted, others, found.values()):
            alike.get(plain(column), []).append(column)
        asking = Counter(map(plain, missing))
        found |= {
            name: alike[plain(name)][0]
            for name in missing
            if plain(name) and len(alike[plain(name)]) == asking[plain(name)] == 1
        }
    if found:
        pairs = [f"{named(name)} is {named(column)}" for name, column in found.items()]
        more = f" and {len(pairs) - NAMED_AT_MOST} more" if len(pairs) > NAMED_AT_MOST else ""
        notices.append(
            Notice(
                "columns_respelt",
                "The model writes names of columns without their signs: "
                f"{', '.join(pairs[:NAMED_AT_MOST])}{more}.",
            )
        )
    return [found.get(name, name) for name in wanted]


def _drop_what_is_no_feature(
    columns: list[Any],
    label: object | None,
    group: object | None,
    members: Table,
    expected: int | None,
    notices: list[Notice],
) -> None:
    """Take the group, or the index of rows, out of the columns where they are one too many."""
    spare = None if expected is None else len(columns) - expected - 1
    if spare == 1:
        if group is not None and group != label:
            columns.remove(group)
        elif columns[0] != label and is_index(members.frame[columns[0]], columns[0]):
            notices.append(
                Notice(
                    "index_column",
                    f"The first column counts the rows and was left out: {named(columns[0])}.",
                )
            )
            columns.pop(0)
    if expected is not None and len(columns) != expected + 1:
        raise BadBundle(
            "columns_do_not_fit",
            f"The model takes {expected} features, and {members.name} has {len(columns)} columns for them "
            "and the label.",
            hint="Send the very columns that the model was trained on, in the same order, and the label; "
            "set label_column in parameters.json if the label is not called “label”.",
        )


def typed_features(
    tables: Sequence[Table],
    columns: Columns,
    target: TableTarget,
    known: InputColumns,
    notices: list[Notice],
) -> tuple[pd.DataFrame, ...]:
    """Features of each table in the types and by the names that the model knows."""
    frames = typed(tables, columns.features, known, notices)
    if target.feature_names is not None:
        for features in frames:
            features.columns = pd.Index(target.feature_names)  # a file without header has only places
    return frames


def _label_among(
    possible: Sequence[Any],
    tables: Sequence[Table],
    target: TableTarget,
    notices: list[Notice],
    *,
    fit: Fit | None = None,
) -> Any:
    if not possible:
        raise BadBundle(
            "no_label_column",
            f"Every column of {tables[0].name} is a feature of the model, so none is left for the label.",
            hint="Add the column with the true labels, and name it “label”.",
        )
    return Candidates(tables, possible, labels_of(target)).chosen(notices, fit=fit)


def _agreement(tables: Sequence[Table], columns: Columns, target: TableTarget) -> float:
    """How well the model's answers about the members agree with the label; 0 where it cannot answer."""
    try:
        check_same_columns(tables, columns)
        known = target.input_columns(len(columns.features))
        features, *_others = typed_features(tables, columns, target, known, [])
        return labels_of(target).agreement(target, target.as_input(features), tables[0], columns.label)
    except InputError:
        return 0.0


def _some_rows(table: Table) -> Table:
    """The table with some of its records, spread over it."""
    step = -(-len(table.frame) // LOOKED_AT)
    return replace(table, frame=table.frame.iloc[::step].reset_index(drop=True), lines=None)


def named_label(parameters: MembershipParameters) -> tuple[str, ...]:
    """The label's name as a header would hold it; none where the parameter counts columns."""
    name = parameters.label_column or DEFAULT_LABEL
    return () if name.isdecimal() else (name,)


def column_named(table: Table, name: str | None, parameter: str) -> object | None:
    """The column that a parameter names, by name or, in a file without header, by position from 0."""
    if name is None:
        return None
    columns = list(table.frame.columns)
    if name in columns:
        return name
    if not table.has_header and name.isdecimal() and int(name) < len(columns):
        return int(name)
    close = get_close_matches(name, [str(column) for column in columns], n=1)
    raise BadParameters.about(
        parameter,
        f"no column called “{name}”",
        problem="unknown_column",
        message=f"{table.name} has no column called “{name}”, which {parameter} asks for.",
        hint=f"Did you mean “{close[0]}”?" if close else f"Its columns are {named_list(columns)}.",
    )


def check_same_columns(tables: Sequence[Table], columns: Columns) -> None:
    """Refuse a table that lacks a column which the first, that of members, has.

    Raises
    ------
    BadBundle
        `columns_differ`, `missing_columns`.
    """
    members, *others = tables
    needed = [*columns.features, columns.label, *([columns.group] if columns.group is not None else [])]
    for table in others:
        present = list(table.frame.columns)
        if not table.has_header and len(present) != len(members.frame.columns):
            raise BadBundle(
                "columns_differ",
                f"{members.name} has {len(members.frame.columns)} columns, {table.name} has {len(present)}.",
                hint="All tables need the same columns in the same order.",
            )
        missing = [name for name in needed if name not in present]
        if missing:
            refuse_missing(missing, present, table.name)


def refuse_missing(missing: list[Any], present: list[Any], table: str) -> NoReturn:
    """Raise `missing_columns`, with the columns that may be meant."""
    hints = []
    for name in missing[:NAMED_AT_MOST]:
        close = get_close_matches(str(name), [str(column) for column in present], n=1)
        if close:
            hints.append(f"“{close[0]}” may be meant for “{name}”")
    raise BadBundle(
        "missing_columns",
        f"{table} lacks {len(missing)} of the columns that the model needs: {named_list(missing)}.",
        hint=("; ".join(hints) + ". " if hints else "")
        + "Send the very columns that the model was trained on, and the label.",
    )
