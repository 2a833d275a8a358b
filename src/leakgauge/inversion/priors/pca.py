"""The PCA prior: what an attacker with images of the same kind knows before the first answer.

The first principal components of auxiliary images span a search space that
holds little but images of that kind (Turk & Pentland 1991), their mean is where
the search starts, and their standard deviations are what a step is measured in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import BadBundle
from leakgauge.inversion.objective import Penalty
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.targets.protocol import FloatArray

FAMILIARITY, HIGH_CONTRAST_FAMILIARITY = 0.1, 1.0
"""Weight of the distance from the auxiliary images' mean; 1 is that of a Gaussian prior. The latter where
queries are high-contrast: accuracy as prototypes, on two residual networks that no reported figure comes
from, is .32 and .39 with .1, .45 and .56 with 1, .49 and .51 with 3."""
MOST_COMPONENTS = 40
LEAST_IMAGES = 20
MOST_NUMBERS = 40_000_000
"""Pixels and channels of all images together from which components are taken."""
LEAST_SPREAD = 1e-3
"""Standard deviation below which a component is rounding, not a way in which images differ."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PcaPrior:
    """Principal components of auxiliary images.

    Attributes
    ----------
    space
        the images' mean as its start, and the directions in which they differ most, in that order.
    images
        how many images they were taken from.
    """

    space: SearchSpace
    images: int


@dataclass(frozen=True, slots=True)
class Familiar:
    """The penalty of a search without a prior, and w/2 |z − c|² for images unlike the auxiliary ones.

    With c = 0, |z| is the Mahalanobis distance from their mean: with w = 1 that term would be
    the logarithm of a Gaussian prior, and the reconstruction the likeliest image.

    Measured on three networks that no reported figure comes from, the attacked
    class left out: with digits of another collection for auxiliary images, put
    where the target's lie, accuracy as prototypes is .63, .71 and .65 without this
    term and with steps of one length for all components, and .66, .75 and .69 as
    it is; w = .3 on one of them reconstructed neither better nor worse. With the same digits
    stretched over the whole image it costs: .59 and .61 against .51 and .55.

    Attributes
    ----------
    space
        the auxiliary images' space.
    plain
        the penalty without it.
    weight
        w, in units of log odds.
    centre
        (dimensions,) c; None for the mean of the auxiliary images.
    """

    space: SearchSpace
    plain: Penalty
    weight: float = FAMILIARITY
    centre: FloatArray | None = None

    def penalty(self, images: NDArray[np.float32]) -> FloatArray:
        """(n,) penalties of (n, height, width, channels) images."""
        z = self._from_centre(images)
        return np.asarray(self.plain.penalty(images) + self.weight / 2 * np.square(z).sum(axis=1))

    def gradient(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, height, width, channels) gradient of the penalty with respect to every pixel."""
        z = self._from_centre(images)
        along = (self.weight * z / self.space.spread).astype(np.float32) @ self.space.axes
        return np.asarray(self.plain.gradient(images) + along.reshape(images.shape), dtype=np.float32)

    def _from_centre(self, images: NDArray[np.float32]) -> FloatArray:
        z = self.space.coefficients(images - self.space.start)
        return z if self.centre is None else z - self.centre


def evenly(items: Sequence[Item], *, most: int) -> Sequence[Item]:
    """At most so many items, taken at even distances."""
    if len(items) <= most:
        return items
    return [items[place] for place in np.linspace(0, len(items) - 1, max(most, 1)).astype(int)]


def principal_components(images: Sequence[NDArray[np.float32]]) -> PcaPrior:
    """The first principal components of (height, width, channels) images, at most 40.

    Raises
    ------
    BadBundle
        `auxiliary_too_few` for fewer than 20 images, `auxiliary_alike` where they hardly differ.
    """
    if len(images) < LEAST_IMAGES:
        raise BadBundle(
            "auxiliary_too_few",
            f"There are {len(images)} auxiliary images; a prior takes at least {LEAST_IMAGES}.",
            hint="Add images of the same kind as the training data, or leave out the auxiliary folder.",
        )
    stacked = np.stack(images)
    flat = stacked.reshape(len(stacked), -1)
    mean = flat.mean(axis=0, dtype=np.float64).astype(np.float32)
    # of n images with many more pixels: the eigenvectors of the small matrix of their products
    centred = flat - mean
    if len(centred) < centred.shape[1]:
        variances, mixtures = np.linalg.eigh((centred @ centred.T).astype(np.float64))
        axes = mixtures.T @ centred
    else:
        variances, columns = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        axes = columns.T
    order = np.argsort(variances)[::-1][: min(MOST_COMPONENTS, len(centred) - 1)]
    spread = np.sqrt(np.maximum(variances[order], 0.0) / (len(centred) - 1))
    order, spread = order[spread > LEAST_SPREAD], spread[spread > LEAST_SPREAD]
    if not len(order):
        raise BadBundle(
            "auxiliary_alike",
            "The auxiliary images are all the same.",
            hint="Give different images of the same kind as the training data.",
        )
    kept = axes[order]
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    # the sign of an eigenvector is the library's whim
    kept *= np.sign(kept[np.arange(len(kept)), np.abs(kept).argmax(axis=1)])[:, None]
    return PcaPrior(
        SearchSpace(mean.reshape(stacked.shape[1:]), kept.astype(np.float32), spread), len(stacked)
    )
