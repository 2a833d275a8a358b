"""The inputs of a network, and how the columns of a table are put into them.

a table                  the network
age  income  city        inputs
───  ──────  ────  ─▶    (n, 3)                     one matrix: columns by their order
                         (n, 1) (n, 1) (n, 1)       an input for each column: by its name
                         (n, 2) (n, 1)              groups: columns by their order
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.errors import LimitExceeded, UnsupportedModel
from leakgauge.targets.frames import check_width, columns_by_name
from leakgauge.targets.input_columns import InputColumn, InputColumns, Kind
from leakgauge.text import Sink, printable

MAX_COLUMNS: Final = 20_000
_MADE_UP: Final = re.compile(r"(keras_tensor|inputs?|input_layer|args?)([._:]\d+)?|onnx::\w+", re.ASCII)
"""Names that exporters give to inputs where nobody else does."""
_LONGEST_NAME: Final = 100
TEXT: Final = np.dtype(object)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One input of a network.

    Attributes
    ----------
    name
        as the network calls it.
    dtype
        of its numbers; `TEXT` for text.
    width
        columns that it takes; None where the network does not say.
    is_vector
        whether it takes (n,) in the place of (n, 1).
    """

    name: str
    dtype: np.dtype[Any]
    width: int | None
    is_vector: bool = False

    @property
    def column(self) -> InputColumn:
        """What it says of each of its columns."""
        kind: Kind = "text" if self.dtype == TEXT else "numbers"
        return InputColumn(kind, is_whole=self.dtype.kind in "iub")


@dataclass(frozen=True, slots=True)
class Entries:
    """All inputs of a network.

    Attributes
    ----------
    entries
        in the network's own order, at least one; where there are several, each has a width.
    missing_text
        what stands for an empty cell in a column of text, since a network knows no missing text.
    """

    entries: tuple[Entry, ...]
    missing_text: str = ""

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The columns by name, where each has an input that somebody named; else None."""
        names = [entry.name for entry in self.entries]
        if len(names) < 2 or any(entry.width != 1 for entry in self.entries):
            return None
        return None if all(map(_MADE_UP.fullmatch, names)) else tuple(names)

    @property
    def n_features(self) -> int | None:
        """Number of columns; None where the network does not say."""
        widths = [entry.width for entry in self.entries]
        return None if None in widths else sum(width or 0 for width in widths)

    @property
    def is_matrix(self) -> bool:
        """Whether a row is one array of numbers."""
        return len(self.entries) == 1 and self.entries[0].dtype != TEXT

    def input_columns(self, n_columns: int) -> InputColumns:
        """What the network knows of its `n_columns` columns."""
        widths = (n_columns if entry.width is None else entry.width for entry in self.entries)
        return InputColumns(
            tuple(
                entry.column for entry, width in zip(self.entries, widths, strict=True) for _ in range(width)
            )
        )

    def as_input(self, frame: pd.DataFrame) -> pd.DataFrame | NDArray[Any]:
        """The columns in the network's order; an array where it takes one matrix of numbers.

        Raises
        ------
        UnsupportedModel
            `columns_do_not_fit`.
        """
        names = self.feature_names
        if names is not None:
            return columns_by_name(frame, names)
        check_width(frame, self.n_features)
        return np.ascontiguousarray(frame.to_numpy()) if self.is_matrix else frame

    def arranged(self, x: pd.DataFrame | NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What each input is given for (n, n_features) rows.

        Raises
        ------
        UnsupportedModel
            `prediction_failed`, with the place of a column that an input cannot take.
        """
        widths = [x.shape[1] if entry.width is None else entry.width for entry in self.entries]
        ends = accumulate(widths, initial=0)
        return {
            entry.name: self._values(entry, x, range(start, end))
            for entry, (start, end) in zip(self.entries, pairwise(ends), strict=True)
        }

    def zeros(self, rows: int) -> dict[str, NDArray[Any]]:
        """Rows of zeros and empty texts, by which the shapes of answers are told.

        Raises
        ------
        UnsupportedModel
            `input_shape_unknown` where the network does not say how many columns it takes.
        """
        width = self.n_features
        if width is None:
            raise UnsupportedModel(
                "input_shape_unknown",
                "The model says neither how many columns it takes nor how many classes it knows.",
                hint="Export it with an input of shape (rows, columns), the number of columns stated.",
            )
        is_text = [column.kind == "text" for column in self.input_columns(width).columns]
        return self.arranged(
            pd.DataFrame({place: [""] * rows if text else [0.0] * rows for place, text in enumerate(is_text)})
        )

    def _values(self, entry: Entry, x: Any, places: range) -> NDArray[Any]:
        frame = x if isinstance(x, pd.DataFrame) else pd.DataFrame(x)
        columns = frame.iloc[:, places.start : places.stop]
        values = self._texts(columns) if entry.dtype == TEXT else _numbers(columns, entry, places)
        return values[:, 0] if entry.is_vector else values

    def _texts(self, columns: pd.DataFrame) -> NDArray[Any]:
        texts = columns.astype(object).where(columns.notna(), self.missing_text)
        return np.ascontiguousarray(texts.map(str).to_numpy(dtype=object))


def checked(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The inputs of a network that reads rows of a table.

    Raises
    ------
    UnsupportedModel
        `input_shape_unknown` for several inputs one of which does not say its width, or for no input.
    LimitExceeded
        `too_many_columns`.
    """
    if not entries or (len(entries) > 1 and any(entry.width is None for entry in entries)):
        raise UnsupportedModel(
            "input_shape_unknown",
            "The model does not say how many columns each of its inputs takes."
            if entries
            else "The model takes no input.",
            hint="Export it with inputs of shape (rows, columns), the number of columns stated.",
        )
    if sum(entry.width or 0 for entry in entries) > MAX_COLUMNS:
        raise LimitExceeded(
            "too_many_columns",
            f"The model takes more than {MAX_COLUMNS:,} columns.",
            hint="Audit a smaller model.",
        )
    return tuple(entries)


def width_of(shape: Sequence[int | None], name: str) -> tuple[int | None, bool]:
    """How many columns an input of such a shape takes, whose first axis is that of the records.

    Returns
    -------
    the number, None for any; and whether it takes a vector.

    Raises
    ------
    UnsupportedModel
        `not_a_table_model` for arrays of more axes, or of none.
    """
    if len(shape) == 1:
        return 1, True
    if len(shape) == 2 and (shape[1] is None or shape[1] > 0):
        return shape[1], False
    raise UnsupportedModel(
        "not_a_table_model",
        f"The model's input “{printable(name, Sink.MESSAGE, longest=_LONGEST_NAME)}” is an array of "
        f"{len(shape)} axes, where the records of a table are one of 2, (records, columns).",
        hint="A classifier of images is audited with image sets in the place of the tables: "
        "training/CLASS/*.png and subject/CLASS/*.png with a folder for each class number. A model of "
        "sequences is not audited; one that reads a row as an array of another shape needs a Reshape before "
        "it.",
    )


def _numbers(columns: pd.DataFrame, entry: Entry, places: range) -> NDArray[Any]:
    """(n, width) numbers of the input's own type."""
    try:
        # whole numbers of 64 bits have more digits than floats keep
        exact = all(isinstance(kind, np.dtype) and kind.kind in "iub" for kind in columns.dtypes)
        values = columns.to_numpy() if exact else columns.to_numpy(dtype=np.float64, na_value=np.nan)
        return _cast(values, entry.dtype)
    except (TypeError, ValueError, OverflowError) as error:
        if len(places) > 1:  # which of them it is
            for number, place in enumerate(places):
                _numbers(columns.iloc[:, [number]], entry, range(place, place + 1))
        raise _cannot_take(entry, places.start) from error


def _cast(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # what is too large becomes infinite, as in training
            return np.ascontiguousarray(values, dtype=dtype)
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.round(values))).all():
        raise ValueError("not whole")
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if values.size and (values.min() < low or values.max() > high):
        raise ValueError("out of range")
    return np.ascontiguousarray(values.astype(dtype))


def _cannot_take(entry: Entry, place: int) -> UnsupportedModel:
    what = {"b": "0 and 1", "i": "whole numbers", "u": "whole numbers from 0"}.get(
        entry.dtype.kind, "numbers"
    )
    return UnsupportedModel(
        "prediction_failed",
        f"The model takes {what} ({entry.dtype}) in column {place + 1} of its input, and the table holds "
        "something else there.",
        hint="Send the columns as the model was trained on them, in the same order; fill in what is missing.",
        details={"column": place},
    )
