"""Which single values and words of a table stand in an attribute of a model.

Where an attribute is not known to keep values, one counts only if it takes seven digits or signs and more to
write: shorter numbers and words turn up in any model by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from leakgauge.model_contents.held import Held
from leakgauge.model_contents.rows import digits_of
from leakgauge.targets.protocol import BoolArray

_LONG = 6
"""Digits of a number, or signs of a text, that are too few to tell it from chance."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Which of the different values of a table stand in an attribute; a value of two columns is two values.

    Attributes
    ----------
    there
        (k,) whether each does.
    alone
        (k,) whether one record alone has it.
    values
        the values themselves, one sequence a column.
    """

    there: BoolArray
    alone: BoolArray
    values: tuple[Iterable[Any], ...] = ()

    @classmethod
    def joined(cls, parts: Iterable[Counted]) -> Counted:
        """One after the other."""
        none = np.zeros(0, dtype=np.bool_)
        columns = [*parts]
        return cls(
            np.concatenate([none, *(column.there for column in columns)]),
            np.concatenate([none, *(column.alone for column in columns)]),
            tuple(values for column in columns for values in column.values),
        )


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    cells
        (n,) floats, or texts and None.
    """

    cells: NDArray[Any]

    @property
    def is_numeric(self) -> bool:
        """Whether it holds numbers alone."""
        return self.cells.dtype.kind == "f"

    @cached_property
    def numbers(self) -> tuple[NDArray[np.float64], BoolArray, BoolArray]:
        """(k,) different numbers in order, which of them one record alone has, which take many digits."""
        values, counts = np.unique(self.cells[~np.isnan(self.cells)], return_counts=True)
        return values, counts == 1, digits_of(values) > _LONG

    @cached_property
    def texts(self) -> Counter[str]:
        """How many records have each text."""
        return Counter(cell for cell in self.cells.tolist() if cell is not None)


def columns_of(x: Any) -> list[Column]:
    """The columns of a table; none of a sparse one, whose features a step made."""
    if sparse.issparse(x):
        return []
    table = x if isinstance(x, pd.DataFrame) else pd.DataFrame(np.asarray(x))
    return [Column(_column(table.iloc[:, place])) for place in range(table.shape[1])]


def _column(cells: pd.Series[Any]) -> NDArray[Any]:
    numbers = pd.to_numeric(cells, errors="coerce")
    if bool((numbers.notna() | cells.isna()).all()) and not _holds_text(cells):
        return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    # not by pandas' map, which makes a column of texts of the result, and NaN of None
    texts = [None if gap else str(cell) for cell, gap in zip(cells.astype(object), cells.isna(), strict=True)]
    return np.array(texts, dtype=object)


def _holds_text(cells: pd.Series[Any]) -> bool:
    return (
        bool(cells.map(lambda cell: isinstance(cell, str)).any())
        if cells.dtype == object
        else (not pd.api.types.is_numeric_dtype(cells.dtype))
    )


def counted(columns: list[Column], held: Held, *, known: bool) -> Counted:
    """How many values of the columns of a table stand in an attribute.

    Parameters
    ----------
    known
        whether the attribute is known to keep values, so that short ones count as well.
    """
    by_column = _by_column(held, len(columns))
    everywhere = _Numbers.of(held.numbers)
    return Counted.joined(
        _in_column(
            column,
            everywhere if by_column is None else _Numbers.of([by_column[place]]),
            held.texts,
            known=known,
        )
        for place, column in enumerate(columns)
    )


def counted_tokens(documents: Iterable[str], analyze: Callable[[str], Iterable[str]], held: Held) -> Counted:
    """How many words of documents stand in an attribute."""
    records = Counter(token for document in documents for token in set(analyze(document)))
    return _among(records, held.texts)


def _by_column(held: Held, n_columns: int) -> list[NDArray[Any]] | None:
    """An array for each column of the table, where the attribute is kept so."""
    if len(held.columns) == n_columns:
        return list(held.columns)
    if len(held.numbers) == 1 and held.numbers[0].ndim == 2 and held.numbers[0].shape[1] == n_columns:
        table: Any = held.numbers[0]
        return list((table.toarray() if sparse.issparse(table) else table).T)
    return None


@dataclass(frozen=True, slots=True)
class _Numbers:
    """All different numbers in arrays, in order; those of arrays of 32-bit floats apart."""

    wide: NDArray[np.float64]
    narrow: NDArray[np.float32]

    @classmethod
    def of(cls, tables: Iterable[Any]) -> _Numbers:
        wide, narrow = [np.zeros(0)], [np.zeros(0, dtype=np.float32)]
        for table in tables:
            values = table.data if sparse.issparse(table) else np.asarray(table).ravel()
            if values.dtype.kind == "O":
                values = np.array([one for one in values.tolist() if isinstance(one, int | float)])
            if values.dtype.kind not in "fiub":
                continue
            with np.errstate(over="ignore"):
                short = values.astype(np.float32)
            if values.dtype.kind == "f" and np.array_equal(short, values, equal_nan=True):
                narrow.append(short)
            else:
                wide.append(values.astype(np.float64))
        return cls(np.unique(np.concatenate(wide)), np.unique(np.concatenate(narrow)))

    def have(self, values: NDArray[np.float64]) -> BoolArray:
        """(k,) which values, in order and each once, are among them, as wide as they were kept."""
        there = np.zeros(len(values), dtype=np.bool_)
        places = np.minimum(np.searchsorted(values, self.wide), max(len(values) - 1, 0))
        if len(values):
            there[places[values[places] == self.wide]] = True
        if len(self.narrow):
            with np.errstate(over="ignore"):
                there |= np.isin(values.astype(np.float32), self.narrow)
        return there


def _in_column(column: Column, numbers: _Numbers, texts: frozenset[str], *, known: bool) -> Counted:
    if column.is_numeric:
        values, alone, long = column.numbers
        return Counted(numbers.have(values) & (known | long), alone, (values,))
    return _among(column.texts, texts if known else frozenset(text for text in texts if len(text) > _LONG))


def _among(cells: Counter[str], texts: frozenset[str]) -> Counted:
    order = sorted(cells)
    return Counted(
        np.array([cell in texts for cell in order], dtype=np.bool_),
        np.array([cells[cell] == 1 for cell in order], dtype=np.bool_),
        (order,),
    )
