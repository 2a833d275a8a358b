"""Rows that nothing doubts any more leave the trees with what they brought, so that the rest gets faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leakgauge.model_contents.reconstruction.factors import Cells, Factor, Float32
from leakgauge.model_contents.reconstruction.message_passing import Bag
from leakgauge.targets.protocol import BoolArray, IntArray

CERTAIN = 30.0
"""Nats by which the likeliest cell of every column must be ahead of the next one. With 12 some rows settle in
wrong places before the others are known, and the rest never fits."""


def certain(beliefs: Float32, cells: Cells) -> BoolArray:
    """(n_rows,) whether the likeliest cell is far ahead in every column."""
    ahead = np.ones(len(beliefs), dtype=np.bool_)
    for first, last in zip(cells.start[:-1], cells.start[1:], strict=True):
        if last - first > 1:
            best = np.partition(beliefs[:, first:last], last - first - 2, axis=1)
            ahead &= best[:, -1] - best[:, -2] > CERTAIN
    return ahead


def settled(bags: Sequence[Bag], places: Sequence[IntArray], rows: BoolArray) -> tuple[BoolArray, list[Bag]]:
    """Take certain rows out of the bags.

    Parameters
    ----------
    places
        for each tree, (n_rows,) the place where each row would stand; -1 where the leaf has no such class.
    rows
        (n_rows,) those that are certain.

    Returns
    -------
    rows, bags
        (n_rows,) those that are taken out, which the leaves have room for in every tree; what remains.
    """
    fit = rows.copy()
    for bag, place in zip(bags, places, strict=True):
        fit[_without_room(bag, place, rows)] = False
    return fit, [_without(bag, place, fit) for bag, place in zip(bags, places, strict=True)]


def _brought(bag: Bag, place: IntArray, rows: BoolArray) -> tuple[Float32, Float32, Float32]:
    """Draws of each place, draws and rows of each leaf that the rows bring; all in places that exist."""
    factor = bag.factor
    those = rows[bag.rows] & (place[bag.rows] >= 0)
    at, draws = place[bag.rows[those]], bag.draws[those]
    leaves = len(factor.leaf_rows)
    return (
        np.bincount(at, weights=draws, minlength=len(factor.weight)).astype(np.float32),
        np.bincount(factor.leaf[at], weights=draws, minlength=leaves).astype(np.float32),
        np.bincount(factor.leaf[at], minlength=leaves).astype(np.float32),
    )


def _without_room(bag: Bag, place: IntArray, rows: BoolArray) -> IntArray:
    """Those of the rows that stand where the counts leave no room for all that stand there."""
    factor = bag.factor
    of_place, _, of_leaf = _brought(bag, place, rows)
    crowded = (of_place > factor.weight + 0.5) | (of_leaf > factor.leaf_rows + 0.5)[factor.leaf]
    candidates = bag.rows[rows[bag.rows]]
    at = place[candidates]
    return candidates[(at < 0) | crowded[at]]


def _without(bag: Bag, place: IntArray, rows: BoolArray) -> Bag:
    """The bag that the rows have left, with what remains in the leaves."""
    factor = bag.factor
    of_place, weight_of_leaf, rows_of_leaf = _brought(bag, place, rows)
    remaining = replace(
        factor,
        weight=factor.weight - of_place,
        leaf_weight=factor.leaf_weight - weight_of_leaf,
        leaf_rows=factor.leaf_rows - rows_of_leaf,
    )
    kept_rows = ~rows[bag.rows]
    kept = (remaining.weight > 0.5) & (remaining.leaf_rows > 0.5)[factor.leaf]
    smaller = Bag(_narrowed(remaining, kept), bag.rows[kept_rows], bag.draws[kept_rows])
    smaller.scale[:] = bag.scale[kept]
    smaller.tilt[:] = bag.tilt[np.unique(factor.leaf[kept])]
    smaller.messages[:] = bag.messages[kept_rows]
    return smaller


def _narrowed(factor: Factor, kept: BoolArray) -> Factor:
    """The factor with some of its places."""
    leaves, leaf = np.unique(factor.leaf[kept], return_inverse=True)
    asked = factor.tests[:, kept].any(axis=1)
    return replace(
        factor,
        test_low=factor.test_low[asked],
        test_high=factor.test_high[asked],
        tests=np.ascontiguousarray(factor.tests[asked][:, kept]),
        covers=factor.covers[asked],
        asks=factor.asks[asked],
        leaf=leaf.reshape(-1).astype(np.int64),
        of_class=factor.of_class[kept],
        node=factor.node[leaves],
        weight=factor.weight[kept],
        leaf_rows=factor.leaf_rows[leaves],
        leaf_weight=factor.leaf_weight[leaves],
    )
