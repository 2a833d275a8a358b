"""What CatBoost takes for granted of a model, checked whichever format it was read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.catboost_cbm import damaged
from leakgauge.targets.boosters.catboost_model import (
    COUNTERS,
    MEANS,
    MISSING,
    STATISTICS,
    Base,
    CatBoostModel,
    CategoryColumn,
    NumberColumn,
    Statistic,
    StatisticTable,
)
from leakgauge.targets.boosters.catboost_objectives import LIBRARY
from leakgauge.targets.boosters.losses import Floats
from leakgauge.targets.boosters.trees import Ints

MOST_FEATURES: Final = 1_000_000
_DEEPEST_OF_LEVELS: Final = 16
"""As in the library: such a tree has two to the power of its levels leaves."""
_DEEPEST: Final = 256
_LONGEST_STEP: Final = 2**16 - 1
_BORDERS: Final = 0
_BUCKETS: Final = 1


def check(model: CatBoostModel) -> CatBoostModel:
    """The model, when its parts fit.

    Raises
    ------
    UnsupportedModel
        `damaged_booster`; `unsupported_booster` for one whose unused columns were taken out.
    """
    _check_columns(model.numbers, model.categories)
    for column in model.numbers:
        _check_borders(column.borders)
        if not 0 <= column.missing < len(MISSING):
            raise damaged("a column takes missing numbers in an unknown way")
    _check_one_hots(model)
    _Statistics.of(model).check(model.statistics, model.tables)
    if model.steps is None:
        _check_levels(model)
    else:
        _check_nodes(model)
    _check_answers(model)
    return model


def _check_columns(numbers: Sequence[NumberColumn], categories: Sequence[CategoryColumn]) -> None:
    places = [column.place for columns in (numbers, categories) for column in columns]
    if not places:
        raise damaged("it has no feature")
    for columns in (numbers, categories):
        indices = [column.index for column in columns]
        own = [column.place for column in columns]
        if own != sorted(set(own)) or indices != sorted(set(indices)) or (indices and indices[0] < 0):
            raise damaged("its features stand in no order")
        if any(index > place for index, place in zip(indices, own, strict=True)):
            raise damaged("its features stand in no order")
    if len(set(places)) != len(places) or max(places) >= MOST_FEATURES:
        raise damaged("two of its features are the same column")
    whole = max(places) + 1 == len(places)
    if not whole or any(
        [column.index for column in columns] != list(range(len(columns))) for columns in (numbers, categories)
    ):
        raise refusals.unsupported(
            LIBRARY,
            "The CatBoost model lacks columns that it was trained on (drop_unused_features)",
            "Send the model as it was before its unused features were taken out.",
        )


def _check_borders(borders: NDArray[np.float32]) -> None:
    if not np.isfinite(borders).all() or np.any(np.diff(borders) <= 0):
        raise damaged("a feature is compared with numbers in no order")


def _check_one_hots(model: CatBoostModel) -> None:
    indices = [one.index for one in model.one_hots]
    if indices != sorted(set(indices)) or not set(indices) <= set(range(len(model.categories))):
        raise damaged("it compares a column of categories that is not there")
    for one in model.one_hots:
        values = one.values.tolist()
        if len(set(values)) != len(values) or len(one.texts) not in (0, len(values)):
            raise damaged("it compares a column with a category twice")


@dataclass(frozen=True, slots=True)
class _Statistics:
    """What statistics may be taken of.

    Attributes
    ----------
    numbers
        questions of numbers: a column's index and its border.
    values
        questions of categories: a column's index and a hash.
    """

    n_categories: int
    numbers: frozenset[tuple[int, float]]
    values: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, model: CatBoostModel) -> _Statistics:
        return cls(
            len(model.categories),
            frozenset(
                (column.index, border) for column in model.numbers for border in column.borders.tolist()
            ),
            frozenset((one.index, value) for one in model.one_hots for value in one.values.tolist()),
        )

    def check(self, statistics: Sequence[Statistic], tables: Sequence[StatisticTable]) -> None:
        """See that every statistic has its table, and that no row of one is read beyond its end."""
        by_base = {table.base: table for table in tables}
        if len(by_base) != len(tables):
            raise damaged("it has a table of statistics twice")
        for table in tables:
            self._check_base(table.base)
            _check_table(table)
        for one in statistics:
            if one.base not in by_base:
                raise damaged("it asks for statistics that are not there")
            _check_borders(one.borders)
            if not np.isfinite(one.constants).all():
                raise damaged("it asks for statistics with numbers that are none")
            _check_label(one, by_base[one.base].labels)

    def _check_base(self, base: Base) -> None:
        inside = (
            all(0 <= index < self.n_categories for index in base.categories)
            and self.numbers.issuperset(base.numbers)
            and self.values.issuperset(base.values)
        )
        if not inside or not 0 <= base.kind < len(STATISTICS):
            raise damaged("it takes statistics of a column that is not there")


def _check_label(one: Statistic, labels: int) -> None:
    if one.base.kind in (*MEANS, *COUNTERS):
        return
    # the borders between labels are one fewer than the labels
    most = labels if one.base.kind == _BUCKETS else labels - 1
    if not 0 <= one.label < most:
        raise damaged("it asks for statistics of a label that is not there")


def _check_table(table: StatisticTable) -> None:
    kind, (n, width) = table.base.kind, table.rows.shape
    expected = 2 if kind in MEANS else 1 if kind in COUNTERS else table.labels
    least = 2 if kind in (_BORDERS, _BUCKETS) else 1
    if n != len(table.hashes) or width != expected or width < least:
        raise damaged("a table of statistics has too many or too few numbers")
    if len(np.unique(table.hashes)) != n:
        raise damaged("a table of statistics has a hash twice")
    if kind in MEANS:
        sums, counts = table.rows[:, 0].copy().view(np.float32), table.rows[:, 1]
        if not np.isfinite(sums).all() or np.any(counts < 0):
            raise damaged("a table of statistics counts less than nothing")
    elif np.any(table.rows < 0) or table.total < 0:
        raise damaged("a table of statistics counts less than nothing")


def _check_levels(model: CatBoostModel) -> None:
    sizes = model.sizes
    if np.any(sizes < 0) or np.any(sizes > _DEEPEST_OF_LEVELS) or sizes.sum() != len(model.questions):
        raise damaged("a tree has too many or too few questions")
    _check_questions(model.questions, model.n_questions)


def _check_questions(questions: Ints, n_questions: int) -> None:
    if np.any(questions < 0) or np.any(questions >= n_questions):
        raise damaged("a tree asks a question that is not there")


def _check_nodes(model: CatBoostModel) -> None:
    steps, leaf_of_node, sizes = model.steps, model.leaf_of_node, model.sizes
    n = len(model.questions)
    if steps is None or leaf_of_node is None or len(steps) != n or len(leaf_of_node) != n:
        raise damaged("its trees have too many or too few nodes")
    if np.any(sizes < 1) or sizes.sum() != n:
        raise damaged("a tree has too many or too few nodes")
    if np.any(steps < 0) or np.any(steps > _LONGEST_STEP):
        raise damaged("a tree has a child outside of it")
    node, ends = np.arange(n), np.repeat(np.cumsum(sizes), sizes)
    children = node[:, None] + steps
    is_inner = steps > 0
    if np.any(children >= ends[:, None]):
        raise damaged("a tree has a child outside of it")
    parents = np.bincount(children[is_inner], minlength=n)
    roots = np.cumsum(sizes) - sizes
    parents[roots] += 1
    if np.any(parents != 1):
        raise damaged("a tree has a node with two parents, or with none")
    _check_depth(children, is_inner, roots)
    # where no child is, there is an answer: those of a tree follow one another, after those of the last
    answers = ~is_inner.all(axis=1)
    tree = np.repeat(np.arange(len(sizes)), sizes)[answers]
    places = leaf_of_node[answers]
    in_order = np.lexsort((places, tree))
    if not np.array_equal(places[in_order], np.arange(len(places)) * model.dimension):
        raise damaged("a tree has answers outside of it")
    asks = is_inner.any(axis=1)
    _check_questions(model.questions[asks], model.n_questions)
    if np.any(model.questions[~asks] != 0):
        raise damaged("a leaf asks a question")


def _check_depth(children: Ints, is_inner: NDArray[np.bool_], level: Ints) -> None:
    for _ in range(_DEEPEST):
        level = children[level][is_inner[level]]
        if not len(level):
            return
    raise damaged(f"a tree is deeper than {_DEEPEST:,} levels")


def _check_answers(model: CatBoostModel) -> None:
    if not len(model.sizes):
        raise damaged("it has no trees")
    leaves = int(model.leaf_counts.sum())
    if len(model.leaf_values) != leaves * model.dimension:
        raise damaged("its trees have too many or too few answers")
    if len(model.leaf_weights) not in (0, leaves):
        raise damaged("its trees have too many or too few leaf_weights")
    if len(model.bias) != model.dimension:
        raise damaged("its bias and its scores differ")
    _check_finite(model.leaf_values, "answers")
    _check_finite(np.array([model.scale, *model.bias]), "scale and bias")
    _check_finite(model.leaf_weights, "leaf_weights")
    if np.any(model.leaf_weights < 0):
        raise damaged("it has leaf_weights below zero")


def _check_finite(numbers: Floats, what: str) -> None:
    if not np.isfinite(numbers).all():
        raise damaged(f"it has {what} that are infinite or none")
