"""Markov chains among images like the auxiliary ones: the look-up, gone on with.

The look-up is bound to the images there are. Chains that start from those it prefers, and wander
through the space of their principal components, go on where it ends: their states follow the product
of a Gaussian prior and the square of the class's probability, by the steps of Cotter, Roberts, Stuart
& White 2013, "MCMC Methods for Functions: Modifying Old Algorithms to Make Them Faster", which leave the
prior as it is and so need no penalty. What is reconstructed is the mean state.

Searches end where the target is surest, which exaggerates what it looks for; the mean is less like a
caricature. Faces of 20 people, 20 others' as auxiliary, 3,000 queries, a linear model: correlation with
the person's mean image .87, nearest to the right person 18 of 20 times; with the probability itself
in place of its square .87 and 17, with its fourth power .85 and 19.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.inversion.auxiliary import NO_IMAGES, log_certainty
from leakgauge.inversion.protocol import AttackSettings, Reconstructed
from leakgauge.inversion.search_trace import SearchTrace
from leakgauge.inversion.start import LARGEST_SHARE
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, Target

CHAINS = 32
"""For each seed."""
POWER = 2.0
"""Of the class's probability."""
STEP = 0.3
"""Share of a new state that is new; about seven in ten are accepted."""


def reconstruct(
    target: Target,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: AttackSettings,
) -> Reconstructed:
    """Reconstruct the class as the mean state of many chains; see `protocol.Reconstruct`."""
    trace = SearchTrace(
        settings, budget=budget, progress=progress, stage=f"reconstructing class {target_class}"
    )
    space, seeds, auxiliary = settings.space, settings.seeds, settings.auxiliary
    if auxiliary is None:
        raise Unsuited(NO_IMAGES)
    chosen = auxiliary.chosen(int(LARGEST_SHARE * min(budget, 2 * seeds * settings.iterations[-1])))
    if len(chosen) < seeds:
        raise Unsuited("The query budget does not pay for one auxiliary image per seed.")

    def density(answers: FloatArray) -> FloatArray:
        return POWER * log_certainty(
            answers, target_class, floor=settings.floor, temperature=settings.temperature
        )

    first = len(chosen) + seeds * CHAINS
    if trace.left < first:
        raise Unsuited(f"The query budget does not pay for one step, the first {first:,} queries.")
    known = density(auxiliary.probabilities(target, len(chosen)))
    trace.spend(len(chosen))
    states = space.coefficients(chosen - space.start)
    streams = rng.spawn(seeds)
    firsts = [_resampled(known, seed, seeds, stream) for seed, stream in enumerate(streams)]
    z = np.stack([states[first] for first in firsts])
    now = np.stack([known[first] for first in firsts])
    while trace.affords(seeds * CHAINS):
        noise = np.stack([stream.standard_normal(z.shape[1:]) for stream in streams])
        proposed = np.sqrt(1 - STEP**2) * z + STEP * noise
        answers = target.probabilities(space.images(proposed.reshape(-1, space.dimensions)))
        then = density(answers).reshape(now.shape)
        chance = np.stack([stream.random(CHAINS) for stream in streams])
        accepted = np.log(chance) < then - now
        z = np.where(accepted[..., None], proposed, z)
        now = np.where(accepted, then, now)
        if trace.note(z.mean(axis=1), queries=answers.shape[0]):
            trace.mark(loss=float(-now.mean()), confidence=float(answers[:, target_class].mean()))
    return trace.result()


def _resampled(known: FloatArray, seed: int, seeds: int, stream: np.random.Generator) -> FloatArray:
    """(CHAINS,) places of a seed's own images, as often as their density says."""
    own = np.arange(seed, len(known), seeds)
    weights = np.exp(known[own] - known[own].max())
    return np.asarray(stream.choice(own, CHAINS, p=weights / weights.sum()))
