"""Records of an attacker who knows no more than what is possible.

`ranges.csv` has the columns of the data. Of a column of numbers the lowest and the highest count, of any
other the values that stand there; empty cells fill up the shorter columns. Records are sampled evenly from
that, each column for itself, so that they say nothing of the population.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

RECORDS: Final = 5_000
"""How many are sampled."""


def sampled_within(frame: pd.DataFrame, rng: np.random.Generator, *, records: int = RECORDS) -> pd.DataFrame:
    """(records, d) features sampled evenly from what stands in each column of a frame.

    Parameters
    ----------
    frame
        the ranges, in the types that the model knows.
    """
    made = pd.DataFrame(
        {place: _sampled_from(frame.iloc[:, place], rng, records) for place in range(frame.shape[1])}
    )
    made.columns = frame.columns
    return made


def _sampled_from(cells: pd.Series[Any], rng: np.random.Generator, records: int) -> pd.Series[Any]:
    held = cells.dropna()
    if held.empty:
        return cells.iloc[np.zeros(records, dtype=np.int64)].reset_index(drop=True)
    if not pd.api.types.is_numeric_dtype(held.dtype) or pd.api.types.is_bool_dtype(held.dtype):
        values = held.drop_duplicates()
        return values.iloc[rng.integers(len(values), size=records)].reset_index(drop=True)
    numbers = held.to_numpy(dtype=np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if (numbers == np.round(numbers)).all() and high - low < 2**53:
        return pd.Series(low + np.floor(rng.random(records) * (high - low + 1.0))).astype(cells.dtype)
    return pd.Series(low + rng.random(records) * (high - low)).astype(cells.dtype)
