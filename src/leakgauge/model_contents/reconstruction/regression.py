"""The training table of regression trees: the number in a leaf of one row names that row.

A leaf with a single training row holds this row's very number, and a tree that is grown to the end has
no other leaves. So in every tree the row of number y stands in the leaf of value y; it lies in the
intersection of these leaves' boxes, and the thresholds then give its values (`midpoints`).
Neither seeds nor counts are read, where they are missing: a sanitised file holds as much.

Rows that share a number are told apart by boxes that cannot meet. A value that few trees hold, in a
file without counts, is no row but the mean of rows that no question separates.

Source: ours, the counterpart for numbers of what Ferry et al. 2024, "Trained Random Forests Completely
Reveal your Dataset" (DRAFT), do with counts of classes. We found it described nowhere before (search of
November 2026).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.reconstruction.midpoints import Placed
from leakgauge.model_contents.reconstruction.trees import StoredTree
from leakgauge.progress import Progress
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

MOST_SHARING = 2_000
"""Leaves of one number that are told apart at most; more of them take longer than they are worth."""
MOST_COMPARED = 2_000_000_000
"""Bounds that are compared for that at most, over all numbers."""

_ROUNDING = 4.0 * np.finfo(np.float64).eps
"""What multiplying a number with its draws and dividing by them leaves of it, at most."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """The leaves of all trees that may hold one row.

    Attributes
    ----------
    tree, node
        (k,) where each leaf is.
    number
        (k,) the number that it holds.
    low, high
        (k, n_columns) its box.
    """

    tree: IntArray
    node: IntArray
    number: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class NumberedRows:
    """Rows that leaves name.

    Attributes
    ----------
    y
        (n_rows,) their numbers.
    low, high
        (n_rows, n_columns) what their leaves say of their values: low < x <= high.
    placed
        for each tree, which of them stand where.
    """

    y: FloatArray
    low: FloatArray
    high: FloatArray
    placed: tuple[Placed, ...]


def is_counted(trees: Sequence[StoredTree]) -> bool:
    """Whether the file still holds how many rows are in each node."""
    return all(len(tree.left) == 1 or tree.rows[0] > 1 for tree in trees)


def numbered_rows(trees: Sequence[StoredTree], n_columns: int, progress: Progress) -> NumberedRows:
    """The rows that leaves of one row name.

    Raises
    ------
    Unsuited
        where there is no such leaf.
    """
    counted = is_counted(trees)
    leaves = _leaves(trees, n_columns, counted=counted, progress=progress)
    row = _rows_of(leaves, progress)
    times = np.bincount(row[row >= 0])
    if not len(times):
        raise Unsuited("No leaf of the trees holds a single row.")
    kept = times > 0 if counted else times >= 0.5 * np.median(times)
    number_of = np.where(kept, np.cumsum(kept) - 1, -1)
    row = np.where(row >= 0, number_of[row], -1)

    named = row >= 0
    y = np.empty(kept.sum())
    low, high = np.full((len(y), n_columns), -np.inf), np.full((len(y), n_columns), np.inf)
    y[row[named]] = leaves.number[named]
    np.maximum.at(low, row[named], leaves.low[named])
    np.minimum.at(high, row[named], leaves.high[named])
    return NumberedRows(y, low, high, _placed(trees, leaves, row))


def _leaves(trees: Sequence[StoredTree], n_columns: int, *, counted: bool, progress: Progress) -> Leaves:
    parts = []
    for place, tree in enumerate(trees):
        progress.report("reading the leaves", 0.0)
        low, high = tree.boxes(n_columns)
        nodes = tree.leaves
        nodes = nodes[tree.rows[nodes] == 1] if counted else nodes
        parts.append((np.full(len(nodes), place), nodes, tree.value[nodes, 0], low[nodes], high[nodes]))
    tree_of, node, number, low, high = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(number, kind="stable")
    return Leaves(tree_of[order], node[order], number[order], low[order], high[order])


def _rows_of(leaves: Leaves, progress: Progress) -> IntArray:
    """(k,) the row of each leaf, -1 where it cannot be told; `leaves` are in the order of their numbers."""
    row = np.full(len(leaves.number), -1, dtype=np.int64)
    if not len(row):
        return row
    apart = np.diff(leaves.number) > _ROUNDING * np.abs(leaves.number[1:])
    starts = np.flatnonzero(np.concatenate([[True], apart]))
    low = np.maximum.reduceat(leaves.low, starts, axis=0)
    high = np.minimum.reduceat(leaves.high, starts, axis=0)
    one = (low < high).all(axis=1) & ~_twice_in_a_tree(leaves.tree, starts)
    stops = np.append(starts[1:], len(row))
    found, left = 0, MOST_COMPARED
    for start, stop, single in zip(starts, stops, one, strict=True):
        if single:
            row[start:stop] = found
            found += 1
            continue
        compared = (stop - start) ** 2 * leaves.low.shape[1]
        if stop - start <= MOST_SHARING and compared <= left:
            left -= compared
            progress.report("telling rows of one number apart", 0.0)
            own = _separated(leaves, slice(start, stop))
            row[start:stop] = np.where(own >= 0, own + found, -1)
            found += int(own.max()) + 1
    return row


def _twice_in_a_tree(tree: IntArray, starts: IntArray) -> BoolArray:
    """(n_groups,) whether a tree has two leaves of one group."""
    group = np.zeros(len(tree), dtype=np.int64)
    group[starts[1:]] = 1
    group = np.cumsum(group)
    pairs, counts = np.unique(np.stack([group, tree]), axis=1, return_counts=True)
    twice = np.zeros(len(starts), dtype=np.bool_)
    twice[pairs[0, counts > 1]] = True
    return twice


def _separated(leaves: Leaves, group: slice) -> IntArray:
    """(k,) rows of leaves that hold the same number, counted from 0; -1 where more than one could be meant.

    The tree with most such leaves starts a row with each. A leaf of another tree belongs to the only row
    whose box it meets and which has no leaf in its tree yet; to a new row where there is none.
    """
    tree, low, high = leaves.tree[group], leaves.low[group], leaves.high[group]
    own = np.full(len(tree), -1, dtype=np.int64)
    first = np.flatnonzero(tree == np.bincount(tree).argmax())
    own[first] = np.arange(len(first))
    lows, highs = [low[i] for i in first], [high[i] for i in first]
    has_leaf = {(int(tree[i]), int(own[i])) for i in first}
    waiting = [i for i in range(len(tree)) if own[i] < 0]
    moved = True
    while moved and waiting:
        moved, later = False, []
        for i in waiting:
            meets = (np.maximum(np.array(lows), low[i]) < np.minimum(np.array(highs), high[i])).all(axis=1)
            could = [int(k) for k in np.flatnonzero(meets) if (int(tree[i]), int(k)) not in has_leaf]
            if len(could) > 1:
                later.append(i)
                continue
            if not could:
                could = [len(lows)]
                lows.append(low[i])
                highs.append(high[i])
            k = could[0]
            lows[k], highs[k] = np.maximum(lows[k], low[i]), np.minimum(highs[k], high[i])
            own[i], moved = k, True
            has_leaf.add((int(tree[i]), k))
        waiting = later
    return own


def _placed(trees: Sequence[StoredTree], leaves: Leaves, row: IntArray) -> tuple[Placed, ...]:
    placed = []
    for place, tree in enumerate(trees):
        those = np.flatnonzero((leaves.tree == place) & (row >= 0))
        complete = np.zeros(len(tree.left), dtype=np.bool_)
        complete[leaves.node[those]] = True
        placed.append(Placed.of(tree, row[those], leaves.node[those], complete))
    return tuple(placed)
