"""How alike two images are, and how much of that a target leaked.

Pearson correlation is the headline: it ignores brightness and contrast, which
the prior decides and not the target. SSIM is that of Wang et al. 2004 with a
uniform window of 7 × 7 pixels (the largest odd one that fits, for smaller
images), data range 1, averaged over channels. MSE and PSNR are on [0, 1].

No similarity is a verdict by itself: an all-black image reaches SSIM .49
against a handwritten digit. `leakage` is the share of the way from what is had
by chance to what would count as a full leak.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from skimage.metrics import structural_similarity

from leakgauge.images.image import Images
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.report.model import Similarity

LARGEST_WINDOW = 7
SAME_IMAGE = 0.995
"""Similarity (Pearson) from which an auxiliary image counts as the user's: JPEG and resizing leave more."""
NOISE_IMAGES = 200
NOISE_QUANTILE = 0.95


def similarity(reconstruction: Images, original: Images) -> Similarity:
    """Similarity of two (height, width, channels) images in [0, 1]."""
    mse = float(np.square(reconstruction.astype(np.float64) - original.astype(np.float64)).mean())
    return Similarity(
        pearson=pearson(reconstruction, original),
        ssim=ssim(reconstruction, original),
        mse=mse,
        psnr=float(-10.0 * np.log10(mse)) if mse > 0 else None,
    )


def pearson(first: Images, second: Images) -> float:
    """Correlation of all pixels and channels; 0 where one image is constant."""
    a = first.astype(np.float64).ravel()
    b = second.astype(np.float64).ravel()
    a, b = a - a.mean(), b - b.mean()
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    # what floating point leaves of a constant image is no contrast
    return float(np.clip(a @ b / lengths, -1.0, 1.0)) if lengths > 1e-9 * a.size else 0.0


def ssim(first: Images, second: Images) -> float:
    """Mean structural similarity; see the module for window and range."""
    side = min(LARGEST_WINDOW, *first.shape[:2])
    return float(
        structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image ships no types for it
            first.astype(np.float64),
            second.astype(np.float64),
            win_size=side if side % 2 else side - 1,
            data_range=1.0,
            channel_axis=2,
        )
    )


@dataclass(frozen=True, slots=True)
class Chance:
    """The best similarity (Pearson) to be had without learning the class from the target, and by what."""

    level: float
    source: str


def chance(
    original: Images,
    *,
    start: Images,
    others: Mapping[int, Images],
    noise_level: float,
    stranger: float | None = None,
) -> Chance:
    """What guessing reaches.

    Parameters
    ----------
    original
        the user's image.
    start
        where the attack started.
    others
        reconstructions of other classes, by class.
    noise_level
        what `smooth_noise_level` found.
    stranger
        what `most_similar_stranger` found; None where the attacker has no images.
    """
    # every constant image, the best one included, has a correlation of 0
    found = [
        Chance(0.0, "a constant image"),
        Chance(pearson(start, original), "the image that the attack starts from"),
        Chance(noise_level, "smooth noise of the same contrast"),
        *([] if stranger is None else [Chance(stranger, "the most similar auxiliary image")]),
        *(
            Chance(pearson(reconstruction, original), f"the reconstruction of class {other}")
            for other, reconstruction in others.items()
        ),
    ]
    return max(found, key=lambda one: one.level)


def most_similar_stranger(original: Images, auxiliary: Sequence[Images]) -> float | None:
    """Similarity of the auxiliary image most like the user's, leaving out those that are the same image.

    An attacker who has such images has this one without asking, though not the knowledge which it is.
    None where no image is left.
    """
    found = [pearson(image, original) for image in auxiliary]
    strangers = [similarity for similarity in found if similarity < SAME_IMAGE]
    return max(strangers, default=None)


def smooth_noise_level(
    reconstruction: Images, original: Images, space: SearchSpace, *, rng: np.random.Generator
) -> float:
    """Similarity that 1 in 20 random images of the space reach with the same mean and contrast."""
    noise = space.offsets(rng.standard_normal((NOISE_IMAGES, space.dimensions)))
    noise /= np.maximum(noise.std(axis=(1, 2, 3), keepdims=True), 1e-12)
    images = np.clip(noise * reconstruction.std() + reconstruction.mean(), 0.0, 1.0)
    return float(np.quantile([pearson(image, original) for image in images], NOISE_QUANTILE))


def leakage(similarity: float, chance_level: float, ceiling: float) -> float:
    """(similarity − chance) / (ceiling − chance), clipped to 0..1; 0 where chance reaches the ceiling."""
    if ceiling <= chance_level:
        return 0.0
    return float(np.clip((similarity - chance_level) / (ceiling - chance_level), 0.0, 1.0))


def ssim_chance(original: Images, *, start: Images, others: Sequence[Images]) -> float:
    """The best SSIM that is had without the class: of plain images, the start, reconstructions of others."""
    plain = [np.full_like(original, level) for level in (0.0, 0.5, 1.0, float(original.mean()))]
    return max(ssim(image, original) for image in (*plain, start, *others))
