"""Rows that services are asked about, and a forest of digits that answers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from leakgauge.endpoints.protocols.base import Rows
from leakgauge.row_pipe import Column, Kind

DIGITS = [f"pixel{number}" for number in range(64)]


def digits_tables(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Members and non-members of digits, so many of each, with the column `label`."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))[: 2 * rows]
    table = pd.DataFrame(x[order], columns=DIGITS).assign(label=y[order])
    return table[:rows].reset_index(drop=True), table[rows:].reset_index(drop=True)


@cache
def small_forest() -> tuple[RandomForestClassifier, pd.DataFrame, pd.DataFrame]:
    """A forest, and the tables of its 120 members and 120 non-members."""
    members, non_members = digits_tables(120)
    return (
        RandomForestClassifier(10, random_state=0).fit(members[DIGITS].to_numpy(), members["label"]),
        members,
        non_members,
    )


def answers_of_small_forest(rows: list[tuple[Any, ...]]) -> np.ndarray:
    """(n, 10) what the forest answers about rows."""
    return small_forest()[0].predict_proba(np.array(rows, dtype=float))


def rows_of(frame: pd.DataFrame) -> Rows:
    """A table as it goes to a service."""
    kinds: dict[str, Kind] = {"f": "number", "i": "integer", "b": "boolean"}
    columns = tuple(Column(name, kinds.get(frame[name].dtype.kind, "text")) for name in frame.columns)
    values = frame.astype(object).where(frame.notna(), None).to_numpy()
    return Rows(columns, values.tolist())
