"""Covariance matrix adaptation: a cloud of images that learns the shape of what pleases the target.

Hansen 2016, "The CMA Evolution Strategy: A Tutorial", by the library `cma`. It
ranks images and needs no slope, so answers that are rounded or cut short
mislead it less than finite differences. Departures: the search is in the search space
that the attack is given, the penalty is part of what is ranked and follows the
same schedule, and the last half of the means is averaged.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from leakgauge.inversion.objective import log_odds
from leakgauge.inversion.penalty_schedule import PenaltySchedule
from leakgauge.inversion.priors.pca import Familiar
from leakgauge.inversion.protocol import AttackSettings, Reconstructed
from leakgauge.inversion.search_trace import ENOUGH_ITERATIONS, SearchTrace
from leakgauge.inversion.start import looked_up
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, Target

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells everyone who imports it that it could plot with Matplotlib
    import cma

FIRST_RADIUS = 0.5
MOST_FULL = 120
"""Dimensions up to which the whole covariance is learned; above, its diagonal (Ros & Hansen 2008)."""


def reconstruct(
    target: Target,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: AttackSettings,
) -> Reconstructed:
    """Reconstruct the class by ranking clouds of images; see `protocol.Reconstruct`."""
    trace = SearchTrace(
        settings,
        budget=budget,
        progress=progress,
        stage=f"reconstructing class {target_class}",
        most=ENOUGH_ITERATIONS,
        ends_flat=not isinstance(settings.prior, Familiar),
    )
    start, settings = looked_up(target, target_class, settings, trace, budget=budget)
    space, prior = settings.space, settings.prior
    clouds = [_cloud(start, stream) for stream in rng.spawn(settings.seeds)]
    size = clouds[0].popsize
    schedule = PenaltySchedule(len(clouds))
    while trace.affords(size * len(clouds)):
        asked = [cloud.ask() for cloud in clouds]
        images = space.images(np.concatenate(asked))
        answers = target.probabilities(images)
        odds = log_odds(answers, target_class, settings.floor, settings.temperature)
        penalties = prior.penalty(images)
        by_cloud = odds.reshape(len(clouds), size)
        losses = schedule.shares[:, None] * penalties.reshape(len(clouds), size) - by_cloud
        schedule.update(by_cloud)
        for cloud, points, loss in zip(clouds, asked, losses, strict=True):
            cloud.tell(points, loss.tolist())
        if trace.note(np.stack([cloud.mean for cloud in clouds]), queries=len(images)):
            trace.mark(
                loss=float((penalties - odds).mean()), confidence=float(answers[:, target_class].mean())
            )
    return trace.result()


def _cloud(start: FloatArray, stream: np.random.Generator) -> Any:
    """A search from `start`, random by `stream` alone, that writes no files."""

    def normal(n: int, length: int) -> FloatArray:
        return stream.standard_normal((n, length))

    options = {
        "randn": normal,
        "seed": np.nan,  # else it seeds NumPy's own generator, which all threads share
        "verbose": -10,
        "verb_log": 0,
        "CMA_diagonal": len(start) > MOST_FULL,
    }
    return cma.CMAEvolutionStrategy(start, FIRST_RADIUS, options)
