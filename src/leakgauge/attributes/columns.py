"""Which columns are taken for sensitive, and which values an attacker would choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from leakgauge.attributes.records import Records, Sensitive, stacked, taken
from leakgauge.errors import BadParameters
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray, Target

MOST_VALUES = 10
"""Candidate values of a column; of more the commonest are tried, and of numbers intervals."""
INTERVALS = 5
"""Into how many intervals, with about as many non-members in each, numbers are cut."""
MOST_CHOSEN = 3
"""Columns that are chosen where none is named."""
LEAST_SPREAD = 0.05
"""Share of records that must differ from the commonest value: below, there is next to nothing to guess."""
LEAST_RECORDS = 20
"""Members, and as many non-members, with a candidate value, below which no figure means anything."""
PROBED = 100
"""Records that are asked about with another's cell, to see how much a column moves the answers."""


class NotMeasured(Exception):  # noqa: N818 -- an outcome that the report states, not an error
    """Nothing can be said of the column; the message says why, for the report."""


def named(records: Records, names: Sequence[str]) -> list[int]:
    """The positions of the columns that are called sensitive.

    Raises
    ------
    BadParameters
        `unknown_column` for names of no column that the model takes.
    """
    known = {name: position for position, name in enumerate(records.names)}
    unknown = [name for name in names if name not in known]
    if unknown:
        shown = ", ".join(unknown)
        columns = ", ".join(records.names[:20]) + (", …" if len(records.names) > 20 else "")
        raise BadParameters.about(
            "sensitive_columns",
            f"unknown: {shown}",
            problem="unknown_column",
            message=f"The model takes no column called {shown}.",
            hint=f"Name columns that the model takes: {columns}. The label is what it predicts, not an "
            "attribute.",
        )
    return [known[name] for name in names]


def chosen(records: Records, target: Target, *, rng: np.random.Generator) -> list[int]:
    """Up to `MOST_CHOSEN` categorical columns, those that move the model's answers most."""
    possible = [position for position in range(len(records.names)) if _is_categorical(records, position)]
    if not possible:
        return []
    moved = _influence(records, target, possible, rng)
    order = sorted(range(len(possible)), key=lambda place: (-moved[place], place))
    return [possible[place] for place in order[:MOST_CHOSEN] if moved[place] > 0.0]


def sensitive(records: Records, position: int) -> tuple[Sensitive, BoolArray]:
    """A column with its candidate values, and which records have one of them.

    Raises
    ------
    NotMeasured
        for a column that the model does not read, or with nothing to guess.
    """
    if not records.columns[position].is_read:
        raise NotMeasured("The model does not read this column, so its answers are the same for every value.")
    cells = records.cells(position)
    if _is_numeric(cells) and cells.nunique(dropna=True) > MOST_VALUES:
        found = _in_intervals(records, position, cells.to_numpy(dtype=np.float64))
    else:
        found = _by_value(records, position, cells)
    has_one = found.truth >= 0
    sides = [int((has_one & side).sum()) for side in (records.member, ~records.member)]
    if len(found.values) < 2 or min(sides) < LEAST_RECORDS:
        raise NotMeasured(
            f"Two values or more are needed, in {LEAST_RECORDS} members and {LEAST_RECORDS} non-members; "
            f"there are {len(found.values)} among {sides[0]:,} and {sides[1]:,}."
        )
    return found, has_one


def at_rows(column: Sensitive, rows: IntArray) -> Sensitive:
    """The column of the records at `rows`, each value with an example among them.

    Raises
    ------
    NotMeasured
        where no record among them has one of the values.
    """
    place = np.full(len(column.truth), -1)
    place[rows] = np.arange(len(rows))
    return replace(column, truth=column.truth[rows], example=place[column.example])


def _is_numeric(cells: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype))


def _is_categorical(records: Records, position: int) -> bool:
    """Whether a column is one of few categories, as far as its form tells."""
    known, cells = records.columns[position], records.cells(position)
    if not known.is_read or known.kind == "text":
        return False
    shares = cells.value_counts(normalize=True, dropna=False)
    most = 2 if _is_numeric(cells) and known.kind != "categories" else MOST_VALUES
    return 2 <= len(shares) <= most and float(shares.iloc[0]) <= 1.0 - LEAST_SPREAD


def _influence(
    records: Records, target: Target, positions: Sequence[int], rng: np.random.Generator
) -> FloatArray:
    """(k,) how much the answers change on average where a record has another's cell."""
    rows = rng.choice(len(records), min(PROBED, len(records)), replace=False)
    x = taken(records.x, rows)
    others = rng.permutation(len(rows))
    swapped = [_with_cells(x, position, others) for position in positions]
    answers = _answers(target, stacked([x, *swapped])).reshape(len(positions) + 1, len(rows), -1)
    moved: FloatArray = np.abs(answers[1:] - answers[0]).mean(axis=(1, 2))
    return moved


def _answers(target: Target, x: Any) -> FloatArray:
    if target.has_probabilities:
        return target.probabilities(x)
    labels = target.labels(x)
    found: FloatArray = (labels[:, None] == np.arange(len(target.classes))).astype(np.float64)
    return found


def _with_cells(x: Any, position: int, others: IntArray) -> Any:
    if isinstance(x, pd.DataFrame):
        changed = x.copy()
        cells: Any = x.iloc[others, position].set_axis(x.index)
        changed.isetitem(position, cells)
        return changed
    array = np.array(x)
    array[:, position] = x[others, position]
    return array


def _by_value(records: Records, position: int, cells: pd.Series[Any]) -> Sensitive:
    """The values themselves, the commonest among non-members first."""
    codes, uniques = pd.factorize(cells, use_na_sentinel=False)
    counts = np.bincount(codes[~records.member], minlength=len(uniques))
    names = ["(missing)" if pd.isna(value) else _plain(value) for value in uniques]
    # in the order of names where counts are equal, so that the order of records does not matter
    order = sorted(range(len(uniques)), key=lambda code: (-int(counts[code]), names[code]))
    kept = [code for code in order if counts[code] > 0][:MOST_VALUES]
    place = np.full(len(uniques), -1)
    place[kept] = np.arange(len(kept))
    example = np.array([np.flatnonzero(codes == code)[0] for code in kept], dtype=np.int64)
    return Sensitive(
        records.names[position],
        position,
        tuple(names[code] for code in kept),
        example,
        place[codes].astype(np.int64),
    )


def _plain(value: Any) -> str:
    """A value as a reader would write it: whole numbers without a point."""
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _in_intervals(records: Records, position: int, numbers: FloatArray) -> Sensitive:
    """Intervals with about as many non-members in each; the middle one of these stands for its interval."""
    known = np.isfinite(numbers)
    others = numbers[known & ~records.member]
    ends: Any = (
        np.unique(np.quantile(others, np.linspace(0.0, 1.0, INTERVALS + 1)[1:-1])) if len(others) else []
    )
    bins = np.digitize(numbers, ends, right=True)
    names: list[str] = []
    example: list[int] = []
    place = np.full(len(ends) + 1, -1)
    for number in range(len(ends) + 1):
        inside = np.flatnonzero(known & (bins == number) & ~records.member)
        if not len(inside):
            continue
        middle = inside[np.argsort(numbers[inside], kind="stable")[len(inside) // 2]]
        place[number] = len(names)
        example.append(int(middle))
        low = f"over {ends[number - 1]:.6g}" if number else ""
        high = f"up to {ends[number]:.6g}" if number < len(ends) else ""
        names.append(" ".join(part for part in (low, high) if part))
    truth = np.where(known, place[bins], -1).astype(np.int64)
    return Sensitive(
        records.names[position], position, tuple(names), np.array(example, dtype=np.int64), truth, True
    )
