"""Labels alone: move to where a whole sphere of images bears the class's label.

Kahla, Chen, Just & Jia 2022, "Label-Only Model Inversion Attacks via Boundary
Repulsion": from an image with the label, sample a sphere around it, move away
from the points that bear another, and widen the sphere when most bear the same.

Departures: the paper searches the latent space of a generative network, this
the space that it is given, and takes the prior off as the other attacks do; the
move follows the slope of the log odds of a hit on the sphere (the difference
between where hits and misses lie), in the steps of Adam; the sphere shrinks
again when few of its points are hits; the last half of the steps is averaged.

With a few points a step and many steps it reconstructs better than with many points:
accuracy as prototypes, on a network that no reported figure comes from, is .51 to
.55 with 6 points, .47 to .52 with 12 and .22 with 20 and shorter steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leakgauge.inversion.adam import Adam
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.protocol import AttackSettings, Reconstructed
from leakgauge.inversion.search_trace import ENOUGH_ITERATIONS, SearchTrace
from leakgauge.inversion.start import LARGEST_SHARE, looked_up
from leakgauge.progress import Progress
from leakgauge.report.model import Notice
from leakgauge.targets.protocol import BoolArray, FloatArray, Target

POINTS = 6
FIRST_RADIUS, SMALLEST, LARGEST = 0.5, 0.1, 3.0
"""Radii of the sphere over the root of the dimensions."""
WIDEN = 1.1
MANY, FEW = 0.75, 0.5
"""Shares of hits above which the sphere widens and below which it shrinks."""
RATE = 0.2
PRIOR_SHARE = 0.2
"""The prior's weight against the log odds of a hit, which have no scale of the target's own."""

SEARCHES, SEARCHED_AT_ONCE = 20, 25
BACKGROUNDS = ((0.0, 3.0), (0.0, 5.0), (0.5, 4.0), (1.0, 4.0))
"""Grey level and cut-off of the coarse random images among which a start is looked for."""
CONTRAST = 0.5


def reconstruct(
    target: Target,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: AttackSettings,
) -> Reconstructed:
    """Reconstruct the class from labels; see `protocol.Reconstruct`."""
    trace = SearchTrace(
        settings,
        budget=budget,
        progress=progress,
        stage=f"reconstructing class {target_class}",
        most=ENOUGH_ITERATIONS,
    )
    start, settings = looked_up(target, target_class, settings, trace, budget=budget, labels_only=True)
    space, prior = settings.space, settings.prior
    streams = rng.spawn(settings.seeds)
    z, found = _starts(target, target_class, start, trace, settings, streams)

    radius = np.full(settings.seeds, FIRST_RADIUS)
    adam = Adam(z.shape)
    while trace.affords(POINTS * settings.seeds):
        sphere = np.stack([_sphere(stream, space.dimensions) for stream in streams])
        points = z[:, None] + radius[:, None, None] * sphere
        labels = target.labels(space.images(points.reshape(-1, space.dimensions)))
        hits = (labels == target_class).reshape(settings.seeds, POINTS)
        rate = hits.mean(axis=1)
        slope = ((hits - rate[:, None])[..., None] * sphere).mean(axis=1)
        slope /= np.maximum(rate * (1 - rate), 1 / POINTS)[:, None] * radius[:, None]
        # without a hit there is nothing to hold the image against the prior: look farther instead
        weight = PRIOR_SHARE * (rate > 0)
        gradient = slope - weight[:, None] * space.slope(prior.gradient(space.images(z)))

        z = z + adam.step(gradient, length=RATE)
        wider = (rate > MANY) | (rate == 0)
        factor = np.where(wider, WIDEN, np.where(rate < FEW, 1 / WIDEN, 1.0))
        radius = np.clip(radius * factor, SMALLEST, LARGEST)
        share = float(rate.mean())
        if trace.note(z, queries=POINTS * settings.seeds):
            trace.mark(loss=-share, confidence=share)
    if found.all():
        return trace.result()
    return trace.result(
        Notice(
            "no_start",
            f"Among up to {SEARCHES * SEARCHED_AT_ONCE:,} random images for each seed, some seeds found none "
            f"that the model labels {target_class}; the search from labels went on from the start.",
        )
    )


def _starts(
    target: Target,
    target_class: int,
    start: FloatArray,
    trace: SearchTrace,
    settings: AttackSettings,
    streams: Sequence[np.random.Generator],
) -> tuple[FloatArray, BoolArray]:
    """(seeds, dimensions) images of the space that bear the label, and (seeds,) where one was found."""
    space = settings.space
    z = np.tile(start, (settings.seeds, 1))
    found = np.zeros(settings.seeds, dtype=bool)
    if start.any() and trace.affords(1):  # what was looked up may bear the label already
        found |= bool(target.labels(space.images(start[None]))[0] == target_class)
        trace.spend(1)
    most = trace.queries + int(
        LARGEST_SHARE * trace.left
    )  # what is found is nothing without steps from there
    for search in range(SEARCHES):
        missing = np.flatnonzero(~found)
        asked = SEARCHED_AT_ONCE * len(missing)
        if not asked or trace.queries + asked > most or not trace.affords(asked):
            break
        grey, cutoff = BACKGROUNDS[search % len(BACKGROUNDS)]
        coarse = low_frequencies(np.full(space.shape, grey, dtype=np.float32), cutoff=cutoff)
        for seed in missing.tolist():
            waves = coarse.scattered(SEARCHED_AT_ONCE, contrast=CONTRAST, rng=streams[seed])
            candidates = space.coefficients(coarse.images(waves) - space.start)
            hits = np.flatnonzero(target.labels(space.images(candidates)) == target_class)
            if len(hits):
                z[seed], found[seed] = candidates[hits[0]], True
        trace.spend(asked)
    return z, found


def _sphere(stream: np.random.Generator, dimensions: int) -> FloatArray:
    """(POINTS, dimensions) antithetic points on a sphere of unit standard deviation."""
    half = stream.standard_normal((POINTS // 2, dimensions))
    half *= np.sqrt(dimensions) / np.linalg.norm(half, axis=1, keepdims=True)
    return np.concatenate([half, -half])
