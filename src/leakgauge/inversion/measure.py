"""From reconstructions to figures: similarity, chance, leakage and their intervals over seeds.

The figure of an audit is that of the consensus, the mean image over seeds.
Its interval comes from the jackknife (Efron & Tibshirani 1993, chapter 11):
one seed is left out at a time, of the attacked class and of the other classes
alike, and Student's t with one degree of freedom less than there are seeds turns
the standard error into an interval. One seed has no interval: it spans 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from leakgauge.estimates import Estimate, confidence_for
from leakgauge.images.image import Images
from leakgauge.inversion.protocol import Reconstructed
from leakgauge.inversion.running import Run
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.inversion.similarity import (
    Chance,
    chance,
    leakage,
    most_similar_stranger,
    pearson,
    smooth_noise_level,
    ssim,
    ssim_chance,
)

CONFIDENCE = 0.95
LEAST_CEILING = 0.05


@dataclass(frozen=True, slots=True)
class Reference:
    """The user's image, the space that was searched, and the ceiling where references are given."""

    original: Images
    space: SearchSpace
    ceiling: float
    ssim_ceiling: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One attack's reconstruction of one class, measured against the user's image."""

    consensus: Images
    chance: Chance
    leakage: Estimate
    leakage_corrected: Estimate
    pearson: Estimate
    ssim: Estimate
    ssim_chance: float


def reference_for(original: Images, space: SearchSpace, references: Sequence[Images]) -> Reference:
    """The reference; its ceiling is 1 without further images of the class, or with ones unlike it."""
    if not references:
        return Reference(original, space, 1.0, 1.0)
    mean = np.mean(np.stack(references), axis=0).astype(np.float32)
    found = pearson(mean, original)
    if found <= LEAST_CEILING:
        return Reference(original, space, 1.0, 1.0)
    return Reference(original, space, found, ssim(mean, original))


def consensus(reconstructed: Reconstructed, *, without: int | None = None) -> Images:
    """The mean of the last images over seeds, all of them or all but one."""
    return mean_image(reconstructed.frames[-1].images, without=without)


def mean_image(images: Images, *, without: int | None = None) -> Images:
    """(height, width, channels) mean of (seeds, height, width, channels) images."""
    kept = images if without is None else np.delete(images, without, axis=0)
    return np.asarray(kept.mean(axis=0), dtype=np.float32)


def measure(
    run: Run,
    target_class: int,
    reference: Reference,
    *,
    recognised: bool,
    attacks: int,
    rng: np.random.Generator,
) -> Measured:
    """Measure the reconstruction of `target_class`, with every other reconstruction of the run as chance.

    Parameters
    ----------
    recognised
        whether the target takes the consensus for `target_class`. A reconstruction that it takes for
        another class shows that class, if anything, however like the user's image the two
        classes are: its leakage is 0, and the upper end of its interval stays what was measured.
    attacks
        how many are measured, the worst of which the audit goes by: the corrected interval holds for
        all of them at once.
    """
    mine = run.reconstructed[target_class]
    others = {number: reconstructed for number, reconstructed in run.every.items() if number != target_class}
    whole = consensus(mine)
    noise = smooth_noise_level(whole, reference.original, reference.space, rng=rng)
    known = () if run.settings.auxiliary is None else tuple(run.settings.auxiliary.images)
    stranger = most_similar_stranger(reference.original, known)

    def pearson_without(seed: int | None) -> float:
        return pearson(consensus(mine, without=seed), reference.original)

    def chance_without(seed: int | None) -> Chance:
        return chance(
            reference.original,
            start=reference.space.start,
            others={number: consensus(other, without=seed) for number, other in others.items()},
            noise_level=noise,
            stranger=stranger,
        )

    def gain(seed: int | None) -> float:
        level = chance_without(seed).level
        room = reference.ceiling - level
        return (pearson_without(seed) - level) / room if room > 0 else 0.0

    seeds = len(mine.frames[-1].images)
    plain = [consensus(other) for other in others.values()]
    found = chance_without(None)
    exact = leakage(pearson(whole, reference.original), found.level, reference.ceiling) if recognised else 0.0
    return Measured(
        consensus=whole,
        chance=found,
        leakage=_clipped(jackknife(gain, seeds), value=exact),
        leakage_corrected=_clipped(
            jackknife(gain, seeds, confidence=confidence_for(attacks, CONFIDENCE)), value=exact
        ),
        pearson=jackknife(pearson_without, seeds),
        ssim_chance=ssim_chance(reference.original, start=reference.space.start, others=plain),
        ssim=jackknife(lambda seed: ssim(consensus(mine, without=seed), reference.original), seeds),
    )


def jackknife(
    statistic: Callable[[int | None], float], n: int, *, confidence: float = CONFIDENCE
) -> Estimate:
    """The statistic of all `n` parts with its interval; `statistic(i)` leaves part i out, None leaves none.

    A single part knows nothing about its own error: the interval is -1 to 1.
    """
    value = statistic(None)
    if n < 2:
        return Estimate(value, min(-1.0, value), max(1.0, value), n)
    left_out = np.array([statistic(part) for part in range(n)])
    error = float(np.sqrt((n - 1) / n * np.square(left_out - left_out.mean()).sum()))
    reach = float(student.ppf(0.5 + confidence / 2, n - 1)) * error
    return Estimate(value, value - reach, value + reach, n)


def robustness(found: Estimate) -> Estimate:
    """100 (1 − leakage)."""
    return Estimate(100 * (1 - found.value), 100 * (1 - found.high), 100 * (1 - found.low), found.n)


def _clipped(found: Estimate, *, value: float) -> Estimate:
    low, high = (float(np.clip(end, 0.0, 1.0)) for end in (found.low, found.high))
    return Estimate(value, min(low, value), max(high, value), found.n)


def rank(
    reconstruction: Images, target_class: int, means: Mapping[int, Images], *, classes: int
) -> int | None:
    """The place of the class, 1 for the first, where the classes' images are ordered by similarity.

    Parameters
    ----------
    means
        the mean image of each class that references are known of; None is returned unless they all are.
    classes
        how many there are.
    """
    if set(means) != set(range(classes)):
        return None
    found = {number: pearson(reconstruction, mean) for number, mean in means.items()}
    return 1 + sum(other > found[target_class] for other in found.values())
