"""A classifier of table rows as a black box: columns go in by name or by order, probabilities come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.errors import LeakgaugeError, LimitExceeded, UnsupportedModel
from leakgauge.targets.input_columns import InputColumns
from leakgauge.targets.probabilities import prediction_failed
from leakgauge.targets.protocol import FloatArray, Gives, IntArray
from leakgauge.targets.tables.heads import Ending, Head
from leakgauge.targets.tables.inputs import Entries

CHUNK_ROWS: Final = 4_096
"""Rows that a network is asked for at once at most, which bounds the memory of its answer."""
CHUNK_NUMBERS: Final = 16_000_000
"""Numbers that they may hold together."""
MAX_CLASSES: Final = 10_000
_LEAST_AGREEMENT: Final = 0.5
"""How often the largest score must be that of the predicted label."""
_AS_EXPORTED: Final = (
    "Check that the exported model predicts these tables as they are. A model that was traced for one row "
    "needs an export with a free number of rows."
)


class Engine(Protocol):
    """Answers for a network.

    Attributes
    ----------
    batch
        rows that it takes at a time, neither more nor fewer; None for any number.
    """

    batch: int | None

    def answers(self, feeds: Mapping[str, NDArray[Any]]) -> Answer:
        """What the network says of the rows in `feeds`, an array for each input."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a network says of `n` rows.

    Attributes
    ----------
    scores
        (n, k), or (n,) of one score a row; None where it gives none.
    labels
        (n,) or (n, 1) predicted labels as the network names them; None where it gives none.
    """

    scores: NDArray[Any] | None
    labels: NDArray[Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a file says of its network.

    Attributes
    ----------
    kind
        what it is, for the report: "ONNX graph".
    classes
        (n_classes,) labels in the order of its scores.
    ending
        its last operation.
    has_scores
        False where it gives labels alone.
    packages
        what reads the file and answers, whose versions a report names.
    remarks
        sentences for the report on how it was read.
    """

    kind: str
    classes: NDArray[Any]
    ending: Ending
    has_scores: bool
    packages: tuple[str, ...]
    remarks: tuple[str, ...] = ()


class NetworkTarget:
    """The `TableTarget` behind networks and other graphs of which nothing is known but their answers.

    Parameters
    ----------
    engine
        answers for the network.
    entries
        its inputs.
    facts
        what the file says of it.

    Attributes
    ----------
    head
        how its scores become probabilities; None until `reading_scores` has seen many of them, and then
        for each question anew.
    """

    form = None
    estimator = None
    recipe = None

    def __init__(self, engine: Engine, entries: Entries, facts: Facts) -> None:
        self._engine = engine
        self._entries = entries
        self._facts = facts
        self.head: Head | None = None
        self.classes = facts.classes
        self.has_probabilities = facts.has_scores
        self.remarks = facts.remarks
        self.queries = 0
        self._positions = {label: position for position, label in enumerate(facts.classes.tolist())}

    @property
    def gives(self) -> Gives:
        """What callers see of the model's answers."""
        return "probabilities" if self.has_probabilities else "labels"

    @property
    def type_name(self) -> str:
        """What the model is, such as "ONNX graph"."""
        return self._facts.kind

    @property
    def packages(self) -> tuple[str, ...]:
        """What reads the file and answers for the model."""
        return self._facts.packages

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Columns that have an input of their own, in the model's order; None where they have none."""
        return self._entries.feature_names

    @property
    def n_features(self) -> int | None:
        """Number of input columns; None where the model does not say."""
        return self._entries.n_features

    def input_columns(self, n_columns: int) -> InputColumns:
        """What the model knows of the columns that it takes: numbers, whole numbers or text."""
        return self._entries.input_columns(n_columns)

    def as_input(self, frame: pd.DataFrame) -> pd.DataFrame | NDArray[Any]:
        """The rows in the model's order of columns; parameters, and errors raised, as in `TableTarget`."""
        return self._entries.as_input(frame)

    def reading_scores(self, x: Any, y: IntArray) -> NetworkTarget:  # noqa: ARG002 -- as in the protocol
        """The target with its scores told for what they are, from the answers about these records.

        Where the largest score is mostly not that of the predicted label, the scores are none of the
        classes, and the target gives labels alone.

        Raises
        ------
        UnsupportedModel
            as `probabilities`; `classes_unknown` where its scores belong to no known classes.
        """
        if not self.has_probabilities or self.head is not None:
            return self
        scores, labels = self._asked(x)
        reading = copy(self)
        if labels is not None and (
            not self._fits_classes(scores) or _agreement(scores, labels) < _LEAST_AGREEMENT
        ):
            reading.has_probabilities = False
            reading.remarks = (
                *self.remarks,
                "The model's scores do not belong to its classes one by one; its labels alone are attacked.",
            )
            return reading
        reading.head = Head.of(self._checked(scores), self._facts.ending)
        if reading.head.remark:
            reading.remarks = (*self.remarks, reading.head.remark)
        return reading

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) class probabilities for (n, n_features) rows.

        Raises
        ------
        UnsupportedModel
            `labels_only`; `prediction_failed` when the model cannot take the rows, or answers empty cells
            with NaN; `outputs_not_finite`, `not_probabilities` and `not_a_classifier` for other answers.
        """
        if not self.has_probabilities:
            raise UnsupportedModel(
                "labels_only",
                f"The {self.type_name} gives labels, not probabilities.",
                hint="Use attacks that see labels only, or export the model with its class scores.",
            )
        if not len(x):
            return np.empty((0, len(self.classes)))
        return self._as_probabilities(self._asked(x)[0])

    def labels(self, x: Any) -> IntArray:
        """(n,) positions in `classes` of the predicted labels, for (n, n_features) rows.

        Raises
        ------
        UnsupportedModel
            as `probabilities`; `classes_unknown` for a label that is none of the model's.
        """
        if not len(x):
            return np.empty(0, dtype=np.int64)
        scores, labels = self._asked(x)
        if labels is not None:
            return labels
        return np.asarray(self._as_probabilities(scores).argmax(axis=1), dtype=np.int64)

    def _as_probabilities(self, scores: FloatArray) -> FloatArray:
        scores = self._checked(scores)
        head = Head.of(scores, self._facts.ending) if self.head is None else self.head
        return head.probabilities(scores)

    def _asked(self, x: Any) -> tuple[FloatArray, IntArray | None]:
        """(n, k) scores, k = 0 where there are none, and the positions of labels where there are such."""
        scores, labels = [], []
        at_once = min(CHUNK_ROWS, max(CHUNK_NUMBERS // max(x.shape[1], 1), 1))
        for rows in _parts(x, self._engine.batch or at_once):
            self.queries += len(rows)
            answer = self._answer(rows)
            if answer.scores is not None:
                found = _as_scores(answer.scores, len(rows))
                if np.isnan(found).any():
                    _refuse_nan(rows)
                scores.append(found)
            if answer.labels is not None:
                labels.append(self._positions_of(answer.labels, len(rows)))
        together = np.concatenate(scores) if scores else np.empty((len(x), 0))
        return together, np.concatenate(labels) if labels else None

    def _answer(self, rows: Any) -> Answer:
        feeds = self._entries.arranged(rows)
        batch = self._engine.batch or len(rows)
        if len(rows) < batch:  # filled up to the number that the network takes, and cut again
            last = np.minimum(np.arange(batch), len(rows) - 1)
            feeds = {name: values[last] for name, values in feeds.items()}
        try:
            answer = self._engine.answers(feeds)
        except LeakgaugeError:
            raise
        except Exception as error:  # engines raise classes that share no base
            raise prediction_failed(error, hint=_AS_EXPORTED) from error
        return Answer(_cut(answer.scores, batch, len(rows)), _cut(answer.labels, batch, len(rows)))

    def _positions_of(self, labels: NDArray[Any], rows: int) -> IntArray:
        if labels.size != rows:
            raise not_a_classifier()
        try:
            return np.array([self._positions[label] for label in labels.ravel().tolist()], dtype=np.int64)
        except (KeyError, TypeError) as error:
            raise UnsupportedModel(
                "classes_unknown",
                "The model predicts a label that is none of its classes, which "
                f"are {', '.join(map(str, self.classes[:10].tolist()))}.",
                hint="Export it with its classes: skl2onnx writes them into ZipMap.",
            ) from error

    def _fits_classes(self, scores: FloatArray) -> bool:
        return scores.shape[1] == len(self.classes) or (scores.shape[1] == 1 and len(self.classes) == 2)

    def _checked(self, scores: FloatArray) -> FloatArray:
        if not self._fits_classes(scores):
            raise not_a_classifier()
        if not np.isfinite(scores).all():
            raise _not_finite()
        return scores


def number_of_classes(engine: Engine, entries: Entries) -> int:
    """How many classes a network gives scores for, asked about rows of zeros.

    Raises
    ------
    UnsupportedModel
        `not_a_classifier`, `input_shape_unknown`, `model_does_not_run`.
    """
    rows = engine.batch or 2
    try:
        answer = engine.answers(entries.zeros(rows))
    except LeakgaugeError:
        raise
    except Exception as error:  # engines raise classes that share no base
        raise UnsupportedModel(
            "model_does_not_run",
            "The model does not say how many classes it knows, and fails on a row of zeros.",
            hint="Export it with an output of shape (rows, classes), the number of classes stated.",
        ) from error
    if answer.scores is None:
        raise not_a_classifier()
    return check_classes(max(_as_scores(answer.scores, rows).shape[1], 2))


def check_classes(number: int) -> int:
    """The number of classes.

    Raises
    ------
    LimitExceeded
        `too_many_classes`.
    """
    if number > MAX_CLASSES:
        raise LimitExceeded(
            "too_many_classes",
            f"The model has more than {MAX_CLASSES:,} classes.",
            hint="Audit a model with fewer classes.",
        )
    return number


def not_a_classifier() -> UnsupportedModel:
    """The error for answers that are no row of class scores for each record."""
    return UnsupportedModel(
        "not_a_classifier",
        "The model does not give one row of class scores, one score for each class, per record.",
        hint="Export the classifier itself, with one output of shape (rows, classes).",
    )


def _cut(part: NDArray[Any] | None, asked: int, rows: int) -> NDArray[Any] | None:
    """The answers about the first rows of those that were asked about."""
    if part is not None and (not part.ndim or len(part) != asked):
        raise not_a_classifier()
    return part if part is None else part[:rows]


def _parts(x: Any, rows: int) -> Iterator[Any]:
    for start in range(0, len(x), rows):
        yield x.iloc[start : start + rows] if isinstance(x, pd.DataFrame) else x[start : start + rows]


def _as_scores(scores: NDArray[Any], rows: int) -> FloatArray:
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or len(scores) != rows or not scores.shape[1] or scores.dtype.kind not in "fiu":
        raise not_a_classifier()
    return scores.astype(np.float64)


def _agreement(scores: FloatArray, labels: IntArray) -> float:
    """How often the largest score is that of the predicted label; of a single score nothing is known."""
    return 1.0 if scores.shape[1] == 1 else float((scores.argmax(axis=1) == labels).mean())


def _refuse_nan(rows: Any) -> None:
    """Answers that are no number: for rows with empty cells that is what they are answered with."""
    if pd.DataFrame(rows).isna().to_numpy().any():
        raise UnsupportedModel(
            "prediction_failed",
            "The model answers rows with missing values with what is no number.",
            hint="Fill them in as in training, or export the model with the step that does.",
        )
    raise _not_finite()


def _not_finite() -> UnsupportedModel:
    return UnsupportedModel(
        "outputs_not_finite",
        "The model answers with values that are not finite.",
        hint="Check its weights for NaN, and that the columns are scaled as in training.",
    )
