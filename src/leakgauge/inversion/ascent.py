"""Climbing log odds by finite differences: what `spsa` and `nes` share.

The target's log odds are differentiated along random directions, a pair of
queries each; the prior is known to the attacker, so its gradient is computed.
Estimating that one from queries as well, as published attacks do, lets its
large constant part drown every other direction: from a white start it took
three times as many queries to reach the same likeness.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from leakgauge.attack_table import Unsuited
from leakgauge.inversion.objective import log_odds
from leakgauge.inversion.protocol import CurvePoint, Drawn, Frame, Settings
from leakgauge.progress import Progress
from leakgauge.report.model import Notice
from leakgauge.targets.protocol import FloatArray, Target

Directions: TypeAlias = Callable[[np.random.Generator, tuple[int, int]], FloatArray]
"""(iterations, dimensions) random directions of unit variance."""

PROBE_RADIUS = 0.3
MOMENTUM, SCALE_MEMORY = 0.9, 0.99
TAIL = 0.5
"""Share of the run, from its end, whose iterates are averaged (Polyak & Juditsky 1992)."""

LEARNING_RATE = 0.1
SLOWEST, FASTEST = 0.05, 0.3
FIRST_STEPS = 5.0
SETTLING = 300.0
RECOGNISED = 2.0
"""Log odds from which a picture counts as recognised (probability .88)."""
YIELD, LEAST_PRIOR = 1.02, 0.02
CURVE_POINTS = 60
_BLOCK = 256


def climb(
    target: Target,
    target_class: int,
    *,
    directions: Directions,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: Settings,
) -> Drawn:
    """Run `settings.seeds` searches side by side and keep their pictures at every asked iteration.

    Adam (Kingma & Ba 2015) on coefficients in the space; its step starts
    at five times the learning rate and falls with 1/√(1 + t/300) until it
    reaches it: a white or black start is left quickly, and no step depends on
    how long the run will be, so a snapshot is what a shorter run would have given.

    Where a target is hard to convince the prior yields: its weight falls by 2 %
    an iteration while the pictures are not recognised, and recovers when they are.

    Raises
    ------
    Unsuited
        when the budget does not pay for one pair of queries per seed.
    """
    frames_at, departures = _affordable(settings, budget)
    rate, departure = _learning_rate(settings.learning_rate)
    space = settings.space
    prior = settings.prior
    streams = rng.spawn(settings.seeds)

    yielding = np.ones(settings.seeds)
    z = np.zeros((settings.seeds, space.dimensions))
    mean, square, total = np.zeros_like(z), np.zeros_like(z), np.zeros_like(z)
    tail_starts = {after: int(after * (1 - TAIL)) for after in frames_at}
    totals_at = {0: total.copy()}
    last = frames_at[-1]
    every = max(1, last // CURVE_POINTS)
    frames: list[Frame] = []
    curve: list[CurvePoint] = []

    for iteration in range(1, last + 1):
        offset = (iteration - 1) % _BLOCK
        if offset == 0:
            progress.report(f"drawing class {target_class}", (iteration - 1) / last)
            block = np.stack([directions(stream, (_BLOCK, space.dimensions)) for stream in streams], axis=1)
        direction = block[offset]

        probes = np.concatenate([z + PROBE_RADIUS * direction, z - PROBE_RADIUS * direction])
        pictures = space.pictures(probes)
        answers = target.probabilities(pictures)
        odds = log_odds(answers, target_class, settings.floor)
        ahead, behind = np.split(odds, 2)
        gradient = ((ahead - behind) / (2 * PROBE_RADIUS))[:, None] * direction
        gradient -= yielding[:, None] * sum(np.split(space.coefficients(prior.gradient(pictures)), 2)) / 2
        recognised = (ahead + behind) / 2 > RECOGNISED
        yielding = np.clip(yielding * np.where(recognised, YIELD, 1 / YIELD), LEAST_PRIOR, 1.0)

        mean = MOMENTUM * mean + (1 - MOMENTUM) * gradient
        square = SCALE_MEMORY * square + (1 - SCALE_MEMORY) * gradient**2
        step = rate * max(1.0, FIRST_STEPS / np.sqrt(1 + iteration / SETTLING))
        z = z + step * (mean / (1 - MOMENTUM**iteration)) / (
            np.sqrt(square / (1 - SCALE_MEMORY**iteration)) + 1e-8
        )
        total += z

        queries = 2 * settings.seeds * iteration
        if iteration in tail_starts.values():
            totals_at[iteration] = total.copy()
        if iteration in tail_starts:
            start = tail_starts[iteration]
            average = (total - totals_at[start]) / (iteration - start)
            frames.append(Frame(iteration, queries, space.pictures(average)))
        if iteration % every == 0 or iteration in (1, last):
            loss = float((prior.penalty(pictures) - odds).mean())
            curve.append(CurvePoint(iteration, queries, loss, float(answers[:, target_class].mean())))
    return Drawn(tuple(frames), tuple(curve), (*departures, *departure))


def _affordable(settings: Settings, budget: int) -> tuple[tuple[int, ...], tuple[Notice, ...]]:
    """The iterations that the budget pays for, and a notice where it does not pay for all."""
    most = budget // (2 * settings.seeds)
    if most < 1:
        raise Unsuited("The query budget does not pay for one pair of queries per seed.")
    if settings.iterations[-1] <= most:
        return settings.iterations, ()
    kept = tuple(after for after in settings.iterations if after <= most)
    notice = Notice(
        "iterations_cut",
        f"The query budget ends the run after {most:,} of the {settings.iterations[-1]:,} iterations.",
    )
    return (kept if kept and kept[-1] == most else (*kept, most)), (notice,)


def _learning_rate(asked: float | None) -> tuple[float, tuple[Notice, ...]]:
    """The rate that is used, and a notice where it is not the one asked for."""
    if asked is None:
        return LEARNING_RATE, ()
    used = min(max(asked, SLOWEST), FASTEST)
    if used == asked:
        return asked, ()
    why = "larger steps scatter the picture" if asked > FASTEST else "smaller steps do not leave the start"
    return used, (
        Notice(
            "learning_rate",
            f"A learning rate of {asked:g} was asked for and {used:g} used: {why}.",
        ),
    )
