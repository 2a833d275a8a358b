"""Records as numbers of which profiles are weighted means.

A profile says of each column what the records of a group have in common: the mean of a column of numbers,
the share of each value of any other. Records are coded so that both are the same arithmetic. A number is
coded as how many standard deviations it lies from the middle of its column, with a mark that it is there; a
category as one place for each value. Distances between profiles are then, column by column, the standardised
difference of means and the total variation of shares, which is the share of people whose value is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.targets.input_columns import InputColumn, InputColumns
from leakgauge.targets.protocol import FloatArray
from leakgauge.text import Sink, printable

MISSING: Final = "(missing)"
OTHER: Final = "(other values)"
MOST_VALUES: Final = 20
"""Values of a column that a profile tells apart; further ones, the rarest, are taken together."""
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class ProfiledColumn:
    """One column of a profile.

    Attributes
    ----------
    name
        of the column, printable.
    position
        its place among the features.
    values
        the values that are told apart, printable; none for a column of numbers.
    start
        the first of its places in a coded record.
    middle, unit
        of a column of numbers, the number that is coded as 0 and the standard deviation.
    """

    name: str
    position: int
    values: tuple[str, ...]
    start: int
    middle: float = 0.0
    unit: float = 1.0

    @property
    def is_number(self) -> bool:
        """Whether it is told by its mean."""
        return not self.values

    @property
    def places(self) -> slice:
        """Its places in a coded record: of a number the number and whether it is there."""
        return slice(self.start, self.start + (2 if self.is_number else len(self.values)))


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns are told of, and how records are coded.

    Attributes
    ----------
    columns
        in the order of the features.
    left_out
        names of columns that no profile tells of: free text, and what is the same in every record.
    """

    columns: tuple[ProfiledColumn, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, frames: Sequence[pd.DataFrame], known: InputColumns) -> Layout:
        """The layout of all records together; the last frame is the measure of standard deviations."""
        columns: list[ProfiledColumn] = []
        left_out: list[str] = []
        start = 0
        for position, column in enumerate(known.columns):
            sides = [frame.iloc[:, position] for frame in frames]
            name = printable(str(frames[0].columns[position]), Sink.PAGE, longest=_LONGEST)
            found = _column(name, position, start, sides, column)
            if found is None:
                left_out.append(name)
                continue
            columns.append(found)
            start = found.places.stop
        return cls(tuple(columns), tuple(left_out))

    @property
    def width(self) -> int:
        """Numbers of a coded record."""
        return self.columns[-1].places.stop if self.columns else 0

    def coded(self, frame: pd.DataFrame) -> FloatArray:
        """(n, width) the records of a frame of features."""
        made = np.zeros((len(frame), self.width))
        for column in self.columns:
            cells = frame.iloc[:, column.position]
            if column.is_number:
                numbers = _numbers(cells)
                present = np.isfinite(numbers)
                scaled = (np.where(present, numbers, column.middle) - column.middle) / column.unit
                made[:, column.start], made[:, column.start + 1] = scaled, present
            else:
                places = {value: place for place, value in enumerate(column.values)}
                rest = places.get(OTHER, -1)
                at = np.array([places.get(text, rest) for text in _texts(cells)], dtype=np.int64)
                counted = at >= 0
                made[np.flatnonzero(counted), column.start + at[counted]] = 1.0
        return made

    def profiles(self, coded: FloatArray, weights: FloatArray) -> FloatArray:
        """(..., width) profiles of (n, width) records under (..., n) weights.

        Means of numbers are over the records that have one; NaN where none has.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            found: FloatArray = (weights @ coded) / weights.sum(axis=-1, keepdims=True)
            for column in self.columns:
                if column.is_number:
                    found[..., column.start] /= found[..., column.start + 1]
        return found

    def shifted(self, base: FloatArray, ones: FloatArray, others: FloatArray) -> FloatArray:
        """(..., width) a profile moved by the difference of two others; no share falls below 0."""
        moved = np.asarray(base + ones - others)
        for column in self.columns:
            if not column.is_number:
                moved[..., column.places] = np.maximum(moved[..., column.places], 0.0)
        return moved

    def distances(self, ones: FloatArray, others: FloatArray) -> FloatArray:
        """(..., columns) how far profiles lie apart: standard deviations, or shares of records.

        0 for a column that one of the two says nothing of.
        """
        apart = np.abs(ones - others)
        each = [
            apart[..., column.start] if column.is_number else apart[..., column.places].sum(axis=-1) / 2
            for column in self.columns
        ]
        found: FloatArray = np.nan_to_num(np.stack(each, axis=-1), nan=0.0)
        return found


def _column(
    name: str, position: int, start: int, sides: Sequence[pd.Series[Any]], known: InputColumn
) -> ProfiledColumn | None:
    """The column as profiles tell of it; None where there is nothing to tell."""
    if known.kind != "categories" and all(map(_is_numeric, sides)):
        numbers = [_numbers(side) for side in sides]
        every = np.concatenate(numbers)
        every = every[np.isfinite(every)]
        if len(np.unique(every)) > 2:
            measure = numbers[-1][np.isfinite(numbers[-1])]
            with np.errstate(over="ignore", invalid="ignore"):  # of the largest numbers that there are
                deviations = [float(cells.std()) for cells in (measure, every) if len(cells)]
                middle = float(np.median(every))
            unit = next((found for found in deviations if found > 0), 0.0)
            if not (0 < unit < np.inf and np.isfinite(middle)):
                return None
            return ProfiledColumn(name, position, (), start, middle, unit)
    if known.kind == "text":
        return None
    counts = pd.Series([text for side in sides for text in _texts(side)]).value_counts()
    if len(counts) < 2 or (len(counts) > MOST_VALUES and counts.sum() < 2 * len(counts)):
        return None
    # by name where they are equally frequent, so that the order of records changes nothing
    values = sorted(counts.index, key=lambda value: (-counts[value], value))
    kept = values if len(values) <= MOST_VALUES else [*values[: MOST_VALUES - 1], OTHER]
    return ProfiledColumn(name, position, tuple(kept), start)


def _is_numeric(cells: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype)


def _numbers(cells: pd.Series[Any]) -> FloatArray:
    return np.asarray(cells.to_numpy(dtype=np.float64, na_value=np.nan))


def _texts(cells: pd.Series[Any]) -> NDArray[Any]:
    """(n,) the cells as a report shows them."""
    codes, values = pd.factorize(cells.astype(object), use_na_sentinel=True)
    shown = [_shown(value) for value in values]
    return np.array([*shown, MISSING], dtype=object)[codes]


def _shown(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return printable(str(value), Sink.PAGE, longest=_LONGEST)
