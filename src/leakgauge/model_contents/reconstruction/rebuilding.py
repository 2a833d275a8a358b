"""Whether the training table of a model can be rebuilt from its file, with which method, and how far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import is_classifier
from threadpoolctl import threadpool_limits

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.reconstruction.classification import classified_rows
from leakgauge.model_contents.reconstruction.comparison import KnownTable, compared
from leakgauge.model_contents.reconstruction.effort import SECONDS, sweeps_within
from leakgauge.model_contents.reconstruction.midpoints import NEAR, Placed, tighten, values_within
from leakgauge.model_contents.reconstruction.regression import is_counted, numbered_rows
from leakgauge.model_contents.reconstruction.trees import StoredTree, final_estimator, stored, trees_of
from leakgauge.progress import Progress
from leakgauge.report.model import RebuiltCompared, RebuiltTable
from leakgauge.targets.protocol import FloatArray

REBUILT_FROM = 0.99
"""Share of leaf counts that the rebuilt table must reproduce; below it the report claims nothing."""
NARROWED_FROM = 0.5
"""Share of values that the file must narrow down for that."""

_SAYS_NOTHING = "Other methods may do better: it is no sign that the file is safe to hand out."


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A table that was rebuilt from a file alone.

    Attributes
    ----------
    method
        how.
    x, y
        (n_rows, n_columns) likeliest values, and (n_rows,) positions of classes, or numbers.
    low, high
        (n_rows, n_columns) bounds of the values.
    matched, narrowed
        see `RebuiltTable`.
    in_order
        whether row i is row i of the training table.
    """

    method: Literal["numbers_in_leaves", "message_passing"]
    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray
    matched: float
    narrowed: float
    in_order: bool

    @property
    def is_rebuilt(self) -> bool:
        """Whether the report may claim so."""
        return self.matched >= REBUILT_FROM and self.narrowed >= NARROWED_FROM


def rebuild(model: Any, *, rng: np.random.Generator, progress: Progress, seconds: float = SECONDS) -> Rebuilt:
    """Rebuild the training table, as the trees' estimator read it, from a fitted model.

    Numerical libraries work in one thread meanwhile: more of them only wait for each other on
    matrices this small.

    Parameters
    ----------
    model
        a tree, a forest or bagged trees, or a Pipeline that ends with one.
    seconds
        what it may take, about, on a machine like those of our tests: work is counted, and no clock read.

    Raises
    ------
    Unsuited
        where there are no such trees, or the file does not hold what it takes, or it would be too much.
    """
    estimator = final_estimator(model)
    sweeps = sweeps_within(estimator, seconds=seconds)
    trees = [stored(tree, columns) for tree, columns in trees_of(estimator)]
    if not trees or all(len(tree.left) == 1 for tree in trees):
        raise Unsuited("The trees ask no question, so they hold nothing of a row's values.")
    n_columns = int(estimator.n_features_in_)
    with threadpool_limits(1):
        if is_classifier(estimator):
            return _of_classifier(estimator, trees, n_columns, sweeps, rng, progress)
        return _of_regressor(estimator, trees, n_columns, progress)


def rebuilt_table(
    model: Any,
    known: KnownTable | None,
    *,
    rng: np.random.Generator,
    progress: Progress,
    seconds: float = SECONDS,
) -> RebuiltTable:
    """What the report says of it; parameters as of `rebuild`, and the true table where there is one."""
    try:
        found = rebuild(model, rng=rng, progress=progress, seconds=seconds)
    except Unsuited as unsuited:
        return RebuiltTable("not_applicable", str(unsuited))
    beside = None
    if found.is_rebuilt and known is not None and known.x.shape[1] == found.x.shape[1]:
        beside = compared(found.x, found.y, known, in_order=found.in_order, rng=rng)
    return RebuiltTable(
        "rebuilt" if found.is_rebuilt else "not_rebuilt",
        _sentence(found, beside) if found.is_rebuilt else _not_rebuilt(found),
        method=found.method,
        rows=len(found.y),
        matched=found.matched,
        narrowed=found.narrowed,
        compared=beside,
    )


def _sentence(found: Rebuilt, beside: RebuiltCompared | None) -> str:
    sentence = (
        f"The training table was rebuilt from the file alone: {len(found.y):,} rows of "
        f"{found.x.shape[1]:,} columns with their labels. They reproduce {found.matched:.1%} of what the "
        "leaves hold."
    )
    if beside is not None:
        sentence += (
            f" Of the {beside.records:,} true rows, {beside.exact_rows:.1%} are in it with every value right."
        )
    return sentence


def _not_rebuilt(found: Rebuilt) -> str:
    if found.matched < REBUILT_FROM:
        reason = (
            f"the best table found reproduces {found.matched:.1%} of what the leaves hold, and "
            f"{REBUILT_FROM:.0%} are asked for"
        )
    else:
        reason = (
            f"every leaf is reproduced, but only {found.narrowed:.1%} of the values are narrowed down to "
            f"{NEAR:g} standard deviations"
        )
    return f"The training table was not rebuilt with this method: {reason}. {_SAYS_NOTHING}"


def _of_classifier(
    estimator: Any,
    trees: Sequence[StoredTree],
    n_columns: int,
    sweeps: int,
    rng: np.random.Generator,
    progress: Progress,
) -> Rebuilt:
    if not is_counted(trees):
        raise Unsuited("The leaves hold no counts: the file was stripped of them.")
    found = classified_rows(
        estimator,
        trees,
        n_columns,
        midpoints=_searches_midpoints(estimator),
        sweeps=sweeps,
        rng=rng,
        progress=progress,
    )
    values = values_within(trees, found.low, found.high)
    return Rebuilt(
        method="message_passing",
        x=values.x,
        y=found.y.astype(np.float64),
        low=found.low,
        high=found.high,
        matched=found.matched,
        narrowed=values.narrowed,
        in_order=any(len(np.unique(draws)) > 1 for draws in found.draws),
    )


def _of_regressor(estimator: Any, trees: Sequence[StoredTree], n_columns: int, progress: Progress) -> Rebuilt:
    rows = numbered_rows(trees, n_columns, progress)
    if _searches_midpoints(estimator):
        tighten(rows.placed, rows.low, rows.high, progress)
    values = values_within(trees, rows.low, rows.high)
    return Rebuilt(
        method="numbers_in_leaves",
        x=values.x,
        y=rows.y,
        low=rows.low,
        high=rows.high,
        matched=_matched(rows.placed, values.x, counted=is_counted(trees)),
        narrowed=values.narrowed,
        in_order=False,
    )


def _searches_midpoints(estimator: Any) -> bool:
    """Whether thresholds are the middle between two values, and not drawn between them."""
    first = next(iter(trees_of(estimator)))[0]
    return str(first.splitter) == "best"


def _matched(placed: Sequence[Placed], x: FloatArray, *, counted: bool) -> float:
    """Share of leaves in which stand exactly the rows that the file says: as many, and of its number."""
    right = every = 0
    for of_tree in placed:
        tree = of_tree.tree
        leaf = tree.apply(x[of_tree.row])
        stay = np.bincount(leaf[leaf == of_tree.leaf], minlength=len(tree.left))
        stand = np.bincount(leaf, minlength=len(tree.left))
        asked = tree.rows if counted else np.maximum(stand, 1)
        right += int(((stay == stand) & (stand == asked))[tree.leaves].sum())
        every += len(tree.leaves)
    return right / max(every, 1)
