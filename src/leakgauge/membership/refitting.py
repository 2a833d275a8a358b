"""Training a target again: an untrained copy with its own settings, its rows, and what it then answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.frozen import FrozenEstimator
from sklearn.tree import BaseDecisionTree

from leakgauge.attacks.row import Unsuited
from leakgauge.defences.output import Setting, changed, changed_numbers
from leakgauge.errors import BadParameters
from leakgauge.membership.earlier_settings import modernise
from leakgauge.membership.frozen_parts import frozen_in, that_learned_from_labels
from leakgauge.membership.known_categories import keep_categories
from leakgauge.membership.residuals import ErrorScale
from leakgauge.membership.training_sets import TrainingData
from leakgauge.targets.protocol import AnswerForm, BoolArray, FloatArray, IntArray, LabelArray
from leakgauge.targets.sklearn.answer_forms import Probabilities
from leakgauge.targets.sklearn.input_columns import column_uses

CHUNK_ROWS = 8_192
"""Rows that a model is asked for at once, which bounds the memory of its answer."""
_FITTED_BEFORE = {("cv", "prefit"), ("prefit", True)}
"""Settings by which a meta-estimator takes models as they are."""
ZEROS_OF_VOTES = 0.01
"""Share of exact zeros among a model's probabilities from which on it counts votes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a trained model says of the `n` records that it was asked about.

    Attributes
    ----------
    p_y
        (n,) probability that it gives to each record's true label; of a regressor, that of
        `ErrorScale.likelihood`.
    right
        (n,) whether the true label is the first of those with the highest one; of a regressor, whether
        its prediction lies within the tolerance.
    votes
        whether zeros among all its probabilities say that it counts votes.
    """

    p_y: FloatArray
    right: BoolArray
    votes: bool


_Reader: TypeAlias = "Callable[[FloatArray, Any], tuple[FloatArray, BoolArray]]"


def counts_votes(zeros: float) -> bool:
    """Whether a model counts votes, in coarse steps, by the share of zeros among its probabilities."""
    return zeros > ZEROS_OF_VOTES


def blank_clone(estimator: Any) -> Any:
    """An untrained copy with the target's own settings, by the names of today.

    Raises
    ------
    Unsuited
        when there is no estimator, it cannot be cloned, or a part of it that learned from labels
        would not be trained again.
    """
    if estimator is None:
        raise Unsuited("The model cannot be trained again, so it has no reference models.")
    try:
        blank = clone(estimator)
        modernise(blank)
        keep_categories(blank, estimator)
        settings = blank.get_params(deep=True)
        frozen = that_learned_from_labels(frozen_in(blank))
    except Exception as error:
        raise Unsuited(f"The model cannot be cloned ({type(error).__name__}).") from error
    if frozen is not None:
        raise Unsuited(
            f"A part of the model, a {frozen}, is frozen and learned from labels: its clones would know "
            "what the target knows."
        )
    for name, value in settings.items():
        setting = name.rpartition("__")[2]
        if type(value) in (str, bool) and (setting, value) in _FITTED_BEFORE:
            raise Unsuited(
                f"A part of the model ({setting}={value!r}) was made of models that were fitted before it "
                "and are not trained again with it."
            )
    return blank


def lean(x: Any, estimator: Any) -> Any:
    """The rows as 32-bit numbers where the model would make them so anyway, on every fit and answer."""
    if not isinstance(estimator, BaseForest | BaseDecisionTree | BaseGradientBoosting):
        return x
    kinds = x.dtypes if isinstance(x, pd.DataFrame) else [x.dtype]
    if not all(isinstance(kind, np.dtype) and kind.kind in "biuf" for kind in kinds):
        return x
    return np.ascontiguousarray(x, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Question:
    """Rows that a model is asked for at once.

    Attributes
    ----------
    records
        (k,) places, among all that are asked about, of those that the answers are for.
    rows
        (m,) positions of the rows to send, m at most k.
    answer_of
        (k,) which of the m answers belongs to each record.
    """

    records: IntArray
    rows: IntArray
    answer_of: IntArray


@dataclass(frozen=True, slots=True)
class Refitting:
    """Trains copies of `blank` on some of `n` records and asks them about others.

    Attributes
    ----------
    blank
        an untrained model, which stays untrained.
    classes
        (n_classes,) the target's labels, which `y` are positions of; none of a regressor.
    x
        the records' rows, `lean` if they can be.
    y
        (n,) their labels.
    alike
        (n,) a number for each record; those that share one get the same answer.
    form
        what it is asked for, which is what the target was asked for.
    defences
        what a copy's answers pass through: as much of the target's as can be repeated, so that
        both are seen alike.
    uses
        which columns each part of the target takes, which a copy must take too; None where copies
        may differ in that.
    error_scale
        what a regressor's errors are measured in; None for a classifier.
    """

    blank: Any
    classes: NDArray[Any]
    x: Any
    y: LabelArray
    alike: IntArray
    form: AnswerForm
    defences: tuple[Setting, ...]
    uses: Mapping[str, tuple[int, ...]] | None = None
    error_scale: ErrorScale | None = None

    @classmethod
    def of(
        cls,
        blank: Any,
        classes: NDArray[Any],
        data: TrainingData,
        *,
        form: AnswerForm | None = None,
        defences: Sequence[Setting] = (),
        like: Any = None,
        error_scale: ErrorScale | None = None,
    ) -> Refitting:
        """Copies of `blank`, asked for probabilities or what `form` says, behind the defences.

        Parameters
        ----------
        like
            the fitted model whose columns every copy must use as it does; None for no such model.
        error_scale
            what a regressor's errors are measured in; None for a classifier.
        """
        x = lean(data.x, blank)
        # trees answer equal rows equally; of other models that is only nearly true
        alike = np.arange(len(data.y)) if x is data.x else _alike(x)
        repeatable = tuple(setting for setting in defences if setting.defence.repeatable)
        uses = None if like is None else column_uses(like)
        return cls(blank, classes, x, data.y, alike, form or Probabilities(), repeatable, uses, error_scale)

    def answers(self, rows: IntArray, queried: IntArray, *, seed: int, what: str) -> Answers:
        """What a copy trained on the records at `rows` says of those at `queried`.

        Parameters
        ----------
        seed
            of every part of the copy that draws numbers.
        what
            the rows in words, for the reason that is given where this fails.

        Raises
        ------
        Unsuited
            when the copy cannot be trained, or gives no finite answers.
        BadParameters
            `fit_failed` from a `FunctionRecipe`.
        """
        p_y = np.zeros(len(queried))
        right = np.zeros(len(queried), dtype=np.bool_)
        labels = self.y[queried]
        zeros = 0
        try:
            model = _copy_of(self.blank, seed)
            model.fit(taken(self.x, rows), self._labels_for_fit(rows))
            self._check_columns(model)
            read = self._reader(model)
            for question in _questions(self.alike, queried):
                x = taken(self.x, question.rows)
                answers = np.asarray(self.form(model, x), dtype=np.float64)
                given = self._defended(answers, x)[question.answer_of]
                records = question.records
                p_y[records], right[records] = read(given, labels[records])
                zeros += int((given == 0.0).sum())
        except (MemoryError, Unsuited, BadParameters):
            raise  # the last is about a function that the caller gave
        except Exception as error:
            raise Unsuited(
                f"The model cannot be trained again on {what} ({type(error).__name__})."
            ) from error
        if not np.isfinite(p_y).all():
            raise Unsuited(f"The model, trained again on {what}, gives no finite answers.")
        if self.error_scale is not None:
            return Answers(p_y, right, votes=False)
        return Answers(p_y, right, counts_votes(zeros / (len(queried) * len(self.classes))))

    def _defended(self, answers: FloatArray, x: Any) -> FloatArray:
        """A copy's answers about the rows `x` behind as much of the defences as can be repeated."""
        change = changed if self.error_scale is None else changed_numbers
        return change(answers, x, self.defences)

    def _labels_for_fit(self, rows: IntArray) -> NDArray[Any]:
        """What a copy is given to be true of the records at `rows`: class labels, or numbers."""
        return self.y[rows] if self.error_scale is not None else self.classes[self.y[rows]]

    def _reader(self, model: Any) -> _Reader:
        """What makes p_y and rightness of a copy's answers and the true labels."""
        scale = self.error_scale
        if scale is not None:
            return lambda given, y: (
                scale.likelihood(given.reshape(-1), y),
                scale.right(given.reshape(-1), y),
            )
        # the copy may know fewer classes than the target; what it does not know it gives no chance
        known = {label: position for position, label in enumerate(model.classes_.tolist())}
        column_of = np.array([known.get(label, -1) for label in self.classes.tolist()])

        def read(given: FloatArray, y: LabelArray) -> tuple[FloatArray, BoolArray]:
            columns = column_of[y]
            found = columns >= 0
            p_y = np.zeros(len(y))
            p_y[found] = given[np.flatnonzero(found), columns[found]]
            return p_y, given.argmax(axis=1) == columns

        return read

    def _check_columns(self, model: Any) -> None:
        """Refuse a copy that takes other columns than the target: it would be evidence of another model."""
        if self.uses is None:
            return
        uses = column_uses(model)
        differing = sorted(
            part for part in self.uses.keys() | uses.keys() if self.uses.get(part) != uses.get(part)
        )
        if differing:
            names = list(self.x.columns) if isinstance(self.x, pd.DataFrame) else None
            columns = sorted(
                {
                    column
                    for part in differing
                    for column in set(self.uses.get(part, ())) ^ set(uses.get(part, ()))
                }
            )
            shown = ", ".join(str(names[column] if names else column) for column in columns[:5])
            raise Unsuited(
                f"A copy of the model trained here uses other columns than the model itself ({shown}), so "
                "the two cannot be compared: these columns are not in the tables as they were in training."
            )


def _copy_of(blank: Any, seed: int) -> Any:
    """An untrained copy with a seed of its own in every part that draws numbers.

    A clone shares its frozen parts with the original. Their wrappers hold what `fit` is given while it
    runs, and several copies are trained at once, so each gets wrappers of its own.
    """
    model = clone(blank)
    settings = model.get_params(deep=True)
    seeds = np.random.default_rng(seed)
    names = sorted(name for name in settings if name.rpartition("__")[2] == "random_state")
    new: dict[str, Any] = {name: int(seeds.integers(2**31)) for name in names}
    new |= {
        name: FrozenEstimator(part.estimator)
        for name, part in settings.items()
        if isinstance(part, FrozenEstimator)
    }
    return model.set_params(**new)


def _alike(x: NDArray[np.float32]) -> IntArray:
    """(n,) a number for each record that those with equal rows share."""
    whole_rows = x.view(np.dtype((np.void, x.itemsize * x.shape[1]))).ravel()
    return np.unique(whole_rows, return_inverse=True)[1].astype(np.int64)


def _questions(alike: IntArray, queried: IntArray) -> Iterator[Question]:
    """Questions of bounded size that ask about equal rows once."""
    in_order = np.argsort(alike[queried], kind="stable")
    for start in range(0, len(queried), CHUNK_ROWS):
        records = in_order[start : start + CHUNK_ROWS]
        _, first, answer_of = np.unique(alike[queried[records]], return_index=True, return_inverse=True)
        yield Question(records, queried[records[first]], answer_of)


def taken(x: Any, rows: IntArray) -> Any:
    """Some rows of a DataFrame or an array."""
    return x.iloc[rows] if isinstance(x, pd.DataFrame) else x[rows]
