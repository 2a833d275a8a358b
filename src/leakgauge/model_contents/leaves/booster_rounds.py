"""What the files of boosting libraries keep of each round, held against the records of the pool.

All trees are in the file, so the score of each record before each round is known, and with it the
first and second derivatives g and h of its loss there. With z 1 for a record that was trained on, the
file keeps of every leaf

    cover  = Σ z h                      XGBoost `sum_hessian`, LightGBM `leaf_weight`
    count  = Σ z                        LightGBM `leaf_count`, CatBoost `leaf_weights`
    value  = −rate · Σ z g / (Σ z h + penalty)

(Chen & Guestrin 2016, "XGBoost: A Scalable Tree Boosting System", equation 5; Ke et al. 2017,
"LightGBM: A Highly Efficient Gradient Boosting Decision Tree"). Each is linear in z. The third is used
as Σ z (g + slope · h) = −slope · penalty with slope = value / rate, and needs no cover. CatBoost's files
count records outside of trees too: those with each category, or combination of categories, and label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.leaves.equations import Equations
from leakgauge.targets.boosters.estimator import BoosterEstimator, HeldTree
from leakgauge.targets.protocol import FloatArray, IntArray, LabelArray

_ROUNDING = 1e-3
"""Of the parts of a coefficient, as long as which it is taken for what rounding left of them."""
_NOT_KNOWN = (
    "The rounds of the model do not simply build on one another (dart, random forests), so what a round saw "
    "of each record is not known."
)


@dataclass(frozen=True, slots=True)
class SeenTree:
    """One tree with the derivatives of each record's loss in its score, before its round.

    Attributes
    ----------
    gradient, curvature
        (n,) first and second derivatives; None where rounds do not build on one another, so that
        what a round saw is not known.
    """

    held: HeldTree
    gradient: FloatArray | None
    curvature: FloatArray | None


def seen_trees(booster: BoosterEstimator, x: Any, y: LabelArray) -> Iterator[SeenTree]:
    """Every tree, round by round.

    Parameters
    ----------
    x
        (n, n_features) rows as the booster takes them.
    y
        (n,) true labels: positions in the classes, or numbers.

    Raises
    ------
    Unsuited
        where rounds do not build on one another, and no tree counts its records.
    """
    start, loss = booster.starting_scores(), booster.loss()
    scores = None if start is None else np.tile(start, (len(y), 1))
    for trees in booster.held_rounds(x):
        if scores is None:
            if all(held.count is None for held in trees):
                raise Unsuited(_NOT_KNOWN)
            yield from (SeenTree(held, None, None) for held in trees)
            continue
        following = scores.copy()
        derivatives: dict[int, tuple[FloatArray, FloatArray]] = {}
        for held in trees:
            if held.place not in derivatives:
                derivatives[held.place] = loss.derivatives(scores, held.place, y)
            following[:, held.place] += held.value[held.leaf]
            yield SeenTree(held, *derivatives[held.place])
        scores = following


def equations_of_rounds(booster: BoosterEstimator, x: Any, y: LabelArray) -> Iterator[Equations]:
    """The equations of every tree, and of counts beside them; parameters, and errors, as in `seen_trees`."""
    for tree in seen_trees(booster, x, y):
        held = tree.held
        if held.count is not None:
            yield Equations(held.leaf, np.ones(len(y)), held.count)
        if tree.gradient is None or tree.curvature is None:
            continue
        if held.cover is not None:
            yield Equations(held.leaf, tree.curvature, held.cover)
        if held.slope is not None:
            yield _newton_steps(held.leaf, tree.gradient, held.slope, tree.curvature, held.penalty)
    for counted in booster.counted_records(x, y):
        yield Equations(counted.cell, np.ones(len(y)), counted.count)


def _newton_steps(
    leaf: IntArray, gradient: FloatArray, slope: FloatArray, curvature: FloatArray, penalty: float
) -> Equations:
    """That each leaf holds a Newton step; those of which rounding alone would be left are 0 = 0.

    In a leaf whose records have one gradient and one curvature, both parts of each coefficient cancel.
    """
    second = slope[leaf] * curvature
    coefficient = gradient + second

    def length(values: FloatArray) -> FloatArray:
        return np.sqrt(np.bincount(leaf, weights=values**2, minlength=len(slope)))

    remains = length(coefficient) > _ROUNDING * (length(gradient) + length(second))
    return Equations(leaf, coefficient * remains[leaf], np.where(remains, -slope * penalty, 0.0))
