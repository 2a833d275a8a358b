"""Tables of answers: which column is what, and what they say of each record.

    setosa,versicolor,virginica,label
    0.93,0.06,0.01,setosa

One column of probabilities for each class, called like it, and the label; or the predicted label and the
label. `predicted` may stand beside probabilities, of models whose label is not always the likeliest class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.errors import BadBundle
from leakgauge.membership.pooling import groups_in
from leakgauge.tables import Table
from leakgauge.tables.inference import inferred
from leakgauge.tables.label_column import DEFAULT_LABEL, MOSTLY, is_index
from leakgauge.tables.labels import known_labels, named, named_list, places_among, positions_of
from leakgauge.tables.numeric_labels import NumericLabels, numbers_in
from leakgauge.targets.probabilities import DRIFT
from leakgauge.targets.protocol import (
    LARGEST_NUMBER,
    BoolArray,
    FloatArray,
    IntArray,
    LabelArray,
    are_amounts,
)
from leakgauge.targets.score_rows import rounding_step

PREDICTED: Final = ("predicted", "prediction", "predicted_label", "predicted_class")
"""How the column with the predicted label may be called."""
_LOOKED_AT: Final = 200_000
"""Numbers by which rounding is told."""
_LAST_DIGITS: Final = 1e-9


@dataclass(frozen=True, slots=True)
class AnswerColumns:
    """Which column of the tables plays which role.

    Attributes
    ----------
    label, predicted, group
        columns; None where there is none.
    of_classes
        (k,) columns of probabilities; none where the model gave labels alone.
    classes
        (k,) the class of each, or all labels, as text; none where numbers were predicted.
    """

    label: str
    predicted: str | None
    group: str | None
    of_classes: tuple[str, ...]
    classes: NDArray[np.object_]

    @property
    def are_numbers(self) -> bool:
        """Whether a regressor answered."""
        return not len(self.classes)


@dataclass(frozen=True, slots=True)
class AnswerTable:
    """What a table says of `n` records.

    Attributes
    ----------
    y
        (n,) positions of the true labels, or the true numbers.
    answers
        (n, 1 + k) rows as `AnswersTarget` takes them, (n, 1) as `PredictionsTarget` does.
    group
        (n,) names of groups, None where none were asked for.
    """

    table: Table
    y: LabelArray
    answers: FloatArray
    group: NDArray[np.str_] | None


def columns_of_answers(
    tables: Sequence[Table], *, label_column: str | None, group_column: str | None
) -> AnswerColumns:
    """Decide which column is what, from the table of members first.

    Raises
    ------
    BadBundle
        `no_header`, `columns_differ`, `no_label_column`, `missing_columns`, `no_answers`, `one_column`,
        `classes_do_not_fit`.
    """
    members = tables[0]
    columns = _shared_columns(tables)
    label = _named(members, columns, (label_column or DEFAULT_LABEL,))
    if label is None:
        raise BadBundle(
            "no_label_column",
            f"{members.name} has no column called “{label_column or DEFAULT_LABEL}”.",
            hint="Add the true labels in a column of that name, or name theirs as label_column.",
        )
    group = None if group_column is None else _named(members, columns, (group_column,))
    if group_column is not None and group is None:
        raise BadBundle(
            "missing_columns",
            f"{members.name} has no column called “{group_column}”, which group_column asks for.",
            hint=f"Its columns are {named_list(columns)}.",
        )
    predicted = _named(members, columns, PREDICTED)
    rest = [name for name in columns if name not in (label, group, predicted)]
    if rest and rest[0] == columns[0] and is_index(members.frame[rest[0]], rest[0]):
        rest.pop(0)
    if not rest:
        if predicted is None:
            raise BadBundle(
                "no_answers",
                f"{members.name} holds labels and no answers.",
                hint="Add one column of probabilities for each class, called like it, or the column "
                "“predicted” with the predicted label or number.",
            )
        return AnswerColumns(label, predicted, group, (), _all_labels(tables, label, predicted))
    if len(rest) == 1:
        raise BadBundle(
            "one_column",
            f"{members.name} has one column of answers, {named(rest[0])}.",
            hint="Give each class its column, called like it: of two classes the other one is 1 minus this. "
            "A predicted label, or number, stands in the column “predicted”.",
        )
    return AnswerColumns(label, predicted, group, tuple(rest), _classes(tables, label, rest))


def answers_in(table: Table, columns: AnswerColumns) -> AnswerTable:
    """What a table says of its records.

    Raises
    ------
    BadBundle
        `missing_labels`, `unknown_labels`, `one_label`, `not_numbers`, `not_probabilities`, and of predicted
        numbers what `NumericLabels.read` raises, with the line.
    """
    group = None if columns.group is None else groups_in(table.frame[columns.group])
    if columns.are_numbers:
        numbers = NumericLabels("regressor").read(table, columns.label)
        return AnswerTable(table, numbers, predictions_in(table, str(columns.predicted))[:, None], group)
    y = positions_of(table, columns.label, columns.classes)
    parts: list[FloatArray] = []
    if columns.of_classes:
        parts.append(probabilities_in(table, columns.of_classes))
    if columns.predicted is not None:
        predicted = _predicted(table, columns.predicted, columns.classes)
    else:
        predicted = parts[0].argmax(axis=1)
    return AnswerTable(table, y, np.column_stack([predicted.astype(np.float64), *parts]), group)


def probabilities_in(table: Table, columns: Sequence[str], *, exact: bool = False) -> FloatArray:
    """(n, k) the probabilities in k columns, rows sum to 1.

    Rounded ones are taken: they may miss 1 by as much as rounding explains.

    Parameters
    ----------
    exact
        leave them as they stand where they miss 1 in the last digits alone: so are the answers of reference
        models that are trained here, while those of a target are scaled.

    Raises
    ------
    BadBundle
        `not_numbers`, `not_probabilities`, with the first line.
    """
    found = np.empty((len(table.frame), len(columns)))
    for place, name in enumerate(columns):
        cells = table.frame[name]
        numbers = inferred(cells, decimal=table.decimal) if isinstance(cells.dtype, pd.StringDtype) else cells
        if not pd.api.types.is_numeric_dtype(numbers):
            absent = pd.to_numeric(numbers.astype(object), errors="coerce").isna()
            raise _refused(
                table, absent.to_numpy(dtype=np.bool_), "not_numbers", f"no number in column {named(name)}"
            )
        found[:, place] = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    endless: BoolArray = ~np.isfinite(found)
    if endless.any():
        raise _refused(table, np.any(endless, axis=1), "not_numbers", "no finite number for every class")
    beyond: BoolArray = (found < -DRIFT) | (found > 1.0 + DRIFT)
    if beyond.any():
        raise _refused(
            table, np.any(beyond, axis=1), "not_probabilities", "a number that is none from 0 to 1"
        )
    step = rounding_step(found[:: max(found.size // _LOOKED_AT, 1)])
    drift = max(DRIFT, len(columns) * step / 2 if step else 0.0)
    sums = found.sum(axis=1)
    wrong = np.abs(sums - 1.0) > drift
    if wrong.any():
        raise _refused(table, wrong, "not_probabilities", "probabilities that do not sum to 1")
    clipped = np.clip(found, 0.0, None)
    if exact and (np.abs(sums - 1.0) <= _LAST_DIGITS).all():
        return clipped
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))


def predictions_in(table: Table, column: str) -> FloatArray:
    """(n,) the predicted numbers in a column.

    Raises
    ------
    BadBundle
        `not_numbers`, with the first line.
    """
    found = numbers_in(table.frame[column], table.decimal)
    bad: BoolArray = ~(np.abs(found) <= LARGEST_NUMBER)
    if bad.any():
        raise BadBundle(
            "not_numbers",
            f"{table.name}: {table.place(int(np.argmax(bad)))} holds no finite number up to "
            f"{LARGEST_NUMBER:g} in column {named(column)}, as do {int(bad.sum()):,} rows in all.",
            hint="Write what the model predicted of each record.",
        )
    return found


def columns_called(columns: Sequence[str], classes: NDArray[Any]) -> tuple[str, ...] | None:
    """Of some columns, that of each class, whatever all their names begin with; None where one is missing."""
    for names in _readings(columns):
        found = known_labels(pd.Series(names, dtype=object), classes)
        column_of = {place: name for name, place in zip(columns, map(found.get, names), strict=True)}
        if all(place in column_of for place in range(len(classes))):
            return tuple(column_of[place] for place in range(len(classes)))
    return None


def _shared_columns(tables: Sequence[Table]) -> list[str]:
    """The names of the columns, which all tables must have."""
    members, *others = tables
    for table in tables:
        if not table.has_header:
            raise BadBundle(
                "no_header",
                f"{table.name} does not name its columns.",
                hint="Begin it with a line such as: cat,dog,label. Columns of probabilities are called like "
                "their classes.",
            )
    columns = [str(name) for name in members.frame.columns]
    for table in others:
        differing = sorted(set(columns) ^ {str(name) for name in table.frame.columns})
        if differing:
            raise BadBundle(
                "columns_differ",
                f"{members.name} and {table.name} have different columns: {named_list(differing)}.",
                hint="Both need the same columns.",
            )
    return columns


def _classes(tables: Sequence[Table], label: str, columns: Sequence[str]) -> NDArray[np.object_]:
    """(k,) the classes that the columns of probabilities are called like."""
    for names in _readings(columns):
        classes = np.array(names, dtype=object)
        if all((_known(table.frame[label], classes) >= 0).all() for table in tables):
            return classes
    # what is wrong is said of the plainest reading, by line, where the labels are taken
    plain = np.array(_readings(columns)[-1], dtype=object)
    for table in tables:
        missing = table.frame[label][(_known(table.frame[label], plain) < 0)]
        if len(missing):
            raise BadBundle(
                "classes_do_not_fit",
                f"{table.name} has {len(missing):,} records whose label is called by no column of "
                f"probabilities, the first in {table.place(int(missing.index[0]))}; the columns are "
                f"{named_list(columns)}.",
                hint="Call each column like its class, as in the label column. Beside them only the label, "
                "“predicted” and the column of groups may stand there.",
            )
    return plain


def _known(labels: pd.Series[Any], classes: NDArray[Any]) -> IntArray:
    return places_among(labels.dropna(), classes)


def _readings(columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """The classes that columns are called like: by their whole names, and by what is behind a common prefix.

    A prefix ends with a sign that is neither letter nor digit, as in `p_cat` and `p(cat)`.
    """
    first, last = min(columns), max(columns)  # all others lie between them
    common = first[: next((at for at, sign in enumerate(first) if sign != last[at : at + 1]), len(first))]
    end = max((found.end() for found in re.finditer(r"[^A-Za-z0-9]", common)), default=0)
    return [name.strip() for name in columns], [name[end:].rstrip(")]").strip() for name in columns]


def _all_labels(tables: Sequence[Table], label: str, predicted: str) -> NDArray[np.object_]:
    """(k,) every label that is true of a record or was predicted, as text; numbers in their order.

    None of them where these are amounts: fractions, or numbers of which most are different.
    """
    columns = [
        inferred(cells, decimal=table.decimal) if isinstance(cells.dtype, pd.StringDtype) else cells
        for table in tables
        for cells in (table.frame[label], table.frame[predicted])
    ]
    values = pd.concat([cells.astype(object) for cells in columns], ignore_index=True).dropna()
    numbers = pd.to_numeric(values, errors="coerce")
    amounts = numbers.dropna().to_numpy(dtype=np.float64)
    is_text = len(amounts) < MOSTLY * len(values) or values.map(lambda value: isinstance(value, bool)).any()
    if not is_text and are_amounts(amounts):
        return np.empty(0, dtype=object)  # one that is no number is told by its line, once it is read
    if len(amounts) == len(values) and not is_text:
        return np.array([str(int(number)) for number in np.unique(amounts)], dtype=object)
    return np.array(sorted({str(value) for value in values}), dtype=object)


def _predicted(table: Table, column: str, classes: NDArray[Any]) -> IntArray:
    places = places_among(table.frame[column], classes)
    if (places < 0).any():
        raise _refused(table, places < 0, "unknown_labels", "a predicted label that is none of the classes")
    return places


def _named(table: Table, columns: Sequence[str], known: Sequence[str]) -> str | None:
    """The column of one of these names, in whatever case."""
    wanted = {name.lower() for name in known}
    found = [name for name in columns if name.strip().lower() in wanted]
    if len(found) > 1:
        raise BadBundle(
            "duplicate_columns",
            f"{table.name} has several columns that could be meant: {named_list(found)}.",
            hint="Keep one of them.",
        )
    return found[0] if found else None


def _refused(table: Table, bad: NDArray[np.bool_], problem: str, what: str) -> BadBundle:
    count = int(bad.sum())
    return BadBundle(
        problem,
        f"{table.name}: {table.place(int(np.argmax(bad)))} holds {what}"
        f"{f', as do {count - 1:,} more' if count > 1 else ''}.",
        hint="Columns of probabilities hold one number for each class, which sum to 1 in each row; beside "
        "them only the label, “predicted” and the column of groups may stand there.",
    )
