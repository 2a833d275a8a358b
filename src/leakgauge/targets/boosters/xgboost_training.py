"""Learning rate and L2 penalty of XGBoost's training, read from its trees.

A file of trees alone does not hold them. But every node keeps the sum of second derivatives H and its own
best answer w = −G / (H + penalty), a leaf rate · w, and the first derivatives G of the leaves below a
node add up to the node's own:

    Σ_leaves v (H_leaf + penalty) = rate · w (H + penalty)

for every inner node, with the leaves' answers v. Thousands of such equations settle both numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from leakgauge.targets.boosters.losses import Floats
from leakgauge.targets.boosters.trees import Ints
from leakgauge.targets.boosters.xgboost_model import Tree, XGBoostModel

_MOST_TREES: Final = 300
_LEAST_NODES: Final = 3
_FIT: Final = 1e-3
"""Largest share of the left sides that may stay unexplained; 32-bit numbers leave about 1e-6."""


def training_of(model: XGBoostModel) -> tuple[float, float] | None:
    """Learning rate and L2 penalty; None where the trees do not settle them, as after other settings."""
    if model.kind.renews or not model.trees[0].cover.any():
        return None
    sides = [_sides(tree) for tree in model.trees[:_MOST_TREES]]
    unknown, known = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    if len(known) < _LEAST_NODES:
        return None
    (rate, product, penalty), *_ = np.linalg.lstsq(unknown, known, rcond=None)
    left = known - unknown @ np.array([rate, rate * penalty, penalty])
    fits = np.linalg.norm(left) <= _FIT * np.linalg.norm(known)
    if not fits or rate <= 0.0 or penalty < -_FIT or abs(product - rate * penalty) > _FIT * (1.0 + penalty):
        return None
    return _rounded(rate * model.parallel), _rounded(max(penalty, 0.0))


def _sides(tree: Tree) -> tuple[Floats, Floats]:
    """(n_inner, 3) coefficients of rate, rate · penalty and penalty, and (n_inner,) right sides."""
    leaf = tree.is_leaf
    value = np.where(leaf, tree.condition, 0.0).astype(np.float64)
    cover = tree.cover.astype(np.float64)
    sums = np.stack([value * cover, value], axis=1)
    levels = _levels(tree)
    for level in reversed(levels[1:]):
        np.add.at(sums, tree.parent[level], sums[level])
    inner = np.concatenate([level[~leaf[level]] for level in levels])
    own = tree.weight[inner].astype(np.float64)
    return np.stack([own * cover[inner], own, -sums[inner, 1]], axis=1), sums[inner, 0]


def _levels(tree: Tree) -> Sequence[Ints]:
    """Nodes from the root downward."""
    levels = [np.zeros(1, dtype=np.int64)]
    while True:
        inner = levels[-1][~tree.is_leaf[levels[-1]]]
        if not len(inner):
            return levels
        levels.append(np.concatenate([tree.left[inner], tree.right[inner]]))


def depth_of(tree: Tree) -> int:
    """Questions on the longest way to a leaf."""
    return len(_levels(tree)) - 1


def _rounded(number: float) -> float:
    return float(f"{number:.3g}")
