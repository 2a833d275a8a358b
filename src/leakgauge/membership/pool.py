"""The pool: members and non-members together, as the attacks see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.progress import Progress
from leakgauge.targets.answer_forms import AnswerForm
from leakgauge.targets.protocol import BoolArray, FloatArray, Gives, IntArray, Target, gives_of

_PICTURE_AXES = 4


@dataclass(frozen=True, slots=True)
class Pool:
    """`n` records, some of which the target was trained on.

    Attributes
    ----------
    x:
        `n` input rows in the form that the target takes: a DataFrame, an array, or
        (n, height, width, channels) pictures in [0, 1].
    y:
        (n,) true labels as positions in the target's classes.
    member:
        (n,) True where the target was trained on the record. Attacks that
        train on it must score records they did not train on.
    row:
        (n,) place of the record in its own table, 1 for the first data row.
    group:
        (n,) name of the group a record belongs to, or None when groups are not asked for.
    is_read:
        (d,) False for columns of a table that every part of the target leaves out; None where all
        are read.
    """

    x: Any
    y: IntArray
    member: BoolArray
    row: IntArray
    group: NDArray[np.str_] | None = None
    is_read: BoolArray | None = None

    def __len__(self) -> int:
        """Number of records."""
        return len(self.y)

    @property
    def holds_pictures(self) -> bool:
        """Whether the records are pictures, not rows of a table."""
        return np.ndim(self.x) == _PICTURE_AXES


def true_label_probability(probabilities: FloatArray, y: IntArray) -> FloatArray:
    """(n,) probability of each record's true label, from (n, n_classes)."""
    chosen: FloatArray = np.take_along_axis(probabilities, y[:, None], axis=1)[:, 0]
    return chosen


@dataclass(frozen=True, slots=True)
class ReferenceAnswers:
    """What M clones of the target, trained on halves of a pool of `n` records, say of it.

    Attributes
    ----------
    p_y:
        (M, n) probability that each clone gives to each record's true label.
    trained_on:
        (M, n) whether the clone was trained on the record; M/2 of each column are True.
    """

    p_y: FloatArray
    trained_on: BoolArray

    def mean_in(self) -> FloatArray:
        """(n,) mean over the clones that were trained on the record."""
        mean: FloatArray = self.p_y.mean(axis=0, dtype=np.float64, where=self.trained_on)
        return mean

    def mean_out(self) -> FloatArray:
        """(n,) mean over the clones that were not trained on the record."""
        mean: FloatArray = self.p_y.mean(axis=0, dtype=np.float64, where=~self.trained_on)
        return mean


class SharedAnswers:
    """The target, asked once about the pool and answering every attack from memory.

    Attacks that look at the same answers need not pay for them again. `queries`
    counts the rows that were asked for, remembered or not, since an attacker
    who runs one attack alone has to send them. `estimator` is the fitted model
    itself, for attacks that see the model file and for training its clones; None
    where the target has none to show. `references` trains its clones, once, when
    an attack first asks for them. `form` is what these clones must be asked for, None
    where there is no estimator or it gives labels alone.
    """

    def __init__(
        self,
        target: Target,
        pool: Pool,
        *,
        references: Callable[[Progress], ReferenceAnswers] | None = None,
    ) -> None:
        self._target = target
        self._references = references
        self._pool_x = pool.x
        self._probabilities: FloatArray | None = None
        self._labels: IntArray | None = None
        self.classes = target.classes
        self.has_probabilities = target.has_probabilities
        self.gives: Gives = gives_of(target)
        self.estimator: Any = getattr(target, "estimator", None)
        self.form: AnswerForm | None = getattr(target, "form", None)
        self.queries = 0

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) class probabilities; see `Target.probabilities`."""
        self.queries += len(x)
        if x is not self._pool_x:
            return self._target.probabilities(x)
        if self._probabilities is None:
            self._probabilities = self._target.probabilities(x)
        return self._probabilities

    def labels(self, x: Any) -> IntArray:
        """(n,) positions of the predicted labels; see `Target.labels`."""
        self.queries += len(x)
        if x is not self._pool_x:
            return self._target.labels(x)
        if self._labels is None:
            self._labels = self._target.labels(x)
        return self._labels

    def reference_answers(self, progress: Progress) -> ReferenceAnswers:
        """What clones of the target say of the pool; no query, since they are the attacker's own.

        Raises
        ------
        Unsuited
            when the target cannot be cloned, or a clone not be trained.
        ValueError
            when no reference models were planned.
        """
        if self._references is None:
            raise ValueError("no reference models were planned")
        return self._references(progress)
