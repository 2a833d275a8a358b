"""A classifier of table rows as a black box: columns go in by name or by order, probabilities come out."""

from __future__ import annotations

from copy import copy
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import LimitExceeded, UnsupportedModel
from leakgauge.targets.protocol import FloatArray, Gives, IntArray
from leakgauge.targets.tables.heads import Head
from leakgauge.targets.tables.inputs import Entries
from leakgauge.targets.tables.network import (
    Engine,
    Facts,
    Network,
    as_scores,
    not_a_classifier,
    not_finite,
    refuse_nan,
)
from leakgauge.targets.tables.regressor import NetworkRegressor

MAX_CLASSES: Final = 10_000
_LEAST_AGREEMENT: Final = 0.5
"""How often the largest score must be that of the predicted label."""


class NetworkTarget(Network):
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

    def __init__(self, engine: Engine, entries: Entries, facts: Facts) -> None:
        super().__init__(engine, entries, facts)
        self.head: Head | None = None
        self.classes = facts.classes
        self.has_probabilities = facts.has_scores
        self._positions = {label: position for position, label in enumerate(facts.classes.tolist())}

    @property
    def gives(self) -> Gives:
        """What callers see of the model's answers."""
        return "probabilities" if self.has_probabilities else "labels"

    def predicting_numbers(self) -> NetworkRegressor | None:
        """The network as a regressor, where its one number may be the label itself."""
        if not self._facts.may_be_number:
            return None
        return NetworkRegressor(self._engine, self._entries, self._facts)

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
        scores, labels = self._scores_and_labels(x)
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
        return self._as_probabilities(self._scores_and_labels(x)[0])

    def labels(self, x: Any) -> IntArray:
        """(n,) positions in `classes` of the predicted labels, for (n, n_features) rows.

        Raises
        ------
        UnsupportedModel
            as `probabilities`; `classes_unknown` for a label that is none of the model's.
        """
        if not len(x):
            return np.empty(0, dtype=np.int64)
        scores, labels = self._scores_and_labels(x)
        if labels is not None:
            return labels
        return np.asarray(self._as_probabilities(scores).argmax(axis=1), dtype=np.int64)

    def _as_probabilities(self, scores: FloatArray) -> FloatArray:
        scores = self._checked(scores)
        head = Head.of(scores, self._facts.ending) if self.head is None else self.head
        return head.probabilities(scores)

    def _scores_and_labels(self, x: Any) -> tuple[FloatArray, IntArray | None]:
        """(n, k) scores, k = 0 where there are none, and the positions of labels where there are such."""
        scores, labels = [], []
        for rows, answer in self._asked(x):
            if answer.scores is not None:
                found = as_scores(answer.scores, len(rows))
                if np.isnan(found).any():
                    refuse_nan(rows)
                scores.append(found)
            if answer.labels is not None:
                labels.append(self._positions_of(answer.labels, len(rows)))
        together = np.concatenate(scores) if scores else np.empty((len(x), 0))
        return together, np.concatenate(labels) if labels else None

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
            raise not_finite()
        return scores


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


def _agreement(scores: FloatArray, labels: IntArray) -> float:
    """How often the largest score is that of the predicted label; of a single score nothing is known."""
    return 1.0 if scores.shape[1] == 1 else float((scores.argmax(axis=1) == labels).mean())
