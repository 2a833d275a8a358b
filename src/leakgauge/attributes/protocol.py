"""What an attack on attributes is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Protocol

import numpy as np

from leakgauge.attacks.row import Row, Unsuited
from leakgauge.attributes.records import Records, Sensitive, stacked, taken
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray, Target

LEAST_PROBABILITY = 0.01
"""Below which probabilities are not told apart: a forest of a hundred trees gives no smaller one but 0."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which of `k` values each of `n` records has, and all that an attacker can learn about it.

    Attributes
    ----------
    labels
        (n, k) positions of the labels that the model predicts for each record with each value.
    probabilities
        (n, k, n_classes) likewise; None where it gives labels alone.
    given
        (n, n_classes) what it says of the record as it is: probabilities, or 1 for its label.
    imputed
        (n, k) probability of each value without the model.
    known
        (n, d) the other columns and the label as numbers.
    fold
        (n,) what is learned from other records is learned from those of other folds.
    estimator
        the fitted model, for attacks that see the model file; None for none.
    candidate
        the (n, n_features) rows as the target takes them, with one of the values in all of them.
    reference_p_y
        asks reference models, trained on other non-members than the record itself, for the (n, k)
        probability of its label; raises `Unsuited` where there are none.
    """

    target: Target
    records: Records
    column: Sensitive
    labels: IntArray
    probabilities: FloatArray | None
    given: FloatArray
    imputed: FloatArray
    known: FloatArray
    fold: IntArray
    estimator: Any
    candidate: Callable[[int], Any]
    reference_p_y: Callable[[Progress], FloatArray]

    def candidates(self) -> tuple[Any, IntArray]:
        """(n · k, n_features) rows, each record with all its values in turn, and their labels."""
        n, values = self.labels.shape
        by_value = stacked([self.candidate(value) for value in range(values)])
        by_record = np.arange(n * values).reshape(values, n).T.ravel()
        return taken(by_value, by_record), np.repeat(self.records.y, values)

    @property
    def right(self) -> FloatArray:
        """(n, k) 1 where the model predicts the record's own label, else 0."""
        right: FloatArray = (self.labels == self.records.y[:, None]).astype(np.float64)
        return right

    @property
    def confidence(self) -> FloatArray:
        """(n, k) probability of the predicted label."""
        highest: FloatArray = self.checked_probabilities.max(axis=2)
        return highest

    @property
    def p_y(self) -> FloatArray:
        """(n, k) probability of the record's own label."""
        of_label: FloatArray = np.take_along_axis(
            self.checked_probabilities, self.records.y[:, None, None], axis=2
        )[:, :, 0]
        return of_label

    @property
    def checked_probabilities(self) -> FloatArray:
        """The probabilities, of a model that gives some.

        Raises
        ------
        Unsuited
            where it gives labels alone.
        """
        if self.probabilities is None:
            raise Unsuited("The model gives labels alone; this attack reads probabilities.")
        return self.probabilities


class Weigh(Protocol):
    """Finds evidence for each candidate value of each record."""

    def __call__(self, question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:
        """(n, k) or (n, k, f) evidence, higher = more likely the record's value.

        All of a record is NaN where it was not asked about, and it then is in no figure.

        Nothing of a record's own truth may enter its evidence, nor whether it is a member.

        Raises
        ------
        Unsuited
            when the attack cannot be run on this target, with the reason.
        """


@dataclass(frozen=True, slots=True)
class Attack(Row):
    """A row of the table of attacks on attributes.

    Attributes
    ----------
    weigh
        the attack.
    sees_given
        whether the attacker also sees what the model answered about the record as it is. That tells the
        value of anybody, and is no figure of the verdict.
    decides
        whether the highest evidence is an answer of its own, as in the papers that combine it with no
        imputation.
    """

    weigh: Weigh
    _: KW_ONLY
    sees_given: bool = False
    decides: bool = True

    def seen_on(self, gives: str) -> Attack:
        """The row as it is on a target: of models without probabilities it sees scores."""
        if self.threat_model == "probabilities" and gives == "scores":
            return replace(self, threat_model="scores")
        return self
