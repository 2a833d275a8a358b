"""What an attack on class profiles is given, and what it gives.

An attack says which records stand for a class and how much each of them counts. The profile is their
weighted mean, and its interval comes from resampling the records; neither is left to the attack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd

from leakgauge.attacks.row import Row
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray, Target


@dataclass(frozen=True, slots=True)
class WeightedRecords:
    """Records that stand for a class.

    Attributes
    ----------
    frame
        (n, d) features in the types that the model knows; None for the auxiliary records themselves.
    weights
        (n,) how much each counts, none below 0.
    of_everybody
        (n,) how much each counts where they stand for everybody, None for all alike. What is made up is not
        quite like the auxiliary records; the difference of the two profiles is what is learned of the class.
    """

    frame: pd.DataFrame | None
    weights: FloatArray
    of_everybody: FloatArray | None = None


class Knowledge:
    """What the attacker has: records of his own, and the model to ask.

    The model is asked once about the auxiliary records, however many attacks and classes use the answers.

    Parameters
    ----------
    frame
        (n, d) auxiliary records, features in the types that the model knows.
    target
        the model, behind the output defences that were asked for.
    as_input
        makes of features what the model takes.
    """

    def __init__(self, frame: pd.DataFrame, target: Target, as_input: Callable[[pd.DataFrame], Any]) -> None:
        self.frame = frame
        self.target = target
        self._as_input = as_input

    def ask(self) -> None:
        """Ask about the auxiliary records now, so that what the model cannot take is found before attacks."""
        _ = self.labels
        if self.target.has_probabilities:
            _ = self.probabilities

    @cached_property
    def probabilities(self) -> FloatArray:
        """(n, n_classes) that the model gives to the auxiliary records."""
        return self.probabilities_of(self.frame)

    @cached_property
    def labels(self) -> IntArray:
        """(n,) that the model gives to the auxiliary records, as positions in its classes."""
        return self.labels_of(self.frame)

    def probabilities_of(self, frame: pd.DataFrame) -> FloatArray:
        """(n, n_classes) that the model gives to records of the attacker's making."""
        return self.target.probabilities(self._as_input(frame))

    def labels_of(self, frame: pd.DataFrame) -> IntArray:
        """(n,) that the model gives to records of the attacker's making, as positions in its classes."""
        return self.target.labels(self._as_input(frame))


class Profile(Protocol):
    """The function of an attack."""

    def __call__(
        self,
        knowledge: Knowledge,
        target_class: int,
        *,
        budget: int,
        rng: np.random.Generator,
        progress: Progress,
    ) -> WeightedRecords:
        """Records with weights by which they stand for the class.

        Parameters
        ----------
        target_class
            position in the model's classes.
        budget
            records that may be asked about, besides the auxiliary ones.

        Raises
        ------
        Unsuited
            where the attack cannot say anything about this class.
        """


@dataclass(frozen=True, slots=True)
class Attack(Row):
    """A row of the table of attacks on class profiles.

    Attributes
    ----------
    profile
        the attack itself.
    """

    profile: Profile
