"""Any target behind output defences."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.defences.output.protocol import OutputDefence
from leakgauge.errors import UnsupportedModel
from leakgauge.targets.protocol import AnswerForm, FloatArray, Gives, IntArray, ModelTarget


@dataclass(frozen=True, slots=True)
class Setting:
    """A defence at a strength; 0 where it has none to set."""

    defence: OutputDefence
    strength: float = 0.0

    def __str__(self) -> str:
        """As a user writes it: `rounding=2`."""
        return (
            self.defence.name if self.defence.strength is None else f"{self.defence.name}={self.strength:g}"
        )

    @property
    def title(self) -> str:
        """As a reader reads it: `Rounded probabilities (2 decimals)`."""
        strength = self.defence.strength
        return (
            self.defence.title
            if strength is None
            else f"{self.defence.title} ({self.strength:g} {strength.unit})"
        )


class DefendedTarget:
    """A target whose answers pass through defences, in their order, before anybody sees them.

    `queries` counts what came through here. `estimator` is the target's own, if it has one to show:
    whoever holds the model file is not stopped by what happens to its answers. Decision scores become
    probabilities, by the softmax that `form` names, before a defence changes them. Labels are the model's
    own where every defence keeps them, else those of the changed answers, which is what a caller
    would take them for.
    """

    def __init__(self, target: ModelTarget, settings: Sequence[Setting]) -> None:
        self._target = target
        self._settings = tuple(settings)
        self.classes: NDArray[Any] = target.classes
        self.queries = 0
        self._counting = threading.Lock()
        self.estimator: Any = target.estimator
        self.recipe: Any = target.recipe
        self.form: AnswerForm | None = target.form
        self.type_name = target.type_name
        self.packages = target.packages
        self.has_probabilities = target.has_probabilities and all(
            setting.defence.gives == "probabilities" for setting in self._settings
        )

    @property
    def gives(self) -> Gives:
        """What callers see: a defence makes probabilities of decision scores."""
        return "probabilities" if self.has_probabilities else "labels"

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) changed probabilities, rows sum to 1.

        Raises
        ------
        UnsupportedModel
            `labels_only` behind a defence that lets none through; and whatever the target raises.
        """
        if not self.has_probabilities:
            raise UnsupportedModel(
                "labels_only",
                "The model, as it is defended, gives labels and no probabilities.",
                hint="Use attacks that see labels only.",
            )
        self._count(len(x))
        return changed(self._target.probabilities(x), x, self._settings)

    def labels(self, x: Any) -> IntArray:
        """(n,) positions in `classes` of the labels that callers see."""
        self._count(len(x))
        given = [setting for setting in self._settings if setting.defence.gives == "probabilities"]
        if all(setting.defence.keeps_labels for setting in given) or not self._target.has_probabilities:
            return self._target.labels(x)
        return np.asarray(changed(self._target.probabilities(x), x, given).argmax(axis=1), dtype=np.int64)

    def _count(self, n: int) -> None:
        with self._counting:  # several threads may ask at the same time
            self.queries += n


def changed(answers: FloatArray, queries: Any, settings: Sequence[Setting]) -> FloatArray:
    """(n, n_classes) answers to `n` queries as they come out behind the defences.

    Raises
    ------
    UnsupportedModel
        `labels_only` behind a defence that lets no probabilities through.
    """
    for setting in settings:
        answers = setting.defence.change(answers, strength=setting.strength, queries=queries)
    return answers


def not_undone(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """What is left of the defences to an attacker who knows them and undoes what can be undone.

    A defence can be undone when nothing stands between it and the attacker that cannot.
    """
    left = list(settings)
    while left and left[-1].defence.invertible:
        left.pop()
    return tuple(left)
