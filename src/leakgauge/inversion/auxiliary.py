"""The look-up: what the target says of an attacker's own images, asked once.

Where images of the same kind are at hand, the cheapest thing to do is to show the target every
one of them. Those that it takes for somebody of the class are like the class: their mean,
weighted by the class's probability, is the expectation of an image of the class under a
prior of just these images. Some attacks are nothing else, and the others start from it.

The images are dealt to the seeds in turn, so that each seed reconstructs from images of its
own, and the interval over seeds says how much depends on which images an attacker happens to have.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from leakgauge.images.image import Images
from leakgauge.inversion.objective import log_odds
from leakgauge.inversion.priors.pca import evenly
from leakgauge.targets.protocol import FloatArray, Target

NO_IMAGES = (
    "It takes images of the same kind: put at least 20 into the folder auxiliary. A trained prior keeps "
    "their components alone."
)


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """Images of the attacker's own, and what the target has answered to them.

    The same images serve all classes, so that they are asked about once.

    Attributes
    ----------
    images
        (n, height, width, channels) of the same kind as the training data.
    """

    images: Images
    _answers: dict[tuple[int, bool], FloatArray] = field(default_factory=dict)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def chosen(self, most: int) -> Images:
        """At most so many of the images, at even distances."""
        return self.images[list(evenly(range(len(self.images)), most=most))]

    def probabilities(self, target: Target, most: int) -> FloatArray:
        """(n, n_classes) probabilities of `chosen`."""
        return self._answered(most, labels_only=False, ask=target.probabilities)

    def labels(self, target: Target, most: int) -> FloatArray:
        """(n, n_classes) 1 for the label of an image of `chosen`, 0 for the other classes."""
        return self._answered(
            most, labels_only=True, ask=lambda images: np.eye(len(target.classes))[target.labels(images)]
        )

    def _answered(self, most: int, *, labels_only: bool, ask: Callable[[Images], FloatArray]) -> FloatArray:
        key = (min(most, len(self.images)), labels_only)
        with self._asking:
            if key not in self._answers:
                self._answers[key] = ask(self.chosen(most))
            return self._answers[key]


def log_certainty(answers: FloatArray, target_class: int, *, floor: float, temperature: float) -> FloatArray:
    """(n,) logarithms of the class's probability in (n, n_classes) answers, read as `log_odds` reads them.

    Answers that a temperature has flattened are made as sure as they were. Sure answers are left as
    they are: brought to the usual scale, they told fewer of 20 faces apart.
    """
    odds = log_odds(answers, target_class, floor, min(temperature, 1.0))
    return np.asarray(-np.logaddexp(0.0, -odds))


def weighted_means(images: Images, weights: FloatArray, *, seeds: int) -> Images:
    """(seeds, height, width, channels) means of every seed's own images.

    Parameters
    ----------
    images, weights
        (n, height, width, channels) and (n,), at least one for each seed. Where a seed's images all
        weigh nothing, their plain mean stands in.
    """
    means = []
    for seed in range(seeds):
        own, weight = images[seed::seeds], weights[seed::seeds]
        shares = weight / weight.sum() if weight.sum() > 0 else np.full(len(own), 1 / len(own))
        means.append(np.tensordot(shares, own, axes=1))
    return np.asarray(means, dtype=np.float32)
