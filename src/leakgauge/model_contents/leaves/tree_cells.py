"""What a fitted tree ensemble keeps of its training data, laid out for the attacks on model files.

scikit-learn stores in every leaf the number of training records and their
class frequencies, weighted as the tree was fitted. With the leaf that each
record of the pool falls into, this says how much training weight each
(leaf, class) cell holds and which records of the pool could have brought it.

A regression tree stores in every leaf the weight, the mean v and the impurity of the numbers that were
trained there. No record of the leaf lies further from v than these allow: of weight W and a mean squared
deviation s², w (y − v)² ≤ W s² for a record of weight w ≥ 1. So the cells of a leaf are the records
that can have been there, which share its weight, and those that cannot, which have none of it. In a leaf
of one record only its very number is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import BaseDecisionTree, DecisionTreeClassifier

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.leaves.booster_rounds import seen_trees
from leakgauge.model_contents.reconstruction.trees import (
    LEAF,
    as_trees_read,
    class_units,
    is_whole,
    through_steps,
    trees_of,
)
from leakgauge.targets.boosters.estimator import BoosterEstimator
from leakgauge.targets.protocol import FloatArray, IntArray, LabelArray

MOST_ENTRIES = 40_000_000
"""Trees × records whose cells are kept, 16 bytes each; the trees beyond that are left out."""

_CANCELLED = 1e-13
"""Of the mean square of all numbers, what rounding may have left of a mean squared deviation of 0."""


@dataclass(frozen=True, slots=True)
class FinalStep:
    """The last estimator of the target with the pool as this estimator gets it.

    Attributes
    ----------
    estimator
        the model behind every transforming step of a Pipeline.
    x
        (n, n_features) input rows as this estimator takes them: a table, an array or CSR.
    """

    estimator: Any
    x: Any


@dataclass(frozen=True, slots=True)
class Cells:
    """The (leaf, class) cells of one tree that the pool touches.

    Attributes
    ----------
    of_record
        (n,) cell of each record: its leaf, and its own class in it, or whether its number can be there.
    weight
        (n_cells,) training weight that the tree keeps for the cell, in records.
    share
        (n,) what one record adds to the weight of its cell; None for 1.
    """

    of_record: IntArray
    weight: FloatArray
    share: FloatArray | None = None

    def total(self, values: NDArray[Any]) -> FloatArray:
        """(n_cells,) sum of (n,) values over the records of each cell."""
        sums: FloatArray = np.bincount(self.of_record, weights=values, minlength=len(self.weight)).astype(
            float
        )
        return sums


def final_step(estimator: Any, x: Any) -> FinalStep:
    """The last estimator of a fitted model, None for none, with (n, n_features) rows brought into its form.

    Raises
    ------
    Unsuited
        when the target shows no fitted model, or a model whose steps are not a plain chain.
    """
    if estimator is None:
        raise Unsuited("There is no scikit-learn model to look into, only answers.")
    return FinalStep(*through_steps(estimator, x))


def cells_of_trees(step: FinalStep, y: LabelArray) -> tuple[Cells, ...]:
    """The cells of every tree, or of as many as there is memory for (`MOST_ENTRIES`).

    Parameters
    ----------
    y
        (n,) true labels: positions in the model's classes, or numbers.

    Raises
    ------
    Unsuited
        when the model is not a tree, an ensemble that trains trees on the records themselves, or a
        booster whose file holds sums over the records of each leaf.
    """
    if isinstance(step.estimator, BoosterEstimator):
        return _cells_of_booster(step.estimator, step.x, y)
    trees = list(trees_of(step.estimator))[: max(MOST_ENTRIES // len(y), 1)]
    x = as_trees_read(step.x)
    reweighs = getattr(step.estimator, "class_weight", None) is not None
    return tuple(
        _cells(tree, x if columns is None else x[:, columns], y, reweighs=reweighs) for tree, columns in trees
    )


def _cells_of_booster(booster: BoosterEstimator, x: Any, y: IntArray) -> tuple[Cells, ...]:
    """The leaves of boosting, which keep numbers of records, or else sums of second derivatives."""
    cells = []
    for tree in islice(seen_trees(booster, x, y), max(MOST_ENTRIES // len(y), 1)):
        if tree.held.count is not None:
            cells.append(Cells(tree.held.leaf, tree.held.count))
        elif tree.held.cover is not None and tree.curvature is not None:
            cells.append(Cells(tree.held.leaf, tree.held.cover, tree.curvature))
    cells += [Cells(counted.cell, counted.count) for counted in booster.counted_records(x, y)]
    if not cells:
        raise Unsuited("The file holds neither counts nor sums of second derivatives for its leaves.")
    return tuple(cells)


def _cells(tree: BaseDecisionTree, x: Any, y: LabelArray, *, reweighs: bool) -> Cells:
    stored = tree.tree_
    if not isinstance(tree, DecisionTreeClassifier):
        return _cells_of_numbers(stored, x, y, criterion=tree.criterion)
    # since scikit-learn 1.3 a node keeps its class frequencies, and the weight to multiply them by
    weights = stored.value[:, 0, :] * stored.weighted_n_node_samples[:, None]
    if (reweighs or tree.class_weight is not None) and not is_whole(weights):
        leaf = stored.children_left == LEAF
        weights = weights / class_units(weights[leaf], stored.n_node_samples[leaf])
    touched, of_record = np.unique(stored.apply(x) * weights.shape[1] + y, return_inverse=True)
    return Cells(of_record.astype(np.int64), weights.ravel()[touched])


def _cells_of_numbers(stored: Any, x: Any, y: FloatArray, *, criterion: str) -> Cells:
    """The cells of a regression tree; see the top of this file."""
    leaf = stored.apply(x)
    weight, mean, impurity = (
        stored.weighted_n_node_samples[leaf],
        stored.value[leaf, 0, 0],
        stored.impurity[leaf],
    )
    distance = np.abs(y - mean)
    could = np.ones(len(y), dtype=np.bool_)
    # a root that was split and is pure was stripped of its impurity: then nothing bounds the numbers
    if stored.node_count > 1 and stored.impurity[0] > 0.0:
        if criterion in ("squared_error", "friedman_mse"):
            cancelled = _CANCELLED * (stored.impurity[0] + stored.value[0, 0, 0] ** 2)
            could = distance <= np.sqrt(weight * (np.maximum(impurity, 0.0) + cancelled))
        elif criterion == "absolute_error":
            could = distance <= weight * impurity + np.sqrt(_CANCELLED) * np.abs(mean)
    touched, of_record = np.unique(2 * leaf + could, return_inverse=True)
    held = np.where(touched % 2 == 1, stored.weighted_n_node_samples[touched // 2], 0.0)
    return Cells(of_record.astype(np.int64), held)
