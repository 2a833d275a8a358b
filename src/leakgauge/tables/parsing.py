"""The records of a CSV, cell by cell as text; what a cell means is for those who know the model.

Rows are told apart as `pandas.read_csv` does, but for two things that are stricter:
rows that are too short are refused instead of being filled up, and columns of one
name are refused instead of being renamed.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Sequence
from typing import NoReturn

import pandas as pd

from leakgauge.bundle import Limits
from leakgauge.errors import BadBundle
from leakgauge.tables.delimited import Text, refuse_quote
from leakgauge.tables.table import FEWEST_COLUMNS, Table, out_of_memory


def parse(text: Text, *, has_header: bool, limits: Limits) -> Table:
    """The records of `text`.

    Raises
    ------
    BadBundle
        `duplicate_columns`, `ragged_row`, `unterminated_quote`, `cell_too_long`, `no_rows`, `damaged_table`.
    LimitExceeded
        `table_rows`, `memory`.
    """
    columns = _column_names(text) if has_header else list(range(len(text.first_row)))
    try:
        with warnings.catch_warnings():
            # rows longer than the first are an error here, not a loss of data to be warned about
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.BytesIO(text.data),
                sep=text.delimiter,
                dtype=str,
                keep_default_na=False,
                na_values=[""],
                header=0 if has_header else None,
                names=columns,
                index_col=False,
                nrows=limits.table_rows + 1,
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        _refuse_shape(text, error)
    except MemoryError as error:
        raise out_of_memory(text.name) from error
    if len(frame) > limits.table_rows:
        raise limits.exceeded("table_rows", f"{text.name} has too many rows.")
    if frame.empty:
        raise BadBundle(
            "no_rows",
            f"{text.name} has a header but no records.",
            hint="Send at least a few hundred records.",
        )
    if frame.iloc[:, -1].isna().any():
        # pandas fills short rows up from the right, so that only now there can be any
        _refuse_uneven_rows(text, shorter=True)
    frame, notes = _without_empty_last_column(frame)
    return Table(
        text.name,
        frame,
        has_header,
        (*text.notes, *notes),
        _line_numbers(text, has_header, len(frame)),
        decimal=text.decimal,
    )


def _column_names(text: Text) -> list[str]:
    """The header's names; pandas' own `Unnamed: 3` for an empty one."""
    names = [cell if cell else f"Unnamed: {position}" for position, cell in enumerate(text.first_row)]
    seen: dict[str, int] = {}
    for position, column in enumerate(names):
        if column in seen:
            raise BadBundle(
                "duplicate_columns",
                f"{text.name} has the same name over columns {seen[column] + 1} and {position + 1}.",
                hint='Rename one of them; if the first row is a record, set "header" to false.',
                details={"file": text.name, "columns": [seen[column] + 1, position + 1]},
            )
        seen[column] = position
    return names


def _without_empty_last_column(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Drops the column that a delimiter at the end of every line makes."""
    last = frame.columns[-1]
    unnamed = not isinstance(last, str) or last == f"Unnamed: {frame.shape[1] - 1}"
    if unnamed and frame.shape[1] > FEWEST_COLUMNS and bool(frame.iloc[:, -1].isna().all()):
        note = "Every line ends with a delimiter; the empty last column was left out."
        return frame.iloc[:, :-1], (note,)
    return frame, ()


def _line_numbers(text: Text, has_header: bool, n_rows: int) -> Sequence[int] | None:
    """First line of each record; None where our count of records differs from that of pandas."""
    data = text.data
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if lines == n_rows + has_header and data.count(b"\r") == data.count(b"\r\n"):
        # no blank line and no cell of several lines: the usual case, for which nothing is read again
        return range(1 + has_header, 1 + has_header + n_rows)
    try:
        starts = [line for line, _ in text.rows()][int(has_header) :]
    except csv.Error:
        return None
    return starts if len(starts) == n_rows else None


def _refuse_shape(text: Text, error: Exception) -> NoReturn:
    """Names the line on which pandas stumbled, found by reading the file a second time."""
    if "EOF inside string" in str(error):
        refuse_quote(text.name, _line_of_open_quote(text))
    _refuse_uneven_rows(text, shorter=False)
    raise BadBundle(
        "damaged_table", f"{text.name} cannot be read as CSV.", hint="Export the table again."
    ) from error


def _refuse_uneven_rows(text: Text, *, shorter: bool) -> None:
    width = len(text.first_row)
    line = 0
    try:
        for line, cells in text.rows():
            if len(cells) != width and (len(cells) < width) == shorter:
                raise BadBundle(
                    "ragged_row",
                    f"{text.name}, line {line}: {len(cells)} cells where the first row has {width}.",
                    hint="Give every row the same number of cells; quote cells that hold the delimiter.",
                    details={"file": text.name, "line": line, "cells": len(cells), "expected": width},
                )
    except csv.Error as error:
        raise BadBundle(
            "cell_too_long",
            f"{text.name}: a cell after line {line} is longer than 128 KiB.",
            hint="Check that every quote is closed.",
            details={"file": text.name, "line": line},
        ) from error


def _line_of_open_quote(text: Text) -> int:
    """The line on which the last row starts: the open quote has swallowed all after it."""
    last = 1
    try:
        for line, _ in text.rows():
            last = line
    except csv.Error:
        return last + 1
    return last
