"""Records changed a little, column by column in the way that its values allow.

A column of many numbers gets Gaussian noise in units of its own spread, on the
grid of whole numbers where it holds nothing else, and within the range that was
seen. Every other column (text, categories, flags, few distinct numbers) is now
and then swapped for the value of another record, so that only values that were
seen occur. Flags that share one mark per record between them, as one-hot
columns do, are swapped together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leakgauge.targets.protocol import BoolArray, FloatArray

MOST_SWAPPED_VALUES = 10
"""A numeric column with more distinct values than this is a quantity, with fewer a code."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A column of many numbers, some of which may be missing, and stay so.

    Attributes
    ----------
    column:
        its place.
    values:
        (n,) numbers, NaN where missing.
    spread, least, greatest:
        standard deviation and range of the finite ones.
    whole:
        whether it counts in whole numbers.
    """

    column: int
    values: FloatArray
    spread: float
    least: float
    greatest: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Perturbations:
    """Changed copies of `n` records.

    Attributes
    ----------
    x:
        the records, a DataFrame or an array of `d` columns.
    quantities:
        columns that get noise.
    swaps:
        groups of columns that are swapped, each as one.
    """

    x: Any
    quantities: tuple[Quantity, ...]
    swaps: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, x: Any) -> Perturbations:
        """Look at every column of (n, d) records and decide how it is to be changed."""
        quantities: list[Quantity] = []
        flags: list[tuple[int, BoolArray]] = []
        others: list[tuple[int, ...]] = []
        for column in range(x.shape[1]):
            numbers = _numbers(_column(x, column))
            if numbers is None:
                others.append((column,))
                continue
            finite = numbers[np.isfinite(numbers)]
            seen = np.unique(finite)
            if len(seen) > MOST_SWAPPED_VALUES:
                whole = bool((seen == np.round(seen)).all())
                quantities.append(
                    Quantity(column, numbers, float(finite.std()), float(seen[0]), float(seen[-1]), whole)
                )
            elif len(finite) == len(numbers) and np.isin(seen, (0.0, 1.0)).all():
                flags.append((column, numbers == 1.0))
            else:
                others.append((column,))
        return cls(x, tuple(quantities), (*others, *_one_hot_groups(flags)))

    def copy(self, *, noise: float, swap: float, rng: np.random.Generator) -> Any:
        """A changed copy of all records, in the form of `x`.

        Parameters
        ----------
        noise: standard deviation of the noise, in units of each column's own.
        swap: probability of a swap, for each record and group of columns.
        """
        changed = self.x.copy()
        records = np.arange(len(self.x))
        for quantity in self.quantities:
            noisy = quantity.values + noise * quantity.spread * rng.standard_normal(len(records))
            if quantity.whole:
                noisy = np.round(noisy)
            _put(changed, quantity.column, np.clip(noisy, quantity.least, quantity.greatest))
        for group in self.swaps:
            others = rng.integers(len(records), size=len(records))
            source = np.where(rng.random(len(records)) < swap, others, records)
            for column in group:
                _put(changed, column, _column(self.x, column)[source])
        return changed


def _one_hot_groups(flags: list[tuple[int, BoolArray]]) -> list[tuple[int, ...]]:
    """Neighbouring flags of which every record carries exactly one, as groups; the others alone."""
    groups: list[tuple[int, ...]] = []
    start = 0
    while start < len(flags):
        marks = np.zeros(len(flags[start][1]), dtype=np.int64)
        end = start
        while end < len(flags) and marks.max(initial=0) <= 1 and not (marks == 1).all():
            marks += flags[end][1]
            end += 1
        if not (marks == 1).all():
            end = start + 1
        groups.append(tuple(column for column, _ in flags[start:end]))
        start = end
    return groups


def _numbers(values: Any) -> FloatArray | None:
    """(n,) numbers, NaN where missing; None for a column of something else."""
    series = pd.Series(values).infer_objects()
    if not pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_complex_dtype(series.dtype):
        return None
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def _column(x: Any, column: int) -> Any:
    return x.iloc[:, column].array if isinstance(x, pd.DataFrame) else x[:, column]


def _put(x: Any, column: int, values: Any) -> None:
    if isinstance(x, pd.DataFrame):
        x.isetitem(column, pd.array(values, dtype=x.dtypes.iloc[column]))
    else:
        x[:, column] = values
