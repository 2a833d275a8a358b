"""The rebuilt table beside the true one, and beside what an attacker without the file could guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.model_selection import KFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from leakgauge.model_contents.reconstruction.midpoints import NEAR
from leakgauge.report.model import RebuiltColumn, RebuiltCompared
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

SAME = 1e-6
"""Within which values count as the very same, in exact rows: models read tables in single precision."""
MOST_PAIRED = 2_000
"""Rows without an exact twin that are paired with each other by their distance; of more, a random part."""
MOST_COLUMNS = 50
"""Columns for which values are imputed; the first ones."""
FEW = 20
"""Different values up to which a column is guessed by its commonest value, and not by its median."""
FOLDS = 5


@dataclass(frozen=True, slots=True)
class KnownTable:
    """The true training table.

    Attributes
    ----------
    x
        (n, n_columns) values as the trees' estimator reads them.
    y
        (n,) positions of classes, or numbers.
    names
        of the columns; None where a step before the trees made others of them.
    """

    x: FloatArray
    y: FloatArray
    names: Sequence[str] | None = None


def compared(
    x: FloatArray, y: FloatArray, known: KnownTable, *, in_order: bool, rng: np.random.Generator
) -> RebuiltCompared:
    """How much of the known table a rebuilt one gives back.

    Parameters
    ----------
    x, y
        (m, n_columns) rebuilt values and (m,) labels.
    in_order
        whether rebuilt rows stand where the training table had them.
    """
    truth, found = (_in_single_precision(*table) for table in ((known.x, known.y), (x, y)))
    spread = truth.std(axis=0)
    spread[spread == 0.0] = 1.0
    truth, found = truth / spread, found / spread
    own_places = in_order and len(found) == len(truth)
    pairs = _paired(found, truth, rng)
    near = np.zeros((len(truth), truth.shape[1] - 1), dtype=np.bool_)
    distance = np.abs(found[pairs[0]] - truth[pairs[1]])
    near[pairs[1]] = distance[:, :-1] <= NEAR
    columns = _columns(near, known, spread, rng)
    return RebuiltCompared(
        records=len(truth),
        exact_rows=float((distance <= SAME).all(axis=1).sum() / max(len(truth), 1)),
        in_order=float((np.abs(found - truth) <= SAME).all(axis=1).mean()) if own_places else None,
        values=float(near.mean()),
        guess=float(np.mean([column.guess for column in columns])),
        imputation=float(np.mean([column.imputation for column in columns])),
        columns=columns,
    )


def _in_single_precision(x: FloatArray, y: FloatArray) -> FloatArray:
    """(n, n_columns + 1) a table with its labels, with no more digits than models read."""
    return np.column_stack([x, y]).astype(np.float32).astype(np.float64)


def _keys(rows: FloatArray) -> list[bytes]:
    # 0 is added since there is a negative one as well
    return [row.tobytes() for row in rows + 0.0]


def _paired(found: FloatArray, truth: FloatArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Places in `found` and `truth` that belong together: twins, then those with most values alike."""
    waiting: dict[bytes, list[int]] = {}
    for place, key in enumerate(_keys(found)):
        waiting.setdefault(key, []).append(place)
    ours, theirs, without = [], [], []
    for place, key in enumerate(_keys(truth)):
        if twins := waiting.get(key):
            ours.append(twins.pop())
            theirs.append(place)
        else:
            without.append(place)
    left = np.array([place for places in waiting.values() for place in places], dtype=np.int64)
    rest = np.array(without, dtype=np.int64)
    if len(left) and len(rest):
        left = rng.permutation(left)[:MOST_PAIRED]
        rest = rng.permutation(rest)[:MOST_PAIRED]
        wrong = np.zeros((len(left), len(rest)), dtype=np.float32)
        for column in range(truth.shape[1]):
            wrong += np.abs(found[left, None, column] - truth[None, rest, column]) > NEAR
        first, second = linear_sum_assignment(wrong)
        ours += list(left[first])
        theirs += list(rest[second])
    return np.array(ours, dtype=np.int64), np.array(theirs, dtype=np.int64)


def _columns(
    near: BoolArray, known: KnownTable, spread: FloatArray, rng: np.random.Generator
) -> tuple[RebuiltColumn, ...]:
    names = known.names or [f"column {number + 1}" for number in range(known.x.shape[1])]
    columns = []
    for place, name in list(enumerate(names))[:MOST_COLUMNS]:
        value = known.x[:, place]
        others = np.column_stack([np.delete(known.x, place, axis=1), known.y])
        guessed = np.full(len(value), _middle(value))
        imputed = _imputed(others, value, rng)
        right = [
            float((np.abs(guess - value) <= NEAR * spread[place]).mean()) for guess in (guessed, imputed)
        ]
        columns.append(RebuiltColumn(str(name), float(near[:, place].mean()), right[0], right[1]))
    return tuple(columns)


def _is_few(value: FloatArray) -> bool:
    return len(np.unique(value)) <= FEW


def _middle(value: FloatArray) -> float:
    """The commonest value, or the median of many different ones."""
    if not _is_few(value):
        return float(np.median(value))
    values, counts = np.unique(value, return_counts=True)
    return float(values[counts.argmax()])


def _imputed(others: FloatArray, value: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(n,) each value as a tree predicts it that learned from the other rows."""
    if len(value) < FOLDS:
        return np.full(len(value), _middle(value))
    imputed = np.empty(len(value))
    seed = int(rng.integers(2**31))
    few = _is_few(value)
    for fitted, asked in KFold(FOLDS, shuffle=True, random_state=seed).split(others):
        if few:
            codes = np.unique(value)
            tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=seed)
            tree.fit(others[fitted], np.searchsorted(codes, value[fitted]))
            imputed[asked] = codes[tree.predict(others[asked])]
        else:
            number = DecisionTreeRegressor(min_samples_leaf=5, criterion="squared_error", random_state=seed)
            imputed[asked] = number.fit(others[fitted], value[fitted]).predict(others[asked])
    return imputed
