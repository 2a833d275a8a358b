"""The training table of a forest of classifiers, from the counts in its leaves and the rows in its bags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.reconstruction.bootstrap import bootstrap_of
from leakgauge.model_contents.reconstruction.factors import Cells, Float32, factor_of
from leakgauge.model_contents.reconstruction.message_passing import Bag, decode, start, sweep
from leakgauge.model_contents.reconstruction.midpoints import Placed
from leakgauge.model_contents.reconstruction.settling import certain, settled
from leakgauge.model_contents.reconstruction.trees import StoredTree, class_units, is_whole
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray

PATIENCE = 30
"""Sweeps in a row that may bring no better match before the rest is given up."""
CHECKED_EVERY = 3
HOPELESS = 0.2
"""Share of counts below which a table that was swept as often as `FIRST_SWEEPS` is given up."""
FIRST_SWEEPS = 15

_Draws = Sequence[IntArray]


@dataclass(frozen=True, slots=True)
class ClassifiedRows:
    """The table as far as message passing found it.

    Attributes
    ----------
    low, high
        (n_rows, n_columns) the cell of each value: low < x <= high.
    y
        (n_rows,) positions of classes.
    draws
        for each tree, (n_rows,) how often each row was drawn.
    matched
        share of the counts, one for each class in a leaf, that these rows reproduce.
    """

    low: FloatArray
    high: FloatArray
    y: IntArray
    draws: tuple[IntArray, ...]
    matched: float

    def placed(self, trees: Sequence[StoredTree]) -> tuple[Placed, ...]:
        """Where the rows stand in each tree, with the leaves whose counts they reproduce as complete."""
        inside = np.where(np.isfinite(self.high), self.high, np.nextafter(self.low, np.inf))
        placed = []
        for tree, draws in zip(trees, self.draws, strict=True):
            rows = np.flatnonzero(draws)
            leaf = tree.apply(inside[rows])
            complete = np.zeros(len(tree.left), dtype=np.bool_)
            complete[tree.leaves] = (np.bincount(leaf, minlength=len(tree.left)) == tree.rows)[tree.leaves]
            placed.append(Placed.of(tree, rows, leaf, complete))
        return tuple(placed)


def boxes_of(placed: Sequence[Placed], n_rows: int, n_columns: int) -> tuple[FloatArray, FloatArray]:
    """(n_rows, n_columns) bounds low < x <= high: what the complete leaves of each row have in common.

    Which of the cells within them is the likeliest means nothing: trees that do not ask are not sure.
    """
    low, high = np.full((n_rows, n_columns), -np.inf), np.full((n_rows, n_columns), np.inf)
    for of_tree in placed:
        of_nodes = of_tree.tree.boxes(n_columns)
        sure = of_tree.complete[of_tree.leaf]
        rows, leaves = of_tree.row[sure], of_tree.leaf[sure]
        low[rows] = np.maximum(low[rows], of_nodes[0][leaves])
        high[rows] = np.minimum(high[rows], of_nodes[1][leaves])
    return low, high


def draws_of_trees(estimator: Any, trees: Sequence[StoredTree]) -> tuple[IntArray, ...]:
    """For each tree, (n_rows,) how often each row of the training table entered it.

    Raises
    ------
    Unsuited
        as `bootstrap_of`; and where trees without a bootstrap do not all hold as many rows.
    """
    if getattr(estimator, "bootstrap", False):
        bootstrap = bootstrap_of(estimator)
        return tuple(bootstrap.draws_of(place) for place in range(bootstrap.n_trees))
    n_rows = {int(tree.rows[0]) for tree in trees}
    if len(n_rows) != 1:
        raise Unsuited("The trees hold different numbers of rows, and the file does not tell which.")
    every = np.ones(n_rows.pop(), dtype=np.int64)
    return tuple(every for _ in trees)


def draws_of_classes(tree: StoredTree) -> FloatArray:
    """(n_nodes, n_classes) whole draws of each class in each node.

    Raises
    ------
    Unsuited
        where weights are no multiples of one weight for each class, or more than rows can be.
    """
    draws = tree.value
    if not is_whole(draws):
        draws = draws / class_units(draws[tree.leaves], tree.rows[tree.leaves])
    if not np.isfinite(draws).all() or not is_whole(draws):
        raise Unsuited("The leaves hold no whole numbers of records, so no draws can be told from them.")
    return np.rint(draws)


def classified_rows(
    estimator: Any,
    trees: Sequence[StoredTree],
    n_columns: int,
    *,
    sweeps: int,
    rng: np.random.Generator,
    progress: Progress,
) -> ClassifiedRows:
    """Pass messages until the leaf counts are reproduced, or nothing gets better.

    Parameters
    ----------
    sweeps
        over all trees, at most.

    Raises
    ------
    Unsuited
        where the file does not tell what it takes.
    """
    draws = draws_of_trees(estimator, trees)
    counts = [draws_of_classes(tree) for tree in trees]
    _check_sums(trees, counts, draws)
    cells = Cells.of(trees, n_columns, counts[0].shape[1])
    bags = [
        Bag.of(factor_of(tree, cells, count), drawn)
        for tree, count, drawn in zip(trees, counts, draws, strict=True)
    ]
    beliefs = start(len(draws[0]), cells, bags, rng)
    best, since = _found(beliefs, cells, trees, counts, draws), 0
    for step in range(sweeps):
        if since >= PATIENCE:
            break
        sweep(beliefs, bags, cells, rng, progress)
        since += 1
        if (step + 1) % CHECKED_EVERY:
            continue
        found = _found(beliefs, cells, trees, counts, draws)
        if found.matched > best.matched:
            best, since = found, 0
        if best.matched == 1.0 or (best.matched < HOPELESS and step + 1 >= FIRST_SWEEPS):
            break
        bags = _settle(beliefs, bags, cells, trees, found)
    return best


def _check_sums(trees: Sequence[StoredTree], counts: Sequence[FloatArray], draws: _Draws) -> None:
    for tree, count, drawn in zip(trees, counts, draws, strict=True):
        leaves = tree.leaves
        rows = int(np.count_nonzero(drawn))
        if tree.rows[leaves].min() < 1 or tree.rows[leaves].sum() != rows:
            raise Unsuited("The leaves do not hold as many rows as their trees drew.")
        if count.min() < 0 or count[leaves].sum() != drawn.sum():
            raise Unsuited("The leaves do not hold as many draws as their trees made.")


def _found(
    beliefs: Float32,
    cells: Cells,
    trees: Sequence[StoredTree],
    counts: Sequence[FloatArray],
    draws: tuple[IntArray, ...],
) -> ClassifiedRows:
    decoded = decode(beliefs, cells)
    low, high = cells.bounds(decoded[:, :-1])
    y = decoded[:, -1]
    x = np.where(np.isfinite(high), high, np.nextafter(low, np.inf))
    right = every = 0
    for tree, count, drawn in zip(trees, counts, draws, strict=True):
        leaf, bagged = tree.apply(x), drawn > 0
        rows = np.bincount(leaf[bagged], minlength=len(tree.left))
        of_class = np.bincount(leaf * count.shape[1] + y, weights=drawn, minlength=count.size)
        same = (of_class.reshape(count.shape) == count) & (rows == tree.rows)[:, None]
        asked = count[tree.leaves] > 0
        right += int(same[tree.leaves][asked].sum())
        every += int(asked.sum())
    return ClassifiedRows(low, high, y, draws, right / max(every, 1))


def _settle(
    beliefs: Float32,
    bags: Sequence[Bag],
    cells: Cells,
    trees: Sequence[StoredTree],
    found: ClassifiedRows,
) -> list[Bag]:
    x = np.where(np.isfinite(found.high), found.high, np.nextafter(found.low, np.inf))
    places = [
        bag.factor.places(tree.apply(x), found.y, len(tree.left))
        for bag, tree in zip(bags, trees, strict=True)
    ]
    return settled(bags, places, certain(beliefs, cells))[1]
