"""The look-up: the mean of an attacker's own images, each weighted by what the target says of it.

Every auxiliary image is asked about once. From probabilities the mean is weighted by the
probability of the class (importance sampling of the class's mean image, with the auxiliary images
for proposals), or the image with the highest one is taken. From labels it is the plain mean
of the images that bear the label. Nothing is searched, and what comes out is as sharp as the images
are aligned.

Measured on faces of 20 people, 20 other people's for auxiliary images: 200 queries gave a
correlation of .83 to .87 with a person's mean image, searches among the principal components of the
same images .54 to .66 with 3,000. `benchmarks/inversion_faces.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.inversion.auxiliary import NO_IMAGES, log_certainty, weighted_means
from leakgauge.inversion.protocol import AttackSettings, Frame, Reconstructed
from leakgauge.progress import Progress
from leakgauge.report.model import Notice
from leakgauge.targets.protocol import FloatArray, Target

Weigh: TypeAlias = Callable[[Target, int, int, AttackSettings], FloatArray]
"""(n,) weights of the first n images for the class, from what the target says of them."""


def _reconstruct(
    target: Target,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: AttackSettings,
    weigh: Weigh,
    alone: bool = False,
) -> Reconstructed:
    """Look the class up among the auxiliary images; see `protocol.Reconstruct`.

    Nothing in it is random. After as many iterations as pay for all images, frames repeat.

    Parameters
    ----------
    alone
        whether the image that weighs most is taken in place of a mean.
    """
    del rng
    if settings.auxiliary is None:
        raise Unsuited(NO_IMAGES)
    progress.report(f"looking class {target_class} up", 0.0)
    seeds = settings.seeds
    images = settings.auxiliary.chosen(min(budget, 2 * seeds * settings.iterations[-1]))
    if len(images) < 2 * seeds:
        raise Unsuited("The query budget does not pay for two auxiliary images per seed.")
    weights = weigh(target, target_class, len(images), settings)
    frames = []
    for iterations in settings.iterations:
        asked = min(2 * seeds * iterations, len(images))
        counted = _largest_alone(weights[:asked], seeds) if alone else weights[:asked]
        frames.append(Frame(iterations, asked, weighted_means(images[:asked], counted, seeds=seeds)))
    if weights.any():
        return Reconstructed(tuple(frames), ())
    nothing = Notice(
        "none_looked_up",
        f"The model gives none of {len(images):,} auxiliary images the label {target_class}: the look-up "
        "from labels shows their plain mean.",
    )
    return Reconstructed(tuple(frames), (), (nothing,))


def _by_probability(target: Target, target_class: int, n: int, settings: AttackSettings) -> FloatArray:
    assert settings.auxiliary is not None  # noqa: S101 -- narrows the type
    answers = settings.auxiliary.probabilities(target, n)
    return np.exp(
        log_certainty(answers, target_class, floor=settings.floor, temperature=settings.temperature)
    )


def _by_label(target: Target, target_class: int, n: int, settings: AttackSettings) -> FloatArray:
    assert settings.auxiliary is not None  # noqa: S101 -- narrows the type
    return settings.auxiliary.labels(target, n)[:, target_class]


def _largest_alone(weights: FloatArray, seeds: int) -> FloatArray:
    """1 for the largest weight of every seed's own images, 0 for the others."""
    alone = np.zeros_like(weights)
    for seed in range(seeds):
        alone[seed + seeds * int(weights[seed::seeds].argmax())] = 1.0
    return alone


by_probability = partial(_reconstruct, weigh=_by_probability)
likeliest_image = partial(_reconstruct, weigh=_by_probability, alone=True)
by_label = partial(_reconstruct, weigh=_by_label)
