"""A table of answers as a target: what a model said of some records, without the model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.probabilities import numbers_alone
from leakgauge.targets.protocol import FloatArray, Gives, IntArray


class AnswersTarget:
    """Gives back the answers that it is asked about.

    Its input rows are the answers themselves: (n, 1 + n_classes) numbers, the position of the predicted
    label and the probabilities, or (n, 1) of models that give labels alone. So it answers about the
    records of its tables and about no others.

    Parameters
    ----------
    classes
        (n_classes,) the labels.
    has_probabilities
        whether rows hold more than the predicted label.
    """

    type_name = "Table of answers"
    packages: tuple[str, ...] = ()
    estimator = None
    recipe = None
    form = None

    def __init__(self, classes: NDArray[Any], *, has_probabilities: bool) -> None:
        self.classes = classes
        self.has_probabilities = has_probabilities
        self.queries = 0

    @property
    def gives(self) -> Gives:
        """What the table holds."""
        return "probabilities" if self.has_probabilities else "labels"

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) the probabilities in `n` rows.

        Raises
        ------
        UnsupportedModel
            `labels_only`.
        """
        if not self.has_probabilities:
            raise UnsupportedModel(
                "labels_only",
                "The table holds predicted labels, no probabilities.",
                hint="Use attacks that see labels only, or add one column of probabilities for each class.",
            )
        self.queries += len(x)
        return np.asarray(x[:, 1:], dtype=np.float64)

    def labels(self, x: Any) -> IntArray:
        """(n,) positions in `classes` of the predicted labels in `n` rows."""
        self.queries += len(x)
        return np.asarray(x[:, 0], dtype=np.int64)


class PredictionsTarget:
    """Gives back the predicted numbers that it is asked about: (n, 1) input rows hold one each."""

    type_name = "Table of answers"
    packages: tuple[str, ...] = ()
    estimator = None
    recipe = None
    form = None
    has_probabilities = False
    gives: Gives = "predictions"

    def __init__(self) -> None:
        self.classes = np.empty(0)
        self.queries = 0

    def predictions(self, x: Any) -> FloatArray:
        """(n,) the numbers in `n` rows."""
        self.queries += len(x)
        return np.asarray(x[:, 0], dtype=np.float64)

    def probabilities(self, x: Any) -> FloatArray:  # noqa: ARG002 -- as in the protocol
        """Never an answer.

        Raises
        ------
        UnsupportedModel
            `labels_only`.
        """
        raise numbers_alone()

    def labels(self, x: Any) -> IntArray:  # noqa: ARG002 -- as in the protocol
        """Never an answer; errors as `probabilities`."""
        raise numbers_alone()
