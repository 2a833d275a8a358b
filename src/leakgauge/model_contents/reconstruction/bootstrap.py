"""How the rows of the training table were drawn for each tree, drawn again from what a file says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import BaggingClassifier, BaggingRegressor

# the very functions that drew the rows: a public way to them exists only for models of today
from sklearn.ensemble._bagging import _generate_bagging_indices
from sklearn.ensemble._forest import _generate_sample_indices

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.reconstruction.trees import Ensemble
from leakgauge.targets.protocol import IntArray

MOST_ROWS = 1_000_000
"""Rows that are drawn again at most, and draws in one tree: a number in a file can be anything."""

_NO_SEEDS = "The seeds of the trees are not in the file, so their rows cannot be drawn again."


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What a file says of how the rows of the training table were drawn for each tree.

    Attributes
    ----------
    n_trees, n_rows
        how many trees, and how many rows they were drawn from.
    size
        how many draws each tree made.
    rows_of
        (size,) rows drawn for a tree, from its place.
    """

    n_trees: int
    n_rows: int
    size: int
    rows_of: Callable[[int], IntArray]

    def draws_of(self, place: int) -> IntArray:
        """(n_rows,) how often each row was drawn for a tree, from its place."""
        return np.bincount(self.rows_of(place), minlength=self.n_rows).astype(np.int64)


def bootstrap_of(estimator: Any) -> Bootstrap:
    """What the file says; nothing is drawn yet.

    Raises
    ------
    Unsuited
        when the model drew no bootstrap, or its file does not hold the seeds, or numbers that
        cannot be.
    """
    if not isinstance(estimator, Ensemble):
        raise Unsuited("The model is not a forest or a bagging of trees, so no rows were drawn.")
    if hasattr(estimator, "sampling_strategy"):  # the balanced ensembles of imbalanced-learn
        raise Unsuited("A sampler chose the rows of each part by their labels, so no bootstrap tells them.")
    if not estimator.bootstrap:
        raise Unsuited("The trees were fitted on all rows, without a bootstrap to replay.")
    n_rows = vars(estimator).get("_n_samples")
    if not _is_count(n_rows):
        raise Unsuited("The file does not tell how many rows were drawn from, or they are too many.")
    of = _of_bagging if isinstance(estimator, BaggingClassifier | BaggingRegressor) else _of_forest
    return of(estimator, int(n_rows))


def _is_count(number: object) -> bool:
    return isinstance(number, int | np.integer) and bool(0 < number <= MOST_ROWS)


def _of_forest(forest: Any, n_rows: int) -> Bootstrap:
    # a forest of before 1.9 has no weights of rows: they multiplied the draws, not their chances
    weights = vars(forest).get("_sample_weight")
    size = vars(forest).get("_n_samples_bootstrap")
    if size is None:
        size = n_rows if forest.max_samples is None else None
    seeds = [tree.random_state for tree in forest.estimators_]
    if not all(isinstance(seed, int | np.integer) for seed in seeds) or not _is_count(size):
        raise Unsuited(_NO_SEEDS)
    return Bootstrap(
        len(seeds),
        n_rows,
        int(size),
        lambda place: _generate_sample_indices(seeds[place], n_rows, int(size), weights),
    )


def _of_bagging(bagging: Any, n_rows: int) -> Bootstrap:
    kept = vars(bagging)
    seeds, size, columns = (kept.get(name) for name in ("_seeds", "_max_samples", "_max_features"))
    if (
        seeds is None
        or len(seeds) != len(bagging.estimators_)
        or not _is_count(size)
        or not _is_count(columns)
    ):
        raise Unsuited(_NO_SEEDS)
    return Bootstrap(
        len(seeds),
        n_rows,
        int(size),
        lambda place: _generate_bagging_indices(
            seeds[place],
            bagging.bootstrap_features,
            True,
            bagging.n_features_in_,
            n_rows,
            columns,
            size,
            kept.get("_sample_weight"),
        )[1],
    )
