"""Natural evolution strategies: the same optimiser along Gaussian directions.

Wierstra et al. 2014, "Natural Evolution Strategies"; as a black-box attack in
Ilyas et al. 2018, "Black-box Adversarial Attacks with Limited Queries and
Information", equation 1, with antithetic pairs. Departures as in `spsa`.
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
    """Reconstruct the class along Gaussian directions; see `protocol.Reconstruct`."""
    return optimise(
        target,
        target_class,
        directions=_gaussian,
        budget=budget,
        rng=rng,
        progress=progress,
        settings=settings,
    )


def _gaussian(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    return rng.standard_normal(size)
