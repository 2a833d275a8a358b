"""A network that answers about rows of tables: its inputs, its engine, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.errors import LeakgaugeError, UnsupportedModel
from leakgauge.targets.input_columns import InputColumns
from leakgauge.targets.probabilities import prediction_failed
from leakgauge.targets.protocol import FloatArray
from leakgauge.targets.tables.heads import Ending
from leakgauge.targets.tables.inputs import Entries

CHUNK_ROWS: Final = 4_096
"""Rows that a network is asked for at once at most, which bounds the memory of its answer."""
CHUNK_NUMBERS: Final = 16_000_000
"""Numbers that they may hold together."""
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
    may_be_number
        whether it gives one number a row and names no classes, so that the number may be a label itself.
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
    may_be_number: bool = False
    remarks: tuple[str, ...] = ()


class Network:
    """What is known of a network of tables whatever its answers mean, and how it is asked.

    Parameters
    ----------
    engine
        answers for the network.
    entries
        its inputs.
    facts
        what the file says of it.
    """

    form = None
    estimator = None
    recipe = None

    def __init__(self, engine: Engine, entries: Entries, facts: Facts) -> None:
        self._engine = engine
        self._entries = entries
        self._facts = facts
        self.remarks = facts.remarks
        self.queries = 0

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

    def _asked(self, x: Any) -> Iterator[tuple[Any, Answer]]:
        """Rows, as many as are asked about at once, and what the network says of them."""
        at_once = min(CHUNK_ROWS, max(CHUNK_NUMBERS // max(x.shape[1], 1), 1))
        for rows in _parts(x, self._engine.batch or at_once):
            self.queries += len(rows)
            yield rows, self._answer(rows)

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


def number_of_scores(engine: Engine, entries: Entries) -> int:
    """How many numbers a network gives for each row, asked about rows of zeros.

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
    return int(as_scores(answer.scores, rows).shape[1])


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


def as_scores(scores: NDArray[Any], rows: int) -> FloatArray:
    """(n, k) scores of an answer about `rows` records; error as `not_a_classifier`."""
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or len(scores) != rows or not scores.shape[1] or scores.dtype.kind not in "fiu":
        raise not_a_classifier()
    return scores.astype(np.float64)


def refuse_nan(rows: Any) -> None:
    """Answers that are no number: for rows with empty cells that is what they are answered with."""
    if pd.DataFrame(rows).isna().to_numpy().any():
        raise UnsupportedModel(
            "prediction_failed",
            "The model answers rows with missing values with what is no number.",
            hint="Fill them in as in training, or export the model with the step that does.",
        )
    raise not_finite()


def not_finite() -> UnsupportedModel:
    """The error for answers that are infinite, or no number."""
    return UnsupportedModel(
        "outputs_not_finite",
        "The model answers with values that are not finite.",
        hint="Check its weights for NaN, and that the columns are scaled as in training.",
    )
