"""High-contrast queries, for a target that reads nothing else.

The spaces that are searched hold smooth images, and some networks hardly read
those. Of three residual networks that no reported figure comes from, accuracy on
real digits fell from .98, .95 and .88 to .47, .15 and .65 once the waves above the
cut-off had been taken out of them, and was .92, .63 and .71 when the brightness of
what was left had been pushed to either end, so that the same strokes had edges.
Without them a search ends in a texture that such a target happens to recognise.

So an attacker asks random images first. Where they get many more labels with
high contrast than without, every query of the search is made high-contrast;
the attacks go on in smooth images and do not know.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import entropy

from leakgauge.images.image import Images
from leakgauge.inversion.priors.low_frequencies import coarse_images
from leakgauge.targets.protocol import FloatArray, IntArray, Target

STEEPNESS: Final = 40.0
"""Of the curve that puts an edge at mid brightness. On two of those networks 20 did as well, 10 worse."""
ASKED: Final = 200
NEARLY_BLIND: Final = 1 / 3
"""Entropy of the labels of smooth images over that of the same in high contrast, below which a target is
taken to need it: 0 to .31 for five residual networks, .64 and more for two others, .77 and more for six
plain networks on three kinds of image, .43 and more for 50 that nothing was ever taught."""


def as_queried(target: Target, *, high_contrast: bool) -> Target:
    """The target as an attack is to ask it."""
    return HighContrastTarget(target) if high_contrast else target


class HighContrastTarget:
    """A target that is asked about every image in high contrast."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.classes: NDArray[Any] = target.classes
        self.has_probabilities = target.has_probabilities

    @property
    def queries(self) -> int:
        """As the target's own."""
        return self._target.queries

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) answers to the images in high contrast."""
        return self._target.probabilities(in_high_contrast(x))

    def labels(self, x: Any) -> IntArray:
        """(n,) labels of the images in high contrast."""
        return self._target.labels(in_high_contrast(x))


def images_as_queried(images: Images, *, high_contrast: bool) -> Images:
    """The images as such a target was asked about them."""
    return in_high_contrast(images) if high_contrast else images


def in_high_contrast(images: Images) -> Images:
    """The images with brightness x in [0, 1] pushed to 1 / (1 + exp(−40 (x − ½)))."""
    return np.asarray(expit(np.float32(STEEPNESS) * (images - np.float32(0.5))), dtype=np.float32)


def needs_high_contrast(target: Target, shape: tuple[int, int, int], *, rng: np.random.Generator) -> bool:
    """Whether the target tells random images apart in high contrast, and hardly without.

    Parameters
    ----------
    shape
        (height, width, channels) of an image; 200 of them are asked about twice.
    """
    smooth = coarse_images(np.full(shape, 0.5, dtype=np.float32), ASKED, rng=rng)

    def spread_of_answers(images: Images) -> float:
        return float(entropy(np.bincount(target.labels(images), minlength=len(target.classes))))

    return spread_of_answers(smooth) < NEARLY_BLIND * spread_of_answers(in_high_contrast(smooth))
