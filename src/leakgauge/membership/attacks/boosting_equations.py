"""The boosting-equations attack: gradient boosting writes down sums over its training data.

Thousands of equations, linear in who was trained on, are read from the file and solved
(`model_contents.leaves.boosting`).

Source: none that we know of. "TimberStrike" (2025) reconstructs
data of *federated* boosting from the gradients of single trees; Ferry et al. 2024
read counts of forests. We know of no earlier description of membership as a
linear system over all stages of a boosted model.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.model_contents.leaves.boosting import solved
from leakgauge.model_contents.leaves.tree_cells import final_step
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def score(target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:
    """(n,) estimate of z, between 0 for a non-member and 1 for a member."""
    unit = 1.0 if target.error_scale is None else target.error_scale.unit
    step = final_step(target.estimator, pool.x)
    return solved(step, pool.y, unit=unit, rng=rng, progress=progress)
