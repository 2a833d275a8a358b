"""The attacker without the model: a person's sensitive value guessed from what else is known of them.

Three imputers of different kinds learn from non-members which value goes with the other columns and the
label. All records are dealt into folds. An imputer learns from the non-members of the other folds and is
asked about members and non-members of its own fold, so that what it says of either is equally new to it, and
the difference between the two sides is 0 on average where the model has nothing to do with either. Which of
the three is best is told for each fold from the non-members of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leakgauge.attributes.records import Records
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray

FOLDS = 5
MOST_LEARNED = 4_000
"""Non-members that one imputer learns from; more make it hardly better and much slower."""
MOST_CATEGORIES = 20
"""Values of a column up to which each has an indicator of its own; of more the column is one number."""
MOST_INPUTS = 100
"""Inputs that an imputer keeps, those that go best with the column."""
FLOOR = 0.01
"""Probability that is shared out evenly, so that no value is ever ruled out."""


def _linear(seed: int) -> Any:  # noqa: ARG001 -- the signature of all imputers
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, tol=1e-3))


def _forest(seed: int) -> Any:
    return RandomForestClassifier(n_estimators=50, min_samples_leaf=3, random_state=seed)


def _boosting(seed: int) -> Any:
    return HistGradientBoostingClassifier(
        max_iter=40, learning_rate=0.15, max_leaf_nodes=15, early_stopping=False, random_state=seed
    )


IMPUTERS: dict[str, Callable[[int], Any]] = {
    "logistic regression": _linear,
    "random forest": _forest,
    "gradient boosting": _boosting,
}


@dataclass(frozen=True, slots=True)
class Imputation:
    """What an attacker without the model says.

    Attributes
    ----------
    probabilities
        (n, k) of each candidate value, never 0.
    known
        (n, d) what it was told from: the other columns and the label, as numbers.
    fold
        (n,) of each record.
    best
        name of the imputer that was best in most folds.
    """

    probabilities: FloatArray
    known: FloatArray
    fold: IntArray
    best: str


def dealt(records: Records, *, rng: np.random.Generator) -> IntArray:
    """(n,) folds, with equally many members and non-members in each but for one."""
    fold = np.empty(len(records), dtype=np.int64)
    for side in (records.member, ~records.member):
        where = np.flatnonzero(side)
        fold[where] = rng.permutation(len(where)) % FOLDS
    return fold


def imputed(
    records: Records,
    truth: IntArray,
    values: int,
    *,
    position: int,
    fold: IntArray,
    rng: np.random.Generator,
    progress: Progress,
) -> Imputation:
    """The cross-fitted imputation of a column.

    Parameters
    ----------
    truth
        (n,) which of the `values` each record has.
    position
        of the column, which is left out of what is known.
    """
    known = others_than(records, position)
    every = np.zeros((len(IMPUTERS), len(records), values))
    for number in range(FOLDS):
        progress.report("guessing without the model", number / FOLDS)
        learned = np.flatnonzero((fold != number) & ~records.member)
        if len(learned) > MOST_LEARNED:
            learned = np.sort(rng.choice(learned, MOST_LEARNED, replace=False))
        asked = np.flatnonzero(fold == number)
        seed = int(rng.integers(2**31))
        for place, make in enumerate(IMPUTERS.values()):
            every[place, asked] = fitted(make(seed), known, truth, learned, asked, values)
    logs = np.log(every[:, np.arange(len(records)), truth])
    probabilities = np.zeros((len(records), values))
    won = np.zeros(len(IMPUTERS), dtype=np.int64)
    for number in range(FOLDS):
        best = int(logs[:, (fold != number) & ~records.member].mean(axis=1).argmax())
        won[best] += 1
        probabilities[fold == number] = every[best, fold == number]
    return Imputation(probabilities, known, fold, list(IMPUTERS)[int(won.argmax())])


def fitted(
    model: Any, known: FloatArray, truth: IntArray, learned: IntArray, asked: IntArray, values: int
) -> FloatArray:
    """(m, values) what a model that learned from some records says of others, never 0."""
    found = np.zeros((len(asked), values))
    present = np.unique(truth[learned])
    if len(present) < 2:
        found[:, present] = 1.0
    else:
        x, new = known[learned], known[asked]
        if x.shape[1] > MOST_INPUTS:
            varying = np.flatnonzero(np.ptp(x, axis=0) > 0.0)
            x, new = x[:, varying], new[:, varying]
        if x.shape[1] > MOST_INPUTS:
            best = SelectKBest(k=MOST_INPUTS).fit(x, truth[learned])
            x, new = best.transform(x), best.transform(new)
        model.fit(x, truth[learned])
        found[:, model.classes_] = model.predict_proba(new)
    mixed: FloatArray = (1.0 - FLOOR) * found + FLOOR / values
    return mixed


def others_than(records: Records, position: int) -> FloatArray:
    """(n, d) all columns but one, and the label, as numbers."""
    parts = [_as_numbers(records.cells(place)) for place in range(len(records.names)) if place != position]
    parts.append(_indicators(records.y))
    return np.concatenate(parts, axis=1)


def _as_numbers(cells: pd.Series[Any]) -> FloatArray:
    """(n, m) a column of numbers with the middle one in gaps, or indicators of its categories."""
    if pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype):
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(numbers)
        middle = float(np.median(numbers[known])) if known.any() else 0.0
        # beyond the range of 32 bits nothing that learns from numbers keeps apart
        largest = float(np.finfo(np.float32).max)
        return np.clip(np.where(known, numbers, middle), -largest, largest)[:, None]
    codes, uniques = pd.factorize(cells.astype(object).astype(str), sort=True)
    if len(uniques) > MOST_CATEGORIES:
        frequency = np.bincount(codes) / len(codes)
        return np.stack([codes, frequency[codes]], axis=1).astype(np.float64)
    return _indicators(codes)


def _indicators(codes: IntArray) -> FloatArray:
    distinct = np.unique(codes)
    found: FloatArray = (codes[:, None] == distinct[None, :]).astype(np.float64)
    return found
