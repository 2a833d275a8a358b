"""A network that predicts one number for each row of a table."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from leakgauge.targets.probabilities import checked_numbers, numbers_alone
from leakgauge.targets.protocol import FloatArray, Gives, IntArray
from leakgauge.targets.tables.inputs import Entries
from leakgauge.targets.tables.network import Engine, Facts, Network, refuse_nan


class NetworkRegressor(Network):
    """The `TableTarget` behind networks whose one number is the label itself; parameters as `Network`."""

    has_probabilities = False
    gives: Gives = "predictions"

    def __init__(self, engine: Engine, entries: Entries, facts: Facts) -> None:
        super().__init__(engine, entries, facts)
        self.classes = np.empty(0)

    def reading_scores(self, x: Any, y: IntArray) -> Self:  # noqa: ARG002 -- the protocol's signature
        """The target itself: its numbers are what they are."""
        return self

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

    def predictions(self, x: Any) -> FloatArray:
        """(n,) numbers that the network predicts for (n, n_features) rows.

        Raises
        ------
        UnsupportedModel
            `prediction_failed` when it cannot take the rows, or answers empty cells with NaN; `multi_output`
            for several numbers a row; `not_finite` for an infinite one, or one beyond `LARGEST_NUMBER`.
        """
        found = []
        for rows, answer in self._asked(x):
            numbers = np.asarray(answer.scores)
            if numbers.dtype.kind == "f" and np.isnan(numbers).any():
                refuse_nan(rows)
            found.append(checked_numbers(numbers, len(rows)))
        return np.concatenate(found) if found else np.empty(0)
