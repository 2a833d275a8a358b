"""Simultaneous perturbation: every coefficient is moved at once, up or down by a coin's toss.

Spall 1992, "Multivariate stochastic approximation using a simultaneous
perturbation gradient approximation". Departures: Adam instead of a falling gain
sequence, the search in low frequencies, the prior's gradient computed and not
estimated, and the last half of the iterates averaged.
"""

from __future__ import annotations

import numpy as np

from leakgauge.inversion.protocol import AttackSettings, Reconstructed
from leakgauge.inversion.zeroth_order import optimise
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, Target


def reconstruct(
    target: Target,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: AttackSettings,
) -> Reconstructed:
    """Reconstruct the class along Rademacher directions; see `protocol.Reconstruct`."""
    return optimise(
        target,
        target_class,
        directions=_coin_tosses,
        budget=budget,
        rng=rng,
        progress=progress,
        settings=settings,
    )


def _coin_tosses(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    return 2.0 * rng.integers(0, 2, size=size, dtype=np.int8).astype(np.float64) - 1.0
