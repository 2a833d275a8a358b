"""Values of rows from the thresholds between them.

A tree that searches the best split puts its threshold s in the middle between the largest value on its
left and the smallest on its right,

    max_{i in L} x_ij + min_{i in R} x_ij = 2 s,

where L and R are the rows that it sent to either side. Which rows these are is known once every row has
its leaf. Bounds low < x <= high follow from the leaves and are narrowed by these equations until
nothing moves, as in propagation of bounds over sums (Apt 2003, Principles of Constraint Programming,
chapter 6): whatever the largest value on the left can be at most, none on the left is above it; and
where one row alone can be the largest, it is at least what the largest must be. No true value is lost
as long as the rows stand in their true leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leakgauge.model_contents.reconstruction.trees import LEAF, StoredTree
from leakgauge.progress import Progress
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

MOST_ROUNDS = 60
NEAR = 0.01
"""Standard deviations of its column within which a value counts as right."""
OFTEN = 10
"""Questions with the same threshold from which on a column is taken to have two values."""
_ROUNDING = 1e-9
"""How far two sums of the same numbers may be apart, in parts of the numbers."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The rows that a tree was grown on, each in its leaf.

    Attributes
    ----------
    tree
        the tree.
    row, leaf
        (k,) a row and its leaf.
    complete
        (n_nodes,) whether all rows of a node are among them.
    """

    tree: StoredTree
    row: IntArray
    leaf: IntArray
    complete: BoolArray

    @classmethod
    def of(cls, tree: StoredTree, row: IntArray, leaf: IntArray, complete_leaves: BoolArray) -> Placed:
        """With the leaves that are complete, (n_nodes,), told; an inner node is so where its children are."""
        complete = complete_leaves.copy()
        for level in reversed(list(tree.levels())):
            complete[level] = complete[tree.left[level]] & complete[tree.right[level]]
        return cls(tree, row, leaf, complete)

    def entries(self) -> int:
        """How many pairs of a row and a question on its way there are."""
        return int(self.tree.depths()[self.leaf].sum())


@dataclass(frozen=True, slots=True)
class _Side:
    """The values on one side of every threshold of a tree: positions in the flat table, node by node."""

    position: IntArray
    start: IntArray
    node: IntArray

    @classmethod
    def of(cls, position: IntArray, node: IntArray, n_nodes: int) -> _Side:
        order = np.argsort(node, kind="stable")
        counts = np.bincount(node, minlength=n_nodes)
        return cls(position[order], np.cumsum(counts) - counts, node[order])


@dataclass(frozen=True, slots=True)
class _Splits:
    """The thresholds of a tree with the rows on both sides of them."""

    threshold: FloatArray
    left: _Side
    right: _Side

    @classmethod
    def of(cls, placed: Placed, n_columns: int) -> _Splits:
        tree = placed.tree
        usable = tree.inner[placed.complete[tree.inner]]
        number = np.full(len(tree.left), -1, dtype=np.int64)
        number[usable] = np.arange(len(usable))
        parent = np.full(len(tree.left), -1, dtype=np.int64)
        parent[tree.left[tree.inner]] = parent[tree.right[tree.inner]] = tree.inner
        none = np.zeros(0, dtype=np.int64)
        nodes, positions, lefts = [none], [none], [none.astype(np.bool_)]
        row, node = placed.row, placed.leaf
        while len(node):
            above = parent[node]
            keep = (above >= 0) & (number[above] >= 0)
            row, node, above = row[keep], node[keep], above[keep]
            nodes.append(number[above])
            positions.append(row * n_columns + tree.feature[above])
            lefts.append(tree.left[above] == node)
            node = above
        numbers, position, left = np.concatenate(nodes), np.concatenate(positions), np.concatenate(lefts)
        sides = [_Side.of(position[side], numbers[side], len(usable)) for side in (left, ~left)]
        return cls(tree.threshold[usable], sides[0], sides[1])


def tighten(trees: Sequence[Placed], low: FloatArray, high: FloatArray, progress: Progress) -> None:
    """Narrow the bounds in place until no threshold says more.

    Parameters
    ----------
    trees
        trees whose thresholds are midpoints, each with the rows that it was grown on.
    low, high
        (n_rows, n_columns) bounds, infinite where there are none; contiguous.
    """
    splits = [_Splits.of(placed, low.shape[1]) for placed in trees]
    for step in range(MOST_ROUNDS):
        before = low.copy(), high.copy()
        for place, of_tree in enumerate(splits):
            progress.report("solving for the values", (step + place / len(splits)) / MOST_ROUNDS)
            if len(of_tree.threshold):
                _tighten(of_tree, low.reshape(-1), high.reshape(-1))
        if _same(before[0], low) and _same(before[1], high):
            break


def _same(old: FloatArray, new: FloatArray) -> bool:
    return bool(np.isclose(old, new, rtol=_ROUNDING, atol=0.0).all())


def _tighten(splits: _Splits, low: FloatArray, high: FloatArray) -> None:
    """What the thresholds of one tree say, all of them at once; `low` and `high` are flat."""
    s, left, right = splits.threshold, splits.left, splits.right
    rounding = _ROUNDING * np.maximum(1.0, np.abs(s))
    largest_low = np.maximum.reduceat(low[left.position], left.start)
    largest_high = np.minimum(s, np.maximum.reduceat(high[left.position], left.start))
    smallest_low = np.maximum(s, np.minimum.reduceat(low[right.position], right.start))
    smallest_high = np.minimum.reduceat(high[right.position], right.start)
    from_left = np.maximum(largest_low, 2 * s - smallest_high), np.minimum(largest_high, 2 * s - smallest_low)
    from_right = (
        np.maximum(smallest_low, 2 * s - largest_high),
        np.minimum(smallest_high, 2 * s - largest_low),
    )
    # a row in a wrong leaf makes an equation that nothing can fulfil
    sound = (from_left[0] <= from_left[1] + rounding) & (from_right[0] <= from_right[1] + rounding)

    # whose bound reaches what the largest, or the smallest, must be
    reaches = sound[left.node] & (high[left.position] >= (from_left[0] - rounding)[left.node])
    alone = reaches & (np.add.reduceat(reaches.astype(np.int64), left.start)[left.node] == 1)
    np.maximum.at(low, left.position[alone], from_left[0][left.node[alone]])
    reaches = sound[right.node] & (low[right.position] <= (from_right[1] + rounding)[right.node])
    alone = reaches & (np.add.reduceat(reaches.astype(np.int64), right.start)[right.node] == 1)
    np.minimum.at(high, right.position[alone], from_right[1][right.node[alone]])

    those = sound[left.node]
    np.minimum.at(high, left.position[those], from_left[1][left.node[those]])
    those = sound[right.node]
    np.maximum.at(low, right.position[those], from_right[0][right.node[those]])


@dataclass(frozen=True, slots=True)
class Values:
    """What bounds say of the values between them.

    Attributes
    ----------
    x
        (n_rows, n_columns) the likeliest values.
    narrow
        (n_rows, n_columns) whether there is little else that they can be.
    asked
        (n_columns,) whether any tree asks for a column; of others a file holds nothing.
    """

    x: FloatArray
    narrow: BoolArray
    asked: BoolArray

    @property
    def narrowed(self) -> float:
        """Share of the values in columns that are asked for that are narrow; 0 without such columns."""
        return float(self.narrow[:, self.asked].mean()) if self.asked.any() and len(self.x) else 0.0


def values_within(trees: Sequence[StoredTree], low: FloatArray, high: FloatArray) -> Values:
    """The values within (n_rows, n_columns) bounds low < x <= high.

    They are taken for the middle, or for the only bound there is. Narrow are bounds at most `NEAR` standard
    deviations of such values apart. In a column whose thresholds are all multiples of one half, values
    are taken for whole numbers: a threshold between 0 and 1 is .5. Narrow are then bounds with one
    whole number between them. A column of which `OFTEN` questions all name one threshold has two values;
    which of them it is is known, and so all are narrow.
    """
    x, narrow = _middle(low, high), np.zeros(low.shape, dtype=np.bool_)
    asked = np.zeros(low.shape[1], dtype=np.bool_)
    for column in range(low.shape[1]):
        thresholds, times = np.unique(
            np.concatenate(
                [tree.threshold[(tree.left != LEAF) & (tree.feature == column)] for tree in trees]
            ),
            return_counts=True,
        )
        asked[column] = len(thresholds) > 0
        if len(thresholds) and np.all(2.0 * thresholds == np.rint(2.0 * thresholds)):
            wide = high[:, column] - low[:, column] > _ROUNDING
            above = np.floor(high[wide, column])
            below = np.minimum(np.floor(low[wide, column]) + 1.0, above)
            x[wide, column] = np.floor(_middle(np.where(below < above, below, -np.inf), above))
            narrow[wide, column] = below == above
        narrow[:, column] |= high[:, column] - low[:, column] <= NEAR * x[:, column].std()
        if len(thresholds) == 1 and times[0] >= OFTEN:
            narrow[:, column] = True
    return Values(x, narrow, asked)


def _middle(low: FloatArray, high: FloatArray) -> FloatArray:
    """The middle of bounds, or the only one; 0 without any."""
    below, above = np.isfinite(low), np.isfinite(high)
    lower, upper = np.where(below, low, 0.0), np.where(above, high, 0.0)
    # a value is above its lower bound, not at it
    alone = np.where(below, np.nextafter(lower, np.inf), upper)
    return np.where(below & above, 0.5 * lower + 0.5 * upper, alone)
