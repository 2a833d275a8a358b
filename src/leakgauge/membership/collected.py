"""The models of a design as they are handed out, and their answers as they come in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from leakgauge.membership.pool import ReferenceAnswers
from leakgauge.membership.refitting import Answers
from leakgauge.membership.trainers import Fit
from leakgauge.membership.training_sets import Design, TrainingSet, is_trained_on
from leakgauge.targets.protocol import BoolArray, FloatArray


def fits_of(design: Design, rng: np.random.Generator, *, change: str = "") -> list[Fit]:
    """The models of a design, round by round.

    Parameters
    ----------
    rng
        seeds them.
    change
        with which they are trained.
    """
    sets = list(chain.from_iterable(design.rounds))
    seeds = rng.integers(2**31, size=len(sets)).tolist()
    return [
        Fit(one.rows, one.queried, seed, design.what, change) for one, seed in zip(sets, seeds, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Collected:
    """The answers of models as they come in; of rounds that are not trained there are none.

    Attributes
    ----------
    p_y, trained_on
        as in `ReferenceAnswers`, of all rounds.
    accuracies
        of each model on the records that it was trained on, of those that were asked about such.
    """

    design: Design
    p_y: FloatArray
    trained_on: BoolArray
    accuracies: list[float]

    @classmethod
    def of(cls, design: Design) -> Collected:
        """Room for the answers of a design."""
        shape = (design.places * len(design.rounds), design.scored)
        return cls(design, np.zeros(shape), np.zeros(shape, dtype=np.bool_), [])

    def add(self, training_set: TrainingSet, answers: Answers) -> None:
        """Take what one model answered."""
        own = is_trained_on(training_set)
        self.p_y[training_set.place, training_set.queried] = answers.p_y
        self.trained_on[training_set.place, training_set.queried] = own
        if own.any():
            self.accuracies.append(float(answers.right[own].mean()))

    def of_rounds(self, rounds: int) -> ReferenceAnswers:
        """What the models of the first rounds answered."""
        kept = self.design.places * rounds
        return ReferenceAnswers(self.p_y[:kept], self.trained_on[:kept], self.design.places)

    def accuracy_of(self, rounds: int) -> float | None:
        """Their mean accuracy on records that each was trained on; None where none was asked about such."""
        kept = self.accuracies[: sum(map(len, self.design.rounds[:rounds]))]
        return float(np.mean(kept)) if kept else None
