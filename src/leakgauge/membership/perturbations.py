"""Records changed a little, column by column in the way that its values allow.

A column of many numbers gets Gaussian noise in units of its own spread, on the
grid of whole numbers where it holds nothing else, and within the range that was
seen. In a column of texts, which are new in most records, single words are swapped
for words of other records. Every other column (text, categories, flags, few distinct numbers) is now
and then swapped for the value of another record, so that only values that were
seen occur. Flags that share one mark per record between them, as one-hot
columns do, are swapped together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

FEWEST_WORDS = 3
"""Mean number of words from which on text is a text, and not a category of several words."""
MOST_SWAPPED_VALUES = 10
"""A numeric column with more distinct values than this is a quantity, with fewer a code."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A column of many numbers, some of which may be missing, and stay so.

    Attributes
    ----------
    column
        its place.
    values
        (n,) numbers, NaN where missing.
    spread, least, greatest
        standard deviation and range of the finite ones.
    whole
        whether it counts in whole numbers.
    """

    column: int
    values: FloatArray
    spread: float
    least: float
    greatest: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts.

    Attributes
    ----------
    column
        its place.
    words
        (n_words,) the words of all texts, one after another.
    starts
        (n,) where the words of each text start.
    """

    column: int
    words: NDArray[np.object_]
    starts: IntArray

    def changed(self, swap: float, rng: np.random.Generator) -> list[str]:
        """The texts with every word swapped for another with probability `swap`."""
        others = rng.integers(len(self.words), size=len(self.words))
        words = np.where(rng.random(len(self.words)) < swap, self.words[others], self.words)
        return [" ".join(of_text) for of_text in np.split(words, self.starts[1:])]


@dataclass(frozen=True, slots=True)
class Perturbations:
    """Changed copies of `n` records.

    Attributes
    ----------
    x
        the records, a DataFrame or an array of `d` columns, or (n,) texts.
    quantities
        columns that get noise.
    texts
        columns of which words are swapped.
    swaps
        groups of columns that are swapped, each as one.
    """

    x: Any
    quantities: tuple[Quantity, ...]
    texts: tuple[Texts, ...]
    swaps: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, x: Any) -> Perturbations:
        """Look at every column of (n, d) records, or at (n,) texts, and decide how it is to be changed."""
        quantities: list[Quantity] = []
        texts: list[Texts] = []
        flags: list[tuple[int, BoolArray]] = []
        others: list[tuple[int, ...]] = []
        for column in range(x.shape[1] if np.ndim(x) > 1 else 1):
            numbers = _numbers(_column(x, column))
            if numbers is None:
                found = _texts(column, _column(x, column))
                if found is None:
                    others.append((column,))
                else:
                    texts.append(found)
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
        return cls(x, tuple(quantities), tuple(texts), (*others, *_one_hot_groups(flags)))

    def copy(self, *, noise: float, swap: float, rng: np.random.Generator) -> Any:
        """A changed copy of all records, in the form of `x`.

        Parameters
        ----------
        noise
            standard deviation of the noise, in units of each column's own.
        swap
            probability of a swap, for each record and group of columns, and for each word.
        """
        changed = self.x.copy()
        records = np.arange(len(self.x))
        for quantity in self.quantities:
            noisy = quantity.values + noise * quantity.spread * rng.standard_normal(len(records))
            if quantity.whole:
                noisy = np.round(noisy)
            _put(changed, quantity.column, np.clip(noisy, quantity.least, quantity.greatest))
        for text in self.texts:
            _put(changed, text.column, text.changed(swap, rng))
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


def _texts(column: int, values: Any) -> Texts | None:
    """The column's words where most of its texts are new ones of several words; None for other columns."""
    cells = pd.Series(values)
    if not cells.map(lambda cell: isinstance(cell, str)).all() or 2 * cells.nunique() < len(cells):
        return None
    words = [cell.split() for cell in cells]
    counts = np.array([len(of_text) for of_text in words])
    if counts.mean() < FEWEST_WORDS:
        return None
    every = np.array([word for of_text in words for word in of_text], dtype=object)
    return Texts(column, every, np.cumsum(counts) - counts)


def _column(x: Any, column: int) -> Any:
    if np.ndim(x) == 1:
        return x
    return x.iloc[:, column].array if isinstance(x, pd.DataFrame) else x[:, column]


def _put(x: Any, column: int, values: Any) -> None:
    if isinstance(x, pd.DataFrame):
        x.isetitem(column, pd.array(values, dtype=x.dtypes.iloc[column]))
    elif np.ndim(x) == 1:
        x[:] = values
    else:
        x[:, column] = values
