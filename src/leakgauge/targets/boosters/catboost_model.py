"""A model of CatBoost whose parts were checked.

    number  > border     ┐
    category = value     ├▶ the questions, numbered in this order ─▶ trees ─▶ scale · sum + bias
    statistic > border   ┘

A statistic (CTR) is taken from a table that the file holds: of each category, or combination of
categories and other questions, how many training records had it, and with which labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.boosters.catboost_objectives import Objective
from leakgauge.targets.boosters.losses import Floats
from leakgauge.targets.boosters.trees import Ints

MISSING: Final = ("AsIs", "AsFalse", "AsTrue")
"""How a missing number answers a question, by the library's number for it."""
STATISTICS: Final = (
    *("Borders", "Buckets", "BinarizedTargetMeanValue", "FloatTargetMeanValue", "Counter", "FeatureFreq"),
)
"""Kinds of statistics, by the library's number for each."""
MEANS: Final = (2, 3)
COUNTERS: Final = (4, 5)


@dataclass(frozen=True, slots=True, eq=False)
class NumberColumn:
    """A column of numbers.

    Attributes
    ----------
    index, place
        its number among columns of numbers, and among all.
    borders
        (n,) float32, what it is compared with.
    missing
        place in `MISSING`.
    """

    index: int
    place: int
    name: str
    borders: NDArray[np.float32]
    has_missing: bool
    missing: int


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """A column of categories, of which a model knows their hashes alone.

    Attributes
    ----------
    index, place
        its number among columns of categories, and among all.
    """

    index: int
    place: int
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class OneHot:
    """What a column of categories is compared with.

    Attributes
    ----------
    index
        the column's number among columns of categories.
    values
        (n,) int32 hashes.
    texts
        the categories themselves, or none.
    """

    index: int
    values: Ints
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """What a statistic is taken of.

    Attributes
    ----------
    kind
        place in `STATISTICS`.
    categories
        numbers among columns of categories.
    numbers
        a column's number and its border, for questions of numbers.
    values
        a column's number and a hash, for questions of categories.
    """

    kind: int
    categories: tuple[int, ...]
    numbers: tuple[tuple[int, float], ...]
    values: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Statistic:
    """A statistic and what it is compared with.

    Attributes
    ----------
    label
        which labels it counts.
    constants
        numerator and denominator of the prior, shift and scale: (count + a) / (total + b), and so on.
    """

    base: Base
    label: int
    constants: tuple[float, float, float, float]
    borders: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class StatisticTable:
    """The training records behind a statistic, in the order of their hashes.

    Attributes
    ----------
    hashes
        (n,) uint64, one for each combination that was seen.
    rows
        (n, width) int32: numbers of records with each label; or their number alone; or a sum of labels,
        whose bits are those of a float32, and a number.
    total
        denominator of counters.
    labels
        how many a row counts, 0 for other kinds.
    """

    base: Base
    hashes: NDArray[np.uint64]
    rows: NDArray[np.int32]
    total: int
    labels: int


@dataclass(frozen=True, slots=True, eq=False)
class CatBoostModel:
    """A model, as far as its reader got; `catboost_checks` says whether its parts fit.

    Attributes
    ----------
    dimension
        scores that each tree adds to: 1 for two classes and for numbers.
    questions
        of every tree one question a level, from the bottom bit of the leaf's number; or, where the two
        sides of a tree differ, one a node.
    sizes
        (n_trees,) how many `questions` each tree has.
    steps
        (n_nodes, 2) how far away the children of a node are, 0 for an answer in their place; None for
        trees of levels.
    leaf_of_node
        (n_nodes,) where the answer of a node without both children begins in `leaf_values`.
    leaf_values
        (n_leaves · dimension,) answers.
    leaf_weights
        (n_leaves,) sums of the weights of the training records; none where the file has none.
    objective
        the loss that it was trained with.
    labels
        the classes; none of a regressor.
    threshold
        of two classes, from which probability on the second is answered; None for the usual one.
    parameters
        what the library was told in training, as far as the file tells.
    """

    dimension: int
    questions: Ints
    sizes: Ints
    steps: Ints | None
    leaf_of_node: Ints | None
    leaf_values: Floats
    leaf_weights: Floats
    numbers: tuple[NumberColumn, ...]
    categories: tuple[CategoryColumn, ...]
    one_hots: tuple[OneHot, ...]
    statistics: tuple[Statistic, ...]
    tables: tuple[StatisticTable, ...]
    scale: float
    bias: tuple[float, ...]
    objective: Objective
    labels: tuple[Any, ...]
    threshold: float | None
    parameters: Mapping[str, Any]

    @property
    def n_features(self) -> int:
        """Columns that it takes."""
        return len(self.numbers) + len(self.categories)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the columns; None where it was fitted on arrays."""
        known = {column.place: column.name for column in self.numbers}
        known |= {column.place: column.name for column in self.categories}
        names = [known.get(place, "") for place in range(self.n_features)]
        made_up = [str(place) for place in range(self.n_features)]
        return None if "" in names or names == made_up else tuple(names)

    @property
    def first_of_statistics(self) -> int:
        """Number of the first question of statistics, behind those of numbers and of categories."""
        of_numbers = sum(len(column.borders) for column in self.numbers)
        return of_numbers + sum(len(one.values) for one in self.one_hots)

    @property
    def n_questions(self) -> int:
        """How many questions trees may ask."""
        return self.first_of_statistics + sum(len(one.borders) for one in self.statistics)

    @property
    def leaf_counts(self) -> Ints:
        """(n_trees,) leaves of each tree."""
        if self.steps is None:
            return np.left_shift(1, self.sizes)
        ends = np.cumsum(self.sizes)
        answers = np.concatenate([[0], np.cumsum((self.steps == 0).any(axis=1))])
        counts: Ints = answers[ends] - answers[ends - self.sizes]
        return counts

    def without_training(self) -> CatBoostModel:
        """The same model without what only training reads."""
        return replace(self, leaf_weights=np.empty(0), parameters={})
