"""The trees of a model as their file holds them, for those who look for rows and not for answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline
from sklearn.tree import BaseDecisionTree
from sklearn.utils import check_array

from leakgauge.attacks.row import Unsuited
from leakgauge.targets.protocol import FloatArray, IntArray
from leakgauge.targets.sklearn.model_graph import resamples

LEAF = -1
"""scikit-learn's mark for "no child"."""

_DRIFT = 1e-3
"""How far sums of float64 may be from the whole number that they count."""

MOST_DRAWS = 6
"""Draws of a record that are thought of, on average over the leaf with fewest records."""
MOST_TRIED = 60
"""Numbers of draws in all that are tried for such a leaf."""

Ensemble = (
    RandomForestClassifier
    | ExtraTreesClassifier
    | BaggingClassifier
    | RandomForestRegressor
    | ExtraTreesRegressor
    | BaggingRegressor
)
"""Forests and bagged models, which may have drawn rows for each tree."""


@dataclass(frozen=True, slots=True)
class StoredTree:
    """What a file keeps of one tree; children come after their parents.

    Attributes
    ----------
    feature, threshold
        (n_nodes,) column of the model that an inner node asks for, and the largest value that goes left.
    left, right
        (n_nodes,) children, `LEAF` where there are none.
    rows, weight
        (n_nodes,) number of different training rows, and their weight.
    value
        (n_nodes, n_classes) weight of each class, or (n_nodes, 1) mean of the numbers.
    """

    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    rows: IntArray
    weight: FloatArray
    value: FloatArray

    @property
    def leaves(self) -> IntArray:
        """(n_leaves,) nodes without children."""
        return np.flatnonzero(self.left == LEAF)

    @property
    def inner(self) -> IntArray:
        """(n_inner,) nodes that ask for a column."""
        return np.flatnonzero(self.left != LEAF)

    def levels(self) -> Iterator[IntArray]:
        """The inner nodes, one level below the other."""
        level = np.zeros(1, dtype=np.int64)
        while len(level := level[self.left[level] != LEAF]):
            yield level
            level = np.concatenate([self.left[level], self.right[level]])

    def depths(self) -> IntArray:
        """(n_nodes,) how many questions lead to each node."""
        depth = np.zeros(len(self.left), dtype=np.int64)
        for level in self.levels():
            depth[self.left[level]] = depth[self.right[level]] = depth[level] + 1
        return depth

    def boxes(self, n_columns: int) -> tuple[FloatArray, FloatArray]:
        """(n_nodes, n_columns) bounds of each node: its rows have low < value <= high."""
        low = np.full((len(self.left), n_columns), -np.inf)
        high = np.full((len(self.left), n_columns), np.inf)
        for level in self.levels():
            left, right, column = self.left[level], self.right[level], self.feature[level]
            for child in (left, right):
                low[child], high[child] = low[level], high[level]
            high[left, column] = np.minimum(high[left, column], self.threshold[level])
            low[right, column] = np.maximum(low[right, column], self.threshold[level])
        return low, high

    def apply(self, x: FloatArray) -> IntArray:
        """(n,) leaf of each of (n, n_columns) rows."""
        node = np.zeros(len(x), dtype=np.int64)
        moving = np.arange(len(x))
        while len(moving := moving[self.left[node[moving]] != LEAF]):
            at = node[moving]
            goes_left = x[moving, self.feature[at]] <= self.threshold[at]
            node[moving] = np.where(goes_left, self.left[at], self.right[at])
        return node


def final_estimator(model: Any) -> Any:
    """The last step of a Pipeline; any other model itself."""
    while isinstance(model, Pipeline):
        model = model.steps[-1][1]
    return model


def through_steps(estimator: Any, x: Any) -> tuple[Any, Any]:
    """The last estimator of a Pipeline, with the rows as its steps hand them on; else both as they are."""
    while isinstance(estimator, Pipeline):
        before = [step for step in estimator.steps[:-1] if not resamples(step[1])]
        x = Pipeline(before).transform(x) if before else x
        estimator = estimator.steps[-1][1]
    return estimator, x


def as_trees_read(x: Any) -> Any:
    """(n, n_features) rows in float32, dense and contiguous or CSR: what compiled trees take."""
    return check_array(x, dtype=np.float32, order="C", accept_sparse="csr", ensure_all_finite=False)


def trees_of(estimator: Any) -> Iterator[tuple[BaseDecisionTree, IntArray | None]]:
    """Each tree with the columns that it was given; None for all of them.

    Raises
    ------
    Unsuited
        when the model is not a tree or an ensemble that trains trees on the records themselves.
    """
    if isinstance(estimator, BaseDecisionTree):
        yield estimator, None
    elif isinstance(estimator, BaggingClassifier | BaggingRegressor):
        for tree, columns in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
            if not isinstance(tree, BaseDecisionTree):
                raise Unsuited("The bagged models are not single trees, so there are no leaves to count.")
            yield tree, columns
    elif isinstance(estimator, Ensemble):
        for tree in estimator.estimators_:
            yield tree, None
    else:
        raise Unsuited("The model is not a decision tree, a forest of them, bagged trees or a booster.")


def stored(tree: BaseDecisionTree, columns: IntArray | None) -> StoredTree:
    """What the file keeps of one tree of one output.

    Parameters
    ----------
    columns
        as of `trees_of`.

    Raises
    ------
    Unsuited
        for a tree of several outputs, or with thresholds that no number in single precision is near.
    """
    held = tree.tree_
    if held.n_outputs != 1:
        raise Unsuited("The trees predict several outputs at once, which this attack does not read.")
    inner = held.children_left != LEAF
    if not np.all(np.abs(held.threshold[inner]) <= np.finfo(np.float32).max):
        raise Unsuited("The trees ask for numbers that no table can hold.")
    feature = held.feature.astype(np.int64)
    if columns is not None:
        feature[inner] = np.asarray(columns, dtype=np.int64)[feature[inner]]
    weight = held.weighted_n_node_samples
    value = held.value[:, 0, :].astype(np.float64)
    if hasattr(tree, "classes_"):
        # since scikit-learn 1.3 a node keeps its class frequencies, before that their weights
        total = value.sum(axis=1, keepdims=True)
        value = np.divide(value, total, out=np.zeros_like(value), where=total > 0.0) * weight[:, None]
    return StoredTree(
        feature,
        held.threshold.astype(np.float64),
        held.children_left.astype(np.int64),
        held.children_right.astype(np.int64),
        held.n_node_samples.astype(np.int64),
        weight.astype(np.float64),
        value,
    )


def is_whole(weights: FloatArray) -> bool:
    """Whether training weights count records."""
    return bool(np.all(np.abs(weights - np.rint(weights)) <= _DRIFT))


def class_units(weights: FloatArray, records: IntArray) -> FloatArray:
    """(n_classes,) weight of one record of each class, which class weights make differ from 1.

    All weights of a class are whole multiples of its unit. In a leaf of one class, weight over number of
    records is the unit times the mean number of draws of the records: the fewest records, the fewer multiples
    can be meant. The largest unit is taken by which all weights come out whole; if none does, the
    smallest mean.

    Parameters
    ----------
    weights
        (n_leaves, n_classes) training weight.
    records
        (n_leaves,) number of different records.
    """
    units = np.ones(weights.shape[1])
    present = weights > 0
    for place in range(weights.shape[1]):
        alone = np.flatnonzero(present[:, place] & (present.sum(axis=1) == 1))
        if not len(alone):
            continue
        of_class, rows = weights[alone, place], records[alone]
        fewest = np.lexsort((of_class, rows))[0]
        draws = np.arange(rows[fewest], MOST_DRAWS * rows[fewest] + 1)[:MOST_TRIED]
        whole = [is_whole(weights[:, place] / (of_class[fewest] / times)) for times in draws]
        units[place] = (
            of_class[fewest] / draws[int(np.argmax(whole))] if any(whole) else np.min(of_class / rows)
        )
    return units
