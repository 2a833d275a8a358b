"""Answers away from data: whether a target answers one way where data lies, and another way elsewhere.

A model may be wrapped so that it answers truly near the images it was trained on, and misleads
whoever asks about others, which is all that a search asks about. The leak is still there, for an
attacker who has images of the same kind. An audit that takes a misled search for a removed leak is wrong.

So real images are asked about, and the straight lines that lead away from them: to smooth random images,
to the same image blurred or with noise, to other images and to their mean. Along such a line the log
probabilities of a trained network change about evenly, since it is made of linear pieces and smooth
curves, however sure it is. Where one way of answering takes over from another, most of the change
lies within a short stretch.

The statistic is the steepness of a line: how many times as fast as on the average of the line the answers
change in its steepest tenth. It is 1 for a linear model. Its median over the lines of one kind is held
against a border; see `BORDER`. `benchmarks/inversion_guarded.py` counts how often that is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy.ndimage import gaussian_filter

from leakgauge.images.image import Images
from leakgauge.inversion.objective import LEAST_PROBABILITY
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.priors.pca import evenly
from leakgauge.targets.protocol import FloatArray, Target

Kind: TypeAlias = Literal["smooth", "blurred", "noise", "blend", "mean"]
"""Where a line leads."""

AGREEING: Final = 2
"""Kinds of lines that have to agree: a single kind may be strange to a network that hides nothing."""
BORDER: Final = 2.1
"""Of the statistic. In 60 networks that hide nothing (linear, dense, convolutional, overfit, overconfident,
on false labels, of four kinds of image), asked about three images each, it was at most 1.9; in 60 guarded
ones at least 2.3."""
LINES: Final = 6
"""Of each kind."""
STEPS, STRETCH = 20, 2
"""Steps of a line, and of its steepest tenth."""
LEAST_CHANGE: Final = 0.5
"""Change of log odds over a whole line below which it tells nothing."""
CONTRAST: Final = 0.25
"""Standard deviation of the smooth images' pixels around grey."""
BLURS: Final = (0.06, 0.08, 0.1, 0.12, 0.14, 0.16)
"""Standard deviations of the blur over the side."""
NOISE: Final = 0.3
"""Standard deviation of the noise."""
ENOUGH: Final = 3
"""Given images of which most are data to any target."""
MEAN_OF: Final = 5
"""Fewest images whose mean is asked about."""


@dataclass(frozen=True, slots=True)
class AwayFromData:
    """What was found on lines away from real images.

    Attributes
    ----------
    steepness
        median over the lines of each kind that told anything.
    """

    steepness: Mapping[Kind, float]

    @property
    def statistic(self) -> float | None:
        """Mean of the two largest; None where fewer kinds of lines told anything."""
        largest = sorted(self.steepness.values())[-AGREEING:]
        return sum(largest) / AGREEING if len(largest) == AGREEING else None

    @property
    def found(self) -> bool:
        """Whether the target answers differently away from data."""
        return self.statistic is not None and self.statistic >= BORDER


def examine_lines(
    target: Target, given: Sequence[Images], auxiliary: Sequence[Images], *, rng: np.random.Generator
) -> AwayFromData:
    """Ask the target about lines away from real images.

    Lines begin at the given images. One or two of these may lie among the few that the target takes for no
    data, so then they begin at auxiliary ones as well, and the more telling of the two counts.

    Parameters
    ----------
    given
        (height, width, channels) images of the target's own kind, the user's first.
    auxiliary
        those of an attacker, of the same shape. Without them and with one image given, lines to other images
        and to a mean are left out.
    """
    others = [*given[1:], *auxiliary]
    groups = [given] if len(given) >= ENOUGH or not len(auxiliary) else [given, auxiliary]
    found = [_examined(target, np.stack(evenly(group, most=LINES)), others, rng=rng) for group in groups]
    return max(found, key=lambda one: one.statistic or 0.0)


def leaves_data(target: Target, images: Images, *, rng: np.random.Generator) -> FloatArray:
    """(n,) median steepness of the lines from each of (n, height, width, channels) images to smooth ones.

    From an image that lies where data does, they leave it; 0 where no line told anything.
    """
    found = [
        steepness(target, starts, _smooth(starts, rng=rng))
        for starts in np.repeat(images[:, None], LINES, axis=1)
    ]
    return np.array([np.nanmedian(one) if np.isfinite(one).any() else 0.0 for one in found])


def _examined(
    target: Target, images: Images, others: Sequence[Images], *, rng: np.random.Generator
) -> AwayFromData:
    """What lines from these images tell."""
    starts = images[np.arange(LINES) % len(images)]
    medians: dict[Kind, float] = {}
    for kind, ends in _ends(starts, others, rng=rng).items():
        found = steepness(target, starts, ends)
        if np.isfinite(found).any():
            medians[kind] = float(np.nanmedian(found))
    return AwayFromData(medians)


def _ends(starts: Images, others: Sequence[Images], *, rng: np.random.Generator) -> dict[Kind, Images]:
    """(LINES, height, width, channels) ends of the lines of each kind."""
    side = np.sqrt(starts.shape[1] * starts.shape[2])
    blurred = [
        gaussian_filter(image, (width * side, width * side, 0))
        for image, width in zip(starts, BLURS, strict=True)
    ]
    ends: dict[Kind, Images] = {
        "smooth": _smooth(starts, rng=rng),
        "blurred": np.stack(blurred),
        "noise": np.asarray(
            np.clip(starts + NOISE * rng.standard_normal(starts.shape), 0.0, 1.0), dtype=np.float32
        ),
    }
    if others:
        ends["blend"] = np.stack(others)[rng.integers(0, len(others), LINES)]
    if len(others) >= MEAN_OF:
        ends["mean"] = np.repeat(np.mean(np.stack(others), axis=0)[None], LINES, axis=0)
    return ends


def _smooth(starts: Images, *, rng: np.random.Generator) -> Images:
    """A smooth random image around grey for each."""
    space = low_frequencies(np.full_like(starts[0], 0.5))
    return space.images(space.scattered(len(starts), contrast=CONTRAST, rng=rng))


def steepness(target: Target, starts: Images, ends: Images) -> FloatArray:
    """(n,) steepness of the lines from `starts` to `ends`, both (n, height, width, channels).

    NaN where a line tells nothing: the answers hardly change, or are so sure that on half of its steps most
    classes are too unlikely for a number.
    """
    along = np.linspace(0.0, 1.0, STEPS + 1, dtype=np.float32)[:, None, None, None]
    lines = starts[:, None] + along * (ends - starts)[:, None]
    answers = target.probabilities(lines.reshape(-1, *starts.shape[1:]))
    return np.array([_steepness(line) for line in answers.reshape(len(starts), STEPS + 1, -1)])


def _steepness(answers: FloatArray) -> float:
    """The same, from the (STEPS + 1, n_classes) answers on one line."""
    shown = answers > LEAST_PROBABILITY
    both = shown[1:] & shown[:-1]  # what a number is too small for has no logarithm to change
    change = np.diff(np.log(np.maximum(answers, LEAST_PROBABILITY)), axis=0)
    largest = np.where(both, change, -np.inf).max(axis=1)
    smallest = np.where(both, change, np.inf).min(axis=1)
    known = both.mean(axis=1) >= 0.5  # of a few classes alone, now these and now those, changes jump
    if known.mean() < 0.5:
        return np.nan
    by_step = np.where(known, largest - smallest, np.nan)
    if np.nansum(by_step) < LEAST_CHANGE:
        return np.nan
    stretches = np.lib.stride_tricks.sliding_window_view(np.nan_to_num(by_step), STRETCH).mean(axis=1)
    return float(stretches.max() / np.nanmean(by_step))
