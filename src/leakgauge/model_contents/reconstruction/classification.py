"""The training table of a forest of classifiers, from the counts in its leaves and the rows in its bags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.reconstruction.bootstrap import bootstrap_of
from leakgauge.model_contents.reconstruction.factors import Cells, Float32, factor_of
from leakgauge.model_contents.reconstruction.message_passing import CALM, Bag, decode, start, sweep
from leakgauge.model_contents.reconstruction.placing import (
    bounds_of,
    evidence,
    placed_as_decoded,
    placed_surely,
)
from leakgauge.model_contents.reconstruction.settling import certain, settled
from leakgauge.model_contents.reconstruction.trees import StoredTree, class_units, is_whole
from leakgauge.progress import Progress
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

PATIENCE = 30
"""Sweeps in a row that may bring no better match before the rest is given up."""
RESTLESS = 9
"""Sweeps in a row that may bring no better match before messages count as calm, however much they change."""
STILL = 0.0003
"""Nats by which messages change in a sweep, on average, below which nothing more is to come."""
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
        (n_rows, n_columns) bounds of the values: low < x <= high.
    y
        (n_rows,) positions of classes.
    draws
        for each tree, (n_rows,) how often each row was drawn.
    matched
        share of the counts, one for each class in a leaf, that the likeliest rows reproduce.
    """

    low: FloatArray
    high: FloatArray
    y: IntArray
    draws: _Draws
    matched: float


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The likeliest rows.

    Attributes
    ----------
    x, y
        (n_rows, n_columns) a value in the likeliest cell of each column, and (n_rows,) classes.
    matched
        as of `ClassifiedRows`.
    bounds
        of the values, where leaves were sure.
    """

    x: FloatArray
    y: IntArray
    matched: float
    bounds: tuple[FloatArray, FloatArray] | None = None


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
    midpoints: bool,
    sweeps: int,
    rng: np.random.Generator,
    progress: Progress,
) -> ClassifiedRows:
    """Pass messages until the leaf counts are reproduced, or nothing gets better.

    Parameters
    ----------
    midpoints
        whether each threshold is the middle between two values.
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
    best = _likeliest(bags, cells, trees, counts, draws, midpoints, sweeps, rng, progress)
    bounds = best.bounds
    if bounds is None or best.matched == 1.0:
        placed = placed_as_decoded(best.x, trees, draws)
        exact = midpoints and best.matched == 1.0
        bounds = bounds_of(placed, best.x.shape, progress, midpoints=exact)
    return ClassifiedRows(*bounds, best.y, draws, best.matched)


def _likeliest(
    bags: list[Bag],
    cells: Cells,
    trees: Sequence[StoredTree],
    counts: Sequence[FloatArray],
    draws: _Draws,
    midpoints: bool,
    sweeps: int,
    rng: np.random.Generator,
    progress: Progress,
) -> _Decoded:
    """The rows that reproduce most; parameters as of `classified_rows`.

    Once messages have calmed down, bounds of values from leaves that are sure rule out cells.
    """
    beliefs = start(len(draws[0]), cells, bags, rng)
    against = np.zeros_like(beliefs)
    left = np.zeros(len(beliefs), dtype=np.bool_)
    best, since, calm = _decoded(beliefs, cells, trees, counts, draws), 0, False
    for step in range(sweeps):
        if since >= PATIENCE:
            break
        changed = sweep(beliefs, bags, cells, rng, progress, calm=calm)
        since += 1
        if (step + 1) % CHECKED_EVERY:
            continue
        found = _decoded(beliefs, cells, trees, counts, draws)
        if calm and found.matched < 1.0:
            placed = placed_surely(found.x, trees, bags, draws, left)
            found = replace(found, bounds=bounds_of(placed, found.x.shape, progress, midpoints=midpoints))
        if found.matched > best.matched:
            best, since = found, 0
        if best.matched == 1.0 or (best.matched < HOPELESS and step + 1 >= FIRST_SWEEPS):
            break
        if calm and changed < STILL:
            break
        calm |= changed < CALM or since >= RESTLESS
        if found.bounds is not None:
            now = evidence(cells, *found.bounds)
            now[left] = against[left]
            beliefs += now - against
            against = now
        leaving, bags = _settle(beliefs, bags, cells, trees, found)
        left |= leaving
    return best


def _check_sums(trees: Sequence[StoredTree], counts: Sequence[FloatArray], draws: _Draws) -> None:
    for tree, count, drawn in zip(trees, counts, draws, strict=True):
        leaves = tree.leaves
        rows = int(np.count_nonzero(drawn))
        if tree.rows[leaves].min() < 1 or tree.rows[leaves].sum() != rows:
            raise Unsuited("The leaves do not hold as many rows as their trees drew.")
        if count.min() < 0 or count[leaves].sum() != drawn.sum():
            raise Unsuited("The leaves do not hold as many draws as their trees made.")


def _decoded(
    beliefs: Float32,
    cells: Cells,
    trees: Sequence[StoredTree],
    counts: Sequence[FloatArray],
    draws: _Draws,
) -> _Decoded:
    cell = decode(beliefs, cells)
    low, high = cells.bounds(cell[:, :-1])
    y = cell[:, -1]
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
    return _Decoded(x, y, right / max(every, 1))


def _settle(
    beliefs: Float32, bags: Sequence[Bag], cells: Cells, trees: Sequence[StoredTree], found: _Decoded
) -> tuple[BoolArray, list[Bag]]:
    places = [
        bag.factor.places(tree.apply(found.x), found.y, len(tree.left))
        for bag, tree in zip(bags, trees, strict=True)
    ]
    return settled(bags, places, certain(beliefs, cells))
