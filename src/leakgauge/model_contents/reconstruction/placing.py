"""In which leaves rows stand, as far as messages are sure of it, and what that says of their values.

The likeliest cell of a value means little where trees do not ask: neighbouring cells are believed alike.
A *leaf* of which a tree is sure means more. The boxes of such leaves bound a row's values, and where every
row of a node is sure, its threshold is an equation (`midpoints`) that the messages know nothing of. Both
rule out cells, which makes trees sure of more leaves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leakgauge.model_contents.reconstruction.factors import Cells, Float32
from leakgauge.model_contents.reconstruction.message_passing import Bag
from leakgauge.model_contents.reconstruction.midpoints import Placed, tighten
from leakgauge.model_contents.reconstruction.trees import StoredTree
from leakgauge.progress import Progress
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

SURE = 0.99
"""Probability of a leaf from which a row is taken to stand there."""
AGAINST = 10.0
"""Nats against a cell that bounds rule out: three trees may outvote them."""
_ROUNDING = 1e-9


def placed_as_decoded(x: FloatArray, trees: Sequence[StoredTree], draws: Sequence[IntArray]) -> list[Placed]:
    """Every row in the leaf where (n_rows, n_columns) likeliest values put it."""
    every = []
    for tree, drawn in zip(trees, draws, strict=True):
        rows = np.flatnonzero(drawn)
        every.append(_placed(tree, rows, tree.apply(x[rows])))
    return every


def placed_surely(
    x: FloatArray,
    trees: Sequence[StoredTree],
    bags: Sequence[Bag],
    draws: Sequence[IntArray],
    left: BoolArray,
) -> list[Placed]:
    """The rows of which trees are sure.

    Parameters
    ----------
    x
        (n_rows, n_columns) likeliest values.
    left
        (n_rows,) rows that have left the bags: they are where their likeliest values put them.
    """
    sure = []
    for tree, bag, drawn in zip(trees, bags, draws, strict=True):
        settled = np.flatnonzero(left & (drawn > 0))
        those = bag.sure > SURE
        leaf = bag.factor.node[bag.factor.leaf[bag.likeliest[those]]]
        rows = np.concatenate([settled, bag.rows[those]])
        sure.append(_placed(tree, rows, np.concatenate([tree.apply(x[settled]), leaf])))
    return sure


def _placed(tree: StoredTree, rows: IntArray, leaf: IntArray) -> Placed:
    complete = np.zeros(len(tree.left), dtype=np.bool_)
    complete[tree.leaves] = (np.bincount(leaf, minlength=len(tree.left)) == tree.rows)[tree.leaves]
    return Placed.of(tree, rows, leaf, complete)


def bounds_of(
    placed: Sequence[Placed], shape: tuple[int, ...], progress: Progress, *, midpoints: bool
) -> tuple[FloatArray, FloatArray]:
    """Bounds low < x <= high, each of `shape`: what the complete leaves of each row have in common.

    Parameters
    ----------
    shape
        (n_rows, n_columns).
    midpoints
        whether thresholds are equations, too.
    """
    low, high = np.full(shape, -np.inf), np.full(shape, np.inf)
    for of_tree in placed:
        of_nodes = of_tree.tree.boxes(shape[1])
        complete = of_tree.complete[of_tree.leaf]
        rows, leaves = of_tree.row[complete], of_tree.leaf[complete]
        low[rows] = np.maximum(low[rows], of_nodes[0][leaves])
        high[rows] = np.minimum(high[rows], of_nodes[1][leaves])
    if midpoints:
        tighten(placed, low, high, progress)
    return low, high


def evidence(cells: Cells, low: FloatArray, high: FloatArray) -> Float32:
    """(n_rows, n_cells) nats that bounds of values say against each cell; 0 where bounds contradict."""
    against = np.zeros((len(low), int(cells.start[-1])), dtype=np.float32)
    sound = low <= high + _ROUNDING * np.maximum(1.0, np.abs(high))
    for column, values in enumerate(cells.thresholds):
        below = np.where(sound[:, column], low[:, column], -np.inf)[:, None]
        above = np.where(sound[:, column], high[:, column], np.inf)[:, None]
        rounding = _ROUNDING * np.maximum(1.0, np.abs(values))
        outside = np.zeros((len(low), len(values) + 1), dtype=np.bool_)
        outside[:, :-1] |= values + rounding < below
        outside[:, 1:] |= values - rounding > above
        against[:, cells.start[column] : cells.start[column + 1]][outside] = -AGAINST
    return against
