"""What every estimator of a boosting library has here beside what the library gives it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.boosters.losses import Floats, Loss
from leakgauge.targets.stand_in import StandIn

Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class HeldTree:
    """What the file keeps of one tree's training, and where the asked records stand in it.

    Attributes
    ----------
    place
        the score that the tree adds to; 0 for two classes.
    leaf
        (n,) number of the leaf of each record.
    value
        (n_leaves,) what each leaf adds to the score.
    cover
        (n_leaves,) sum of the training records' second derivatives; None where it was taken out.
    count
        (n_leaves,) number of training records; None where the format has none, or it was taken out.
    slope
        (n_leaves,) the leaf's Newton step before the learning rate, −G / (H + penalty) with the sums G and
        H of first and second derivatives; None where other settings, or the loss, had a part in it.
    penalty
        L2 penalty of that step.
    """

    place: int
    leaf: Ints
    value: Floats
    cover: Floats | None
    count: Floats | None
    slope: Floats | None
    penalty: float


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Training records counted by what they have in common, outside of trees.

    Attributes
    ----------
    cell
        (n,) number of the cell of each of the asked records.
    count
        (n_cells,) number of training records in each.
    """

    cell: Ints
    count: Floats


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


class BoosterEstimator(StandIn):
    """An estimator of a boosting library whose model was read and checked here, or that was fitted here.

    Attributes
    ----------
    library
        as it writes itself.
    sums_kept
        what its files keep of the training records in each leaf, in words.
    distributions
        what package indexes know the library by, each of which may be installed.
    reads_categories_as_text
        whether it takes each category for the text that it is written as, whatever its type.
    """

    library: ClassVar[str]
    sums_kept: ClassVar[str]
    distributions: ClassVar[tuple[str, ...]]
    reads_categories_as_text: ClassVar[bool] = False

    @classmethod
    def distribution(cls) -> str:
        """The one of `distributions` that is installed."""
        return next(filter(_is_installed, cls.distributions), cls.distributions[0])

    @property
    def is_read(self) -> bool:
        """Whether its model came from a file, which an untrained template and a clone have none of."""
        return vars(self).get("_model") is not None

    @abstractmethod
    def input_categories(self) -> tuple[tuple[Any, ...] | None, ...]:
        """For each input column its categories; empty where the file does not hold them, None for numbers."""

    @abstractmethod
    def held_rounds(self, x: Any) -> Iterator[tuple[HeldTree, ...]]:
        """What the file keeps of each round of boosting, and where (n, n_features) rows stand in it."""

    def counted_records(self, x: Any, y: Any) -> Iterator[Counted]:  # noqa: ARG002 (most files count in trees alone)
        """What the file counts outside of trees, for (n, n_features) rows and their labels (n,)."""
        yield from ()

    @abstractmethod
    def starting_scores(self) -> Floats | None:
        """(n_scores,) scores before the first tree; None where rounds do not build on one another."""

    @abstractmethod
    def loss(self) -> Loss:
        """The loss that it was trained with."""

    @abstractmethod
    def share_of_records(self) -> float:
        """Share of the training records that each round saw."""

    @property
    def tells_by_answering(self) -> str | None:
        """A sentence on what its file must keep of the training records to answer; None for nothing."""
        return None

    @abstractmethod
    def without_training(self) -> Self:
        """The same model without what only training reads."""

    @abstractmethod
    def thresholds(self) -> Floats:
        """(n_thresholds,) what numbers are compared with, for inputs on both sides of them."""

    def kept_ranges(self) -> Floats:
        """(k,) least and greatest values of the training table’s columns, as far as the file has them."""
        return np.empty(0)

    @abstractmethod
    def file_like(self, source: bytes) -> bytes:
        """The model in the library's own format, in the form of the file `source`."""

    @abstractmethod
    def questions(self) -> bytes:
        """All that its answers follow from, as bytes: equal for two models that answer alike."""
