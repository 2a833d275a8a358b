"""The zeroth-order optimiser that `spsa` and `nes` share: log odds climbed by finite differences.

The target's log odds are differentiated along random directions, a pair of
queries each; the prior is known to the attacker, so its gradient is computed.
Estimating that one from queries as well, as published attacks do, lets its
large constant part drown every other direction: from a white start it took
three times as many queries to reach the same similarity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from leakgauge.inversion.adam import Adam
from leakgauge.inversion.objective import log_odds
from leakgauge.inversion.penalty_schedule import PenaltySchedule
from leakgauge.inversion.priors.pca import Familiar
from leakgauge.inversion.protocol import AttackSettings, Reconstructed
from leakgauge.inversion.search_trace import SearchTrace
from leakgauge.inversion.start import looked_up
from leakgauge.progress import Progress
from leakgauge.report.model import Notice
from leakgauge.targets.protocol import FloatArray, Target

Directions: TypeAlias = Callable[[np.random.Generator, tuple[int, int]], FloatArray]
"""(iterations, dimensions) random directions of unit variance."""

PROBE_RADIUS = 0.3
HIGH_CONTRAST_PROBE_RADIUS = 1.0
"""Where queries are high-contrast, which a short probe hardly changes. On two residual networks that no
reported figure comes from, with a prior: accuracy as prototypes .45 and .56 at .3, .50 and .58 at 1, .49
and .55 at 2."""
LEARNING_RATE = 0.1
SLOWEST, FASTEST = 0.05, 0.3
FIRST_STEPS = 5.0
SETTLING = 300.0
_BLOCK = 256


def optimise(
    target: Target,
    target_class: int,
    *,
    directions: Directions,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: AttackSettings,
) -> Reconstructed:
    """Run `settings.seeds` searches side by side, a pair of queries each at every step.

    Adam (Kingma & Ba 2015) on coefficients in the space; its step starts
    at five times the learning rate and falls with 1/√(1 + t/300) until it
    reaches it: a white or black start is left quickly, and no step depends on
    how long the run will be.

    Where a target is hard to convince the penalty gives way; see `penalty_schedule`.

    Raises
    ------
    Unsuited
        when the budget does not pay for one pair of queries per seed.
    """
    rate, departures = _learning_rate(settings.learning_rate)
    trace = SearchTrace(
        settings,
        budget=budget,
        progress=progress,
        stage=f"reconstructing class {target_class}",
        ends_flat=not isinstance(settings.prior, Familiar),
    )
    start, settings = looked_up(target, target_class, settings, trace, budget=budget)
    space, prior = settings.space, settings.prior

    radius = HIGH_CONTRAST_PROBE_RADIUS if settings.high_contrast else PROBE_RADIUS
    schedule = PenaltySchedule(settings.seeds)
    z = np.tile(start, (settings.seeds, 1))
    adam = Adam(z.shape)
    sampled = _sampled(directions, rng.spawn(settings.seeds), space.dimensions)
    for step, direction in enumerate(sampled, start=1):
        if not trace.affords(2 * settings.seeds):
            break
        probes = np.concatenate([z + radius * direction, z - radius * direction])
        images = space.images(probes)
        answers = target.probabilities(images)
        odds = log_odds(answers, target_class, settings.floor, settings.temperature)
        ahead, behind = odds[: settings.seeds], odds[settings.seeds :]
        gradient = ((ahead - behind) / (2 * radius))[:, None] * direction
        slope = space.slope(prior.gradient(images))
        gradient -= schedule.shares[:, None] * (slope[: settings.seeds] + slope[settings.seeds :]) / 2
        schedule.update(np.stack([ahead, behind], axis=1))

        z = z + adam.step(gradient, length=rate * max(1.0, FIRST_STEPS / np.sqrt(1 + step / SETTLING)))
        if trace.note(z, queries=len(images)):
            trace.mark(
                loss=float((prior.penalty(images) - odds).mean()),
                confidence=float(answers[:, target_class].mean()),
            )
    return trace.result(*departures)


def _sampled(
    directions: Directions, streams: Sequence[np.random.Generator], dimensions: int
) -> Iterator[FloatArray]:
    """(seeds, dimensions) a direction for each seed from its own stream, again and again."""
    while True:
        yield from np.stack([directions(stream, (_BLOCK, dimensions)) for stream in streams], axis=1)


def _learning_rate(asked: float | None) -> tuple[float, tuple[Notice, ...]]:
    """The rate that is used, and a notice where it is not the one asked for."""
    if asked is None:
        return LEARNING_RATE, ()
    used = min(max(asked, SLOWEST), FASTEST)
    if used == asked:
        return asked, ()
    why = "larger steps scatter the image" if asked > FASTEST else "smaller steps do not leave the start"
    return used, (
        Notice(
            "learning_rate",
            f"A learning rate of {asked:g} was asked for and {used:g} used: {why}.",
        ),
    )
