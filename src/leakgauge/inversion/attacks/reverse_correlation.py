"""Reverse correlation: which smooth random images please the target, and what do they share?

Ahumada & Lovell 1971, "Stimulus features in signal detection": the covariance
of random stimuli with an observer's answers is the observer's template. Here the
stimuli are smooth and the answer is the log odds of the class. No search: an
instant preview, and the weakest of the attacks.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.images.image import Images
from leakgauge.inversion.objective import log_odds
from leakgauge.inversion.protocol import AttackSettings, Frame, Reconstructed
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, Target

MOST_QUERIES = 2_000
"""Per seed; the template does not change visibly after that."""
CONTRAST = 0.25
"""Standard deviation of the stimuli's pixels, around grey."""


def reconstruct(
    target: Target,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: AttackSettings,
) -> Reconstructed:
    """Reconstruct the class's template from grey, whatever the start; see `protocol.Reconstruct`."""
    affordable = min(budget // settings.seeds, MOST_QUERIES) // 2
    if affordable < 1:
        raise Unsuited("The query budget does not pay for one pair of queries per seed.")
    space = settings.space

    asked_for = sorted({min(after, affordable) for after in settings.iterations})
    queries = 2 * asked_for[-1]
    z = np.empty((settings.seeds, queries, space.dimensions))
    odds = np.empty((settings.seeds, queries))
    for place, stream in enumerate(rng.spawn(settings.seeds)):
        progress.report(f"previewing class {target_class}", place / settings.seeds)
        z[place] = space.scattered(queries, contrast=CONTRAST, rng=stream)
        images = np.clip(space.offsets(z[place]) + np.float32(0.5), 0.0, 1.0)
        answers = target.probabilities(images)
        odds[place] = log_odds(answers, target_class, settings.floor, settings.temperature)
    frames = tuple(
        Frame(
            after,
            2 * after * settings.seeds,
            np.stack(
                [_template(space, z[seed, : 2 * after], odds[seed, : 2 * after]) for seed in range(len(z))]
            ),
        )
        for after in asked_for
    )
    return Reconstructed(frames, ())


def _template(space: SearchSpace, z: FloatArray, odds: FloatArray) -> Images:
    """The covariance of coefficients and log odds as an image around grey that uses the whole range."""
    covariance = (odds - odds.mean()) @ (z - z.mean(axis=0)) / len(z)
    pattern = space.offsets(covariance[None])[0]
    highest = float(np.abs(pattern).max())
    return np.asarray(0.5 + 0.5 * pattern / (highest if highest > 0 else 1.0), dtype=np.float32)
