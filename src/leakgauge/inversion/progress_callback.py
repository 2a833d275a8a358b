"""Progress of a reconstruction, seen from where the model stands: by the queries it is sent.

An attack gives its images back when it is done. What it is reconstructing shows earlier in what it
asks about: the mean of a batch of questions around an image is, noise averaged out, the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.images.image import Images
from leakgauge.inversion.objective import log_odds
from leakgauge.inversion.protocol import Attack, AttackSettings, Reconstructed
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray, Target

PREVIEWS = 40
"""How often a reconstruction is looked at, about evenly over its queries."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A reconstruction under way.

    Attributes
    ----------
    image
        (height, width, channels), the mean of the questions since the last preview.
    loss
        the attack's loss (penalty less log odds), as in `protocol.CurvePoint`; None where the
        attack asks for labels, which have none.
    with_prior
        whether the attack searches among images like the attacker's own.
    """

    attack: str
    queries: int
    image: Images
    loss: float | None
    with_prior: bool = False


ProgressCallback: TypeAlias = Callable[[Preview], None]


def with_callback(attack: Attack, observed_class: int, callback: ProgressCallback) -> Attack:
    """The same attack, reconstructing the same images, with `callback` told of those of one class."""

    def reconstruct(
        target: Target,
        target_class: int,
        *,
        budget: int,
        rng: np.random.Generator,
        progress: Progress,
        settings: AttackSettings,
    ) -> Reconstructed:
        asked = (
            _ObservedTarget(
                target, target_class, settings, attack.name, callback, every=max(1, budget // PREVIEWS)
            )
            if target_class == observed_class
            else target
        )
        return attack.reconstruct(
            asked, target_class, budget=budget, rng=rng, progress=progress, settings=settings
        )

    return replace(attack, reconstruct=reconstruct)


class _ObservedTarget:
    """A target that tells of the questions it is asked, and answers as before."""

    def __init__(
        self,
        target: Target,
        target_class: int,
        settings: AttackSettings,
        attack: str,
        callback: ProgressCallback,
        *,
        every: int,
    ) -> None:
        self._target = target
        self._class = target_class
        self._settings = settings
        self._attack = attack
        self._callback = callback
        self._every = every
        self._next = 1
        self._sum: FloatArray | None = None
        self._count = 0
        self.classes: NDArray[Any] = target.classes
        self.has_probabilities = target.has_probabilities
        self.queries = 0

    def probabilities(self, x: Any) -> FloatArray:
        """As the target's own."""
        answers = self._target.probabilities(x)
        images = np.asarray(x, dtype=np.float32)
        if self._due(images):
            odds = log_odds(answers, self._class, self._settings.floor, self._settings.temperature)
            self._tell(float((self._settings.prior.penalty(images) - odds).mean()))
        return answers

    def labels(self, x: Any) -> IntArray:
        """As the target's own."""
        answers = self._target.labels(x)
        if self._due(np.asarray(x, dtype=np.float32)):
            self._tell(None)
        return answers

    def _due(self, images: NDArray[np.float32]) -> bool:
        total = images.sum(axis=0, dtype=np.float64)
        self._sum = total if self._sum is None else self._sum + total
        self._count += len(images)
        self.queries += len(images)
        return self.queries >= self._next

    def _tell(self, loss: float | None) -> None:
        assert self._sum is not None  # noqa: S101 -- narrows the type: something has been asked
        image = (self._sum / self._count).astype(np.float32)
        with_prior = self._settings.auxiliary is not None
        self._callback(Preview(self._attack, self.queries, image, loss, with_prior))
        self._next = self.queries + self._every
        self._sum, self._count = None, 0
