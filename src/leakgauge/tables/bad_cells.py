"""Why a model could not answer about a table: the first cell that it cannot take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leakgauge.errors import BadBundle, UnsupportedModel
from leakgauge.tables import Table
from leakgauge.tables.inference import has_thousands_separators, inferred
from leakgauge.tables.labels import named
from leakgauge.targets.input_columns import InputColumn, InputColumns


def blame_a_cell(
    refusal: UnsupportedModel, sides: Iterable[tuple[Table, pd.DataFrame]], known: InputColumns
) -> None:
    """Raise an error about the first cell that can be why the model could not answer, if there is one.

    Parameters
    ----------
    refusal
        what the model could not do; with the place of a column in `details` where it says which.
    sides
        each table with its features, in the order of the model's input.
    known
        what the model knows of these columns.
    """
    only = refusal.details.get("column")
    places = range(len(known.columns)) if not isinstance(only, int) else range(only, only + 1)
    for suspicion in SUSPICIONS:
        for table, features in sides:
            for place in places:
                name, column = features.columns[place], known.columns[place]
                if not suspicion.falls_on(column):
                    continue
                bad = suspicion.cells(features.iloc[:, place], table.decimal).to_numpy()
                if bad.any():
                    row = int(np.argmax(bad))
                    others = int(bad.sum()) - 1
                    more = f", as do {others:,} more" if others else ""
                    raise BadBundle(
                        suspicion.problem,
                        f"The model cannot take column {named(name)} of {table.name}: "
                        f"{table.place(row)} holds {suspicion.what}{more}.",
                        hint=_header_hint(table, row, others) + suspicion.hint,
                    ) from refusal


def _header_hint(table: Table, row: int, others: int) -> str:
    """What to do where only the very first record of a file without header is not like the rest."""
    if table.has_header or row or others:
        return ""
    return 'If the first line names the columns, set "header": true in parameters.json. '


def _has_thousands_separators(column: pd.Series[Any], decimal: str) -> pd.Series[bool]:
    """Numbers with thousands separators, where nothing else keeps the column from being one of numbers."""
    if pd.api.types.is_numeric_dtype(column):
        return pd.Series(False, index=column.index)
    cells = column.map(str, na_action="ignore")
    separated = cells.map(lambda cell: has_thousands_separators(cell, decimal=decimal), na_action="ignore")
    other = cells[separated != True]  # noqa: E712 -- missing ones are neither
    if pd.api.types.is_numeric_dtype(inferred(other, decimal=decimal)):
        return separated.fillna(False).astype(bool)
    return pd.Series(False, index=column.index)


def _is_text(column: pd.Series[Any], _decimal: str) -> pd.Series[bool]:
    if pd.api.types.is_numeric_dtype(column):
        return pd.Series(False, index=column.index)
    return pd.to_numeric(column, errors="coerce").isna() & column.notna()


def _is_missing(column: pd.Series[Any], _decimal: str) -> pd.Series[bool]:
    return column.isna()


def _is_fraction(column: pd.Series[Any], _decimal: str) -> pd.Series[bool]:
    if not pd.api.types.is_numeric_dtype(column):
        return pd.Series(False, index=column.index)
    return column.notna() & (column % 1 != 0)


def _is_too_large(column: pd.Series[Any], _decimal: str) -> pd.Series[bool]:
    if not pd.api.types.is_numeric_dtype(column):
        return pd.Series(False, index=column.index)
    return column.abs() > float(np.finfo(np.float32).max)


def _is_no_text(column: InputColumn) -> bool:
    return column.kind not in ("text", "categories")


def _is_any(_column: InputColumn) -> bool:
    return True


def _is_whole(column: InputColumn) -> bool:
    return column.is_whole


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """A kind of cell that many models cannot take, and what its sender can do about it."""

    problem: str
    what: str
    hint: str
    cells: Callable[[pd.Series[Any], str], pd.Series[bool]]
    falls_on: Callable[[InputColumn], bool] = _is_no_text


SUSPICIONS = (
    _Suspicion(
        "thousands_separators",
        "a number with thousands separators",
        'Write numbers without them: 52310, not 52,310. In pandas, read_csv(..., thousands=",") does.',
        _has_thousands_separators,
    ),
    _Suspicion(
        "text_in_numbers",
        "text",
        "Encode text as the model was trained on it, or send the whole Pipeline that encodes it.",
        _is_text,
    ),
    _Suspicion(
        "missing_values",
        "no value",
        "Fill it in as in training, or send the whole Pipeline that imputes it.",
        _is_missing,
        _is_any,
    ),
    _Suspicion(
        "infinite_values",
        "an infinite or too large number",
        "Replace it as in training.",
        _is_too_large,
    ),
    _Suspicion(
        "fractions",
        "a number that is not whole",
        "The model takes whole numbers alone in this column: send it as the model was trained on it.",
        _is_fraction,
        _is_whole,
    ),
)
