"""One tree as a factor of message passing: what its leaves ask of the rows in its bag.

The values of each column fall into *cells*, the intervals between all thresholds of the forest; the
class is one more column. A tree tells cells apart only by its own thresholds: runs of cells that it
does not tell apart are its *segments*. Its (leaf, class) pairs with weight are its *places*, each a
product of *tests*: a column lies in some run of segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.model_contents.reconstruction.trees import LEAF, StoredTree
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

Float32: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of all columns, side by side; the classes come last.

    Attributes
    ----------
    thresholds
        for each column of the table, every threshold of the forest, sorted.
    start
        (n_columns + 2,) first cell of each column, then of the classes, then the number of cells.
    """

    thresholds: tuple[FloatArray, ...]
    start: IntArray

    @classmethod
    def of(cls, trees: Sequence[StoredTree], n_columns: int, n_classes: int) -> Cells:
        """The cells that the trees tell apart."""
        features = np.concatenate([tree.feature[tree.inner] for tree in trees])
        asked = np.concatenate([tree.threshold[tree.inner] for tree in trees])
        order = np.argsort(features, kind="stable")
        bounds = np.searchsorted(features[order], np.arange(n_columns + 1))
        thresholds = tuple(np.unique(asked[order[first:last]]) for first, last in pairwise(bounds))
        counts = [*(len(values) + 1 for values in thresholds), n_classes]
        return cls(thresholds, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    @property
    def columns(self) -> int:
        """How many there are, the classes not counted."""
        return len(self.thresholds)

    def bounds(self, cell: IntArray) -> tuple[FloatArray, FloatArray]:
        """(n, n_columns) low < x <= high of (n, n_columns) cells, each counted within its column."""
        low, high = np.empty(cell.shape), np.empty(cell.shape)
        for column, values in enumerate(self.thresholds):
            low[:, column] = np.concatenate([[-np.inf], values])[cell[:, column]]
            high[:, column] = np.concatenate([values, [np.inf]])[cell[:, column]]
        return low, high

    def cells_of(self, x: FloatArray) -> IntArray:
        """(n, n_columns) cell of each value, counted within its column."""
        found = [np.searchsorted(values, x[:, column]) for column, values in enumerate(self.thresholds)]
        return np.stack(found, axis=1).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Factor:
    """A tree, and what its leaves ask of its rows.

    Attributes
    ----------
    segment_start, segment_of_cell
        (n_segments,) first cell of each, a column's after each other; (n_cells,) the segment of each cell.
    column_of_segment, first_of_column
        (n_segments,) and (n_columns + 1,), the classes included.
    test_low, test_high
        (n_tests,) runs of segments, `test_high` not included.
    tests
        (n_tests, n_places) 1.0 where a place asks for a test.
    covers
        (n_tests, n_segments) 1.0 where a segment passes a test.
    asks
        (n_tests, n_columns + 1) 1.0 for the column of a test.
    leaf, of_class
        (n_places,) which leaf each place is in, counted from 0, and its class.
    weight
        (n_places,) training weight of the class in the leaf, in draws.
    node
        (n_leaves,) which node of the tree each leaf is.
    leaf_rows, leaf_weight
        (n_leaves,) number of different rows, and draws of all of them.
    """

    segment_start: IntArray
    segment_of_cell: IntArray
    column_of_segment: IntArray
    first_of_column: IntArray
    test_low: IntArray
    test_high: IntArray
    tests: Float32
    covers: Float32
    asks: Float32
    leaf: IntArray
    of_class: IntArray
    weight: Float32
    node: IntArray
    leaf_rows: Float32
    leaf_weight: Float32

    def places(self, nodes: IntArray, classes: IntArray, n_nodes: int) -> IntArray:
        """(n,) the place of rows of these classes in these nodes; -1 where there is none."""
        n_classes = 1 + max(int(classes.max(initial=0)), int(self.of_class.max(initial=0)))
        number = np.full((n_nodes, n_classes), -1, dtype=np.int64)
        number[self.node[self.leaf], self.of_class] = np.arange(len(self.leaf))
        return number[nodes, classes]


def factor_of(tree: StoredTree, cells: Cells, draws_of_classes: FloatArray) -> Factor:
    """What the leaves of a tree ask for.

    Parameters
    ----------
    draws_of_classes
        (n_nodes, n_classes) whole draws of each class.
    """
    start, column, first = _segments(tree, cells)
    lengths = np.diff(np.append(start, cells.start[-1]))
    leaves = tree.leaves
    in_leaf, of_class = np.nonzero(draws_of_classes[leaves] > 0)
    low, high = tree.boxes(cells.columns)
    item, test = _tests(low[leaves[in_leaf]], high[leaves[in_leaf]], of_class, cells, start, first)
    keys, number = np.unique(test, axis=0, return_inverse=True)
    tests = np.zeros((len(keys), len(in_leaf)), dtype=np.float32)
    tests[number.reshape(-1), item] = 1.0
    segments = np.arange(len(start))
    covers = (segments >= keys[:, :1]) & (segments < keys[:, 1:])
    asks = column[keys[:, 0], None] == np.arange(cells.columns + 1)
    return Factor(
        segment_start=start,
        segment_of_cell=np.repeat(np.arange(len(start)), lengths),
        column_of_segment=column,
        first_of_column=first,
        test_low=keys[:, 0],
        test_high=keys[:, 1],
        tests=tests,
        covers=covers.astype(np.float32),
        asks=asks.astype(np.float32),
        leaf=in_leaf,
        of_class=of_class,
        weight=draws_of_classes[leaves[in_leaf], of_class].astype(np.float32),
        node=leaves,
        leaf_rows=tree.rows[leaves].astype(np.float32),
        leaf_weight=draws_of_classes[leaves].sum(axis=1).astype(np.float32),
    )


def _segments(tree: StoredTree, cells: Cells) -> tuple[IntArray, IntArray, IntArray]:
    """First cell and column of each segment, and the first segment of each column."""
    starts, columns, first = [], [], []
    count = 0
    inner = tree.left != LEAF
    for column, values in enumerate(cells.thresholds):
        own = np.unique(tree.threshold[inner & (tree.feature == column)])
        of_column = cells.start[column] + np.concatenate([[0], np.searchsorted(values, own) + 1])
        starts.append(of_column)
        columns.append(np.full(len(of_column), column))
        first.append(count)
        count += len(of_column)
    classes = np.arange(cells.start[-2], cells.start[-1])
    return (
        np.concatenate([*starts, classes]).astype(np.int64),
        np.concatenate([*columns, np.full(len(classes), cells.columns)]).astype(np.int64),
        np.array([*first, count], dtype=np.int64),
    )


def _tests(
    low: FloatArray,
    high: FloatArray,
    of_class: IntArray,
    cells: Cells,
    start: IntArray,
    first: IntArray,
) -> tuple[IntArray, IntArray]:
    """(n,) place and (n, 2) run of segments of every test that a place asks for."""
    places, runs = [], []
    for column, values in enumerate(cells.thresholds):
        asked: BoolArray = np.isfinite(low[:, column]) | np.isfinite(high[:, column])
        own = start[first[column] : first[column + 1]] - cells.start[column]
        # the cell after the lower bound, and the one after the upper bound
        from_cell = np.where(
            np.isfinite(low[asked, column]), np.searchsorted(values, low[asked, column]) + 1, 0
        )
        to_cell = np.where(
            np.isfinite(high[asked, column]),
            np.searchsorted(values, high[asked, column]) + 1,
            len(values) + 1,
        )
        run = np.stack([np.searchsorted(own, from_cell), np.searchsorted(own, to_cell)], axis=1)
        places.append(np.flatnonzero(asked))
        runs.append(run + first[column])
    places.append(np.arange(len(of_class)))
    classes = first[-1] + of_class
    runs.append(np.stack([classes, classes + 1], axis=1))
    return np.concatenate(places).astype(np.int64), np.concatenate(runs).astype(np.int64)
