"""The records under attack, and one sensitive column of them with its candidate values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.targets.input_columns import InputColumn
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

Retrained: TypeAlias = Callable[[IntArray, Any, IntArray, int], FloatArray]
"""(rows, x, y, seed) -> (m,) probability of each label of `y`, about the rows `x`, by a copy of the target
that is trained on the records at `rows`; raises `Unsuited` where there is none."""


@dataclass(frozen=True, slots=True)
class Records:
    """`n` records, members and non-members together.

    Attributes
    ----------
    x
        `n` rows in the form that the target takes: a DataFrame or an array.
    y
        (n,) positions of the true labels in the target's classes.
    member
        (n,) whether the target was trained on the record.
    names, columns
        the name of each column of `x`, and what the target knows of it.
    group
        (n,) name of the group a record belongs to, or None when groups are not asked for.
    """

    x: Any
    y: IntArray
    member: BoolArray
    names: tuple[str, ...]
    columns: tuple[InputColumn, ...]
    group: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        """Number of records."""
        return len(self.y)

    def at(self, rows: IntArray) -> Records:
        """The records at `rows`."""
        group = None if self.group is None else self.group[rows]
        return Records(taken(self.x, rows), self.y[rows], self.member[rows], self.names, self.columns, group)

    def cells(self, position: int) -> pd.Series[Any]:
        """(n,) the cells of a column."""
        if isinstance(self.x, pd.DataFrame):
            return self.x.iloc[:, position]
        return pd.Series(self.x[:, position])


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A sensitive column: `k` candidate values and which of them each of `n` records has.

    Attributes
    ----------
    position
        of the column in the rows.
    values
        (k,) names of the candidate values, or of intervals of numbers.
    example
        (k,) positions of records whose cells stand for the values when the model is asked.
    truth
        (n,) which value each record has.
    intervals
        whether values are intervals of numbers.
    """

    name: str
    position: int
    values: tuple[str, ...]
    example: IntArray
    truth: IntArray
    intervals: bool = False

    def candidate(self, records: Records, value: int, rows: IntArray | None = None) -> Any:
        """The rows of all records, or of those at `rows`, as if they had the value."""
        source = self.example[value]
        x = records.x if rows is None else taken(records.x, rows)
        if isinstance(x, pd.DataFrame):
            changed = x.copy()
            cells = records.x.iloc[np.full(len(x), source), self.position]
            changed.isetitem(self.position, cells.set_axis(x.index))
            return changed
        array = np.array(x)
        array[:, self.position] = records.x[source, self.position]
        return array


def taken(x: Any, rows: IntArray | BoolArray) -> Any:
    """Some of the rows."""
    return x.iloc[rows] if isinstance(x, pd.DataFrame) else x[rows]


def stacked(parts: list[Any]) -> Any:
    """The rows of several tables of one form, one below the other."""
    if isinstance(parts[0], pd.DataFrame):
        return pd.concat(parts, ignore_index=True)
    return np.concatenate(parts)
