"""Cells of tables -> columns of the very types that the model was fitted on.

A wrong type is a wrong audit without a word: a postal code that became a number
is a category that the encoder never saw, and the model answers all the same. So
the model says what a column is (`targets.input_columns`), all tables are read
alike, and what the model does not tell is inferred from all together.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from leakgauge.errors import BadBundle
from leakgauge.report.model import Notice
from leakgauge.tables import Table
from leakgauge.tables.inference import MISSING, inferred, number_in
from leakgauge.tables.labels import named
from leakgauge.targets.input_columns import InputColumn, InputColumns

NUMBERS = "numbers"
_TRUTH = {"true": True, "false": False}
_NUMERIC_DTYPES = ("int64", "float64", "bool", "Int64", "Float64", "category", "object")
_TEXT_DTYPES = ("object", "str", "category")


def typed(
    tables: Sequence[Table],
    columns: Sequence[object],
    known: InputColumns,
    notices: list[Notice],
    *,
    trained_on: bool = True,
) -> tuple[pd.DataFrame, ...]:
    """Features of each table, each column of one type in all of them.

    Parameters
    ----------
    tables
        members first.
    columns
        (d,) names or numbers of the columns, in the order of the model's input.
    known
        what the model knows of its d columns.
    notices
        what a reader must know is added here.
    trained_on
        whether the first table is said to hold what the model was trained on.

    Raises
    ------
    BadBundle
        `values_do_not_fit` for a column of another kind than the model knows.
    """
    names = list(columns)
    ends = np.cumsum([len(table.frame) for table in tables])
    made = {
        place: _as_selected(
            _Column(name, column, tables, notices, trained_on).typed(), place, str(name), known
        )
        for place, (name, column) in enumerate(zip(names, known.columns, strict=True))
    }
    frames = []
    for start, end in pairwise([0, *ends]):
        frame = pd.DataFrame({place: cells[start:end] for place, cells in made.items()})
        frame.columns = pd.Index(names)  # names need not be different ones
        frames.append(frame.reset_index(drop=True))
    return tuple(frames)


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of all tables and what the model knows of it."""

    name: Any
    known: InputColumn
    tables: Sequence[Table]
    notices: list[Notice]
    trained_on: bool

    def typed(self) -> pd.Series[Any]:
        """(n,) the cells of all tables in the type that the model was fitted on."""
        sides = [table.frame[self.name] for table in self.tables]
        if self.known.kind == "categories":
            return self._categories(_joined(sides))
        if self.known.is_categorical_dtype:
            return self._unknown_categories(_joined(sides))
        if self.known.kind == "text":
            return _joined(sides).map(_as_text, na_action="ignore").astype(object)
        decimals = [table.decimal for table in self.tables]
        if all(map(_is_untyped, sides)) and len(set(decimals)) == 1:
            return inferred(_joined(sides), decimal=decimals[0])
        wants_numbers = self.known.kind == "numbers"
        made = [
            inferred(side, decimal=decimal)
            if _is_untyped(side) or (wants_numbers and side.dtype == object)
            else side
            for side, decimal in zip(sides, decimals, strict=True)
        ]
        # text in one of them makes both text
        return _joined(made if len({side.dtype == object for side in made}) == 1 else sides)

    def _categories(self, cells: pd.Series[Any]) -> pd.Series[Any]:
        """The cells as the encoder's own values; a value that it does not know stays as it is."""
        reader, members = _Reader.of(self.known.categories), self.tables[0]
        found = {cell: reader.value(cell) for cell in cells.dropna().unique()}
        seen_by_members = cells[: len(members.frame)].dropna().unique()
        unknown = [cell for cell in seen_by_members if not found[cell].is_known]
        if len(unknown) and len(unknown) == len(seen_by_members):
            found |= {cell: reader.by_number(cell) for cell in found}
            unknown = [cell for cell in seen_by_members if not found[cell].is_known]
            if len(unknown) < len(seen_by_members):
                self.notices.append(
                    Notice(
                        "values_respelt",
                        f"{members.name}: column {named(self.name)} spells its numbers in another way than "
                        "the text that the model was trained on; they were matched by value.",
                    )
                )
            elif reader.described != _described(cells):
                self._refuse(cells, reader)
        if unknown:
            count = int(cells[: len(members.frame)].isin(unknown).sum())
            self.notices.append(
                Notice(
                    "unknown_values",
                    f"{members.name}: {count:,} of {len(members.frame):,} records hold a value in column "
                    f"{named(self.name)} that the model did not see in training"
                    + (", though it is said to have been trained on them." if self.trained_on else "."),
                )
            )
        values = [reader.missing if pd.isna(cell) else found[cell].value for cell in cells]
        made = _series(values, cells)
        if self.known.is_categorical_dtype:
            kept = [value for value in self.known.categories if value is not None and value == value]
            more = sorted({value for value in made.dropna().unique() if value not in set(kept)}, key=str)
            return made.astype(pd.CategoricalDtype([*kept, *more]))
        return made

    def _unknown_categories(self, cells: pd.Series[Any]) -> pd.Series[Any]:
        """The cells as categories in their natural order, which is what pandas makes of a column."""
        made = inferred(cells, decimal=self.tables[0].decimal) if _is_untyped(cells) else cells
        self.notices.append(
            Notice(
                "categories_in_order",
                f"The model reads column {named(self.name)} as categories and does not hold their names. "
                "They were taken from the tables in sorted order, which is right if every category stands in "
                "them.",
            )
        )
        return made.astype("category")

    def _refuse(self, cells: pd.Series[Any], reader: _Reader) -> None:
        raise BadBundle(
            "values_do_not_fit",
            f"The model knows none of the values in column {named(self.name)} of {self.tables[0].name}: it "
            f"was trained on {reader.described}, and the table holds {_described(cells)}.",
            hint="Send the column as the model was trained on it, in the same spelling. Spreadsheets drop "
            "leading zeros and turn codes into numbers; parquet keeps types.",
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """The model's own value for a cell, or the cell itself where the model knows none."""

    value: Any
    is_known: bool


@dataclass(frozen=True, slots=True)
class _Reader:
    """Finds the encoder's value that a cell spells.

    Attributes
    ----------
    texts, numbers, truths
        the encoder's values by what a cell may say.
    missing
        how the encoder writes no value: None or NaN.
    """

    texts: dict[str, str]
    numbers: dict[float, Any]
    truths: dict[bool, Any]
    missing: Any

    @classmethod
    def of(cls, categories: Sequence[Any]) -> _Reader:
        """A reader of cells for these values."""
        texts = {value: value for value in categories if isinstance(value, str)}
        truths = {value: value for value in categories if isinstance(value, bool)}
        numbers = {
            float(value): value
            for value in categories
            if isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
        }
        has_nan = any(isinstance(value, float) and math.isnan(value) for value in categories)
        return cls(texts, numbers, truths, None if None in categories and not has_nan else np.nan)

    def value(self, cell: Any) -> _Found:
        """What the cell is: literally, else as a number or truth value, else without blanks around it."""
        text = _as_text(cell)
        if text in self.texts:
            return _Found(self.texts[text], True)
        number = number_in(text) if self.numbers else None
        if number is not None and number in self.numbers:
            return _Found(self.numbers[number], True)
        truth = _TRUTH.get(text.strip().lower()) if self.truths else None
        if truth is not None and truth in self.truths:
            return _Found(self.truths[truth], True)
        if text in MISSING:
            return _Found(self.missing, True)
        if text.strip() in self.texts:
            return _Found(self.texts[text.strip()], True)
        if self.numbers and not self.texts and number is not None:
            return _Found(number, False)
        return _Found(cell, False)

    def by_number(self, cell: Any) -> _Found:
        """The one text that spells the same number in another way, such as `007` for 7."""
        number = number_in(_as_text(cell))
        alike = [text for text in self.texts if number is not None and number_in(text) == number]
        return _Found(alike[0], True) if len(alike) == 1 else self.value(cell)

    @property
    def described(self) -> str:
        """What the values are, without a single one of them."""
        kinds = [
            _described(pd.Series(list(self.texts), dtype=object)) if self.texts else "",
            NUMBERS if self.numbers else "",
            "true and false" if self.truths else "",
        ]
        return " and ".join(kind for kind in kinds if kind) or "no values at all"


def _is_untyped(cells: pd.Series[Any]) -> bool:
    """Whether it is text of a CSV that nobody has looked at; text of parquet is of dtype `object`."""
    return isinstance(cells.dtype, pd.StringDtype)


def _joined(sides: Sequence[pd.Series[Any]]) -> pd.Series[Any]:
    return pd.concat(sides, ignore_index=True)


def _as_text(cell: Any) -> str:
    """The cell as a CSV would spell it; whole numbers without decimal places."""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def _described(cells: pd.Series[Any]) -> str:
    """What kind of values a column holds, without a single one of them."""
    texts = [_as_text(cell) for cell in cells.dropna().unique()]
    looks_numeric = [number_in(text) is not None for text in texts]
    if not texts:
        return "no value"
    if not any(looks_numeric):
        return "text"
    if not all(looks_numeric):
        return "text, some of which looks like numbers"
    if any(re.match(r"\s*[-+]?0\d", text) for text in texts):
        return "digits with leading zeros, as text"
    # the cells of a CSV are text to begin with
    is_text = cells.dtype == object and isinstance(cells.dropna().iloc[0], str)
    return "text that looks like numbers" if is_text else NUMBERS


def _series(values: list[Any], like: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers as numbers, truth values as such, and anything else as objects."""
    kinds = {type(value) for value in values}
    if kinds <= {int} or kinds <= {int, float} or kinds <= {bool}:
        return pd.Series(values, index=like.index)
    return pd.Series(values, index=like.index, dtype=object)


def _as_selected(column: pd.Series[Any], place: int, name: str, known: InputColumns) -> pd.Series[Any]:
    """The column in the first dtype, its own before others, by which parts choose as they did in training.

    `make_column_selector` chooses by dtype; a clone that chose other columns would be no
    clone of the target. Where no dtype will do, the column stays as it is, and the clone is
    refused when it is trained.
    """
    rules = [selection for selection in known.selections if place in selection.shown]
    if not rules:
        return column

    def chosen_alike(candidate: pd.Series[Any]) -> bool:
        frame = candidate.to_frame(name).head(1)
        return all((name in rule.selector(frame)) == (place in rule.columns) for rule in rules)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns about what `object` will mean one day
        if chosen_alike(column):
            return column
        for dtype in _TEXT_DTYPES if column.dtype == object else _NUMERIC_DTYPES:
            candidate = _cast(column, dtype)
            if candidate is not None and chosen_alike(candidate):
                return candidate
    return column


def _cast(column: pd.Series[Any], dtype: str) -> pd.Series[Any] | None:
    """The column in another dtype that holds the same values; None where it cannot."""
    try:
        made = column.astype(dtype)  # type: ignore[call-overload]  # names of dtypes that pandas knows
    except (TypeError, ValueError):
        return None
    same = made.isna().to_numpy() | (made.to_numpy(dtype=object) == column.to_numpy(dtype=object))
    return made if bool(same.all()) and bool((made.isna() == column.isna()).all()) else None
