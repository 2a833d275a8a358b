"""What reference models answer, kept as it comes in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leakgauge.membership.pool import ReferenceAnswers
from leakgauge.membership.refitting import Answers
from leakgauge.membership.training_sets import Design, TrainingSet, is_trained_on
from leakgauge.targets.protocol import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Collected:
    """The answers of models as they come in; of rounds that are not trained there are none."""

    design: Design
    p_y: FloatArray
    trained_on: BoolArray
    accuracies: list[float]

    @classmethod
    def of(cls, design: Design) -> Collected:
        """Room for the answers of all models of a design."""
        shape = (design.places * len(design.rounds), design.scored)
        return cls(design, np.zeros(shape), np.zeros(shape, dtype=np.bool_), [])

    def add(self, training_set: TrainingSet, answers: Answers) -> None:
        """Keep what the model of a training set answered."""
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
