"""The pool: members and non-members together, as the attacks see them."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from leakgauge.attacks.row import Unsuited
from leakgauge.exhaustion import NOT_AUDITED, OutOfTime
from leakgauge.membership.residuals import ErrorScale, bands
from leakgauge.progress import Progress
from leakgauge.report.model import Attacker
from leakgauge.targets.protocol import (
    AnswerForm,
    BoolArray,
    FloatArray,
    Gives,
    IntArray,
    LabelArray,
    ModelTarget,
    Regressor,
)

_IMAGE_AXES = 4


@dataclass(frozen=True, slots=True)
class Pool:
    """`n` records, some of which the target was trained on.

    Attributes
    ----------
    x
        `n` input rows in the form that the target takes: a DataFrame, an array, or
        (n, height, width, channels) images in [0, 1].
    y
        (n,) true labels: positions in the target's classes, int64; or, of a regressor, the numbers
        themselves, float64.
    member
        (n,) True where the target was trained on the record. Attacks that
        train on it must score records they did not train on.
    row
        (n,) place of the record in its own table, 1 for the first data row.
    group
        (n,) name of the group a record belongs to, or None when groups are not asked for.
    is_read
        (d,) False for columns of a table that every part of the target leaves out; None where all
        are read.
    rows_left
        how many rows beside these a live service may be asked about; None where that is not limited.
    answers_only
        whether `x` holds the target's answers about the records, not the records: nothing else can be
        asked, and what the records are is not known.
    """

    x: Any
    y: LabelArray
    member: BoolArray
    row: IntArray
    group: NDArray[np.str_] | None = None
    is_read: BoolArray | None = None
    rows_left: int | None = None
    answers_only: bool = False

    def __len__(self) -> int:
        """Number of records."""
        return len(self.y)

    @property
    def holds_images(self) -> bool:
        """Whether the records are images, not rows of a table."""
        return np.ndim(self.x) == _IMAGE_AXES

    @property
    def holds_numbers(self) -> bool:
        """Whether the labels are numbers that a regressor predicts, not classes."""
        return self.y.dtype.kind == "f"

    @property
    def strata(self) -> IntArray:
        """(n,) what records are balanced over: their classes, or the `BANDS` of their numbers."""
        return strata_of(self.y)


def strata_of(y: LabelArray) -> IntArray:
    """(n,) the class of each label, or the place in `BANDS` of each number."""
    return bands(y) if y.dtype.kind == "f" else np.asarray(y, dtype=np.int64)


def true_label_probability(probabilities: FloatArray, y: LabelArray) -> FloatArray:
    """(n,) probability of each record's true label, from (n, n_classes)."""
    places = np.asarray(y, dtype=np.int64)
    chosen: FloatArray = np.take_along_axis(probabilities, places[:, None], axis=1)[:, 0]
    return chosen


@dataclass(frozen=True, slots=True)
class ReferenceAnswers:
    """What reference models say of a pool of `n` records: M answers about each.

    An answer is that of one of the models; which model gave it differs from record to record where
    more than M were trained.

    Attributes
    ----------
    p_y
        (M, n) probability of each record's true label; of regressors, that of `ErrorScale.likelihood`.
    trained_on
        (M, n) whether the model that answers was trained on the record; of models that were trained here
        as often True in each column as in any other.
    per_round
        how many rows, one after the other, come from one round of training. Rounds are drawn
        independently of each other.
    cut_short
        how many were trained of those that were asked for, and what to do, where there was no time for all.
    """

    p_y: FloatArray
    trained_on: BoolArray
    per_round: int = 2
    cut_short: str | None = None

    @property
    def rounds(self) -> int:
        """How many independent draws of training sets the answers come from."""
        return len(self.p_y) // self.per_round

    def first(self, rounds: int) -> ReferenceAnswers:
        """The answers of the first rounds."""
        kept = rounds * self.per_round
        return replace(self, p_y=self.p_y[:kept], trained_on=self.trained_on[:kept])

    def without(self, number: int) -> ReferenceAnswers:
        """The answers of all rounds but one."""
        kept = np.arange(len(self.p_y)) // self.per_round != number
        return replace(self, p_y=self.p_y[kept], trained_on=self.trained_on[kept], cut_short=None)

    def check(self, *, least: int, trained: bool) -> None:
        """See that there are enough models that were, or were not, trained on each record.

        Raises
        ------
        Unsuited
            where a record has fewer than `least` of them.
        OutOfTime
            where that is so for lack of time.
        """
        counts = (self.trained_on == trained).sum(axis=0)
        if len(self.p_y) == 0 or counts.min() < least:
            if self.cut_short is not None:
                raise OutOfTime(f"{NOT_AUDITED}: these are too few reference models. {self.cut_short}")
            which = "trained on it" if trained else "not trained on it"
            raise Unsuited(
                f"It takes {least} reference models for each record that were {which}; "
                f"{int((counts < least).sum()):,} of {len(counts):,} records have fewer, of {len(self.p_y)}."
            )

    def mean_in(self) -> FloatArray:
        """(n,) mean over the models that were trained on the record; errors as `check`, for one."""
        self.check(least=1, trained=True)
        mean: FloatArray = self.p_y.mean(axis=0, dtype=np.float64, where=self.trained_on)
        return mean

    def mean_out(self) -> FloatArray:
        """(n,) mean over the models that were not trained on the record; errors as `check`, for one."""
        self.check(least=1, trained=False)
        mean: FloatArray = self.p_y.mean(axis=0, dtype=np.float64, where=~self.trained_on)
        return mean


class References(Protocol):
    """Trains an attacker's clones of the target, once, and tells what they answer about the pool."""

    def __call__(self, progress: Progress, *, attacker: Attacker = "candidates") -> ReferenceAnswers:
        """Their answers; see `SharedAnswers.reference_answers`."""


class SharedAnswers:
    """The target, asked once about the pool and answering every attack from memory.

    Attacks that look at the same answers need not pay for them again. `queries`
    counts the rows that were asked for, remembered or not, since an attacker
    who runs one attack alone has to send them. `estimator` is the fitted model
    itself, for attacks that see the model file, and `recipe` what its clones are made of; None
    where the target has none to show. `references` trains an attacker's clones of it, once,
    when an attack first asks for them. `form` is what these clones must be asked for, None
    where there is no recipe or it gives labels alone.
    """

    def __init__(
        self,
        target: ModelTarget,
        pool: Pool,
        *,
        references: References | None = None,
    ) -> None:
        self._target = target
        self._references = references
        self._pool_x = pool.x
        self._pool_y = pool.y
        self._probabilities: FloatArray | None = None
        self._labels: IntArray | None = None
        self._predictions: FloatArray | None = None
        self.classes = target.classes
        self.has_probabilities = target.has_probabilities
        self.gives: Gives = target.gives
        self.estimator: Any = target.estimator
        self.recipe: Any = target.recipe
        self.form: AnswerForm | None = target.form
        self.type_name = target.type_name
        self.packages = target.packages
        self.queries = 0

    def remember(self) -> None:
        """Ask about the whole pool, which counts no query.

        Raises
        ------
        UnsupportedModel
            where the target cannot answer; `outputs_not_finite` where an answer is not a number.
        """
        if self.gives == "predictions":
            self.predictions(self._pool_x)
        else:
            self.labels(self._pool_x)
        if self.has_probabilities:
            self.probabilities(self._pool_x)
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

    def predictions(self, x: Any) -> FloatArray:
        """(n,) predicted numbers; see `Regressor.predictions`."""
        self.queries += len(x)
        if x is not self._pool_x:
            return self._predicted(x)
        if self._predictions is None:
            self._predictions = self._predicted(x)
        return self._predictions

    def _predicted(self, x: Any) -> FloatArray:
        return cast(Regressor, self._target).predictions(x)

    def likelihood(self, pool: Pool) -> FloatArray:
        """(n,) probability of each record's true label; of a regressor, that of `ErrorScale.likelihood`."""
        if self.error_scale is not None:
            return self.error_scale.likelihood(self.predictions(pool.x), pool.y)
        return true_label_probability(self.probabilities(pool.x), pool.y)

    def right(self, pool: Pool) -> BoolArray:
        """(n,) whether each predicted label is the true one, or each number nearly, within the tolerance."""
        if self.error_scale is not None:
            return self.error_scale.right(self.predictions(pool.x), pool.y)
        return np.asarray(self.labels(pool.x) == pool.y)

    @cached_property
    def error_scale(self) -> ErrorScale | None:
        """What a regressor's errors are measured in; None for a classifier."""
        if self.gives != "predictions":
            return None
        queries_before = self.queries
        scale = ErrorScale.of(self.predictions(self._pool_x), np.asarray(self._pool_y, dtype=np.float64))
        self.queries = queries_before
        return scale

    def reference_answers(self, progress: Progress, *, attacker: Attacker = "candidates") -> ReferenceAnswers:
        """What an attacker's clones of the target say of the pool; no query, since they are his own.

        Raises
        ------
        Unsuited
            when the target cannot be cloned, or a clone not be trained.
        ValueError
            when no reference models were planned.
        """
        if self._references is None:
            raise ValueError("no reference models were planned")
        return self._references(progress, attacker=attacker)

    def compared_with(self, answers: ReferenceAnswers) -> SharedAnswers:
        """The same target with other reference models' answers."""
        view = copy(self)
        view._references = lambda _progress, *, attacker="candidates": answers  # noqa: ARG005 -- the same for both
        return view
