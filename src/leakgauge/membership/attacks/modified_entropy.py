"""The modified-entropy attack: entropy that knows the true label.

Source: Song & Mittal 2021, equation 8:

    Mentr(p, y) = −(1 − p_y) log p_y − Σ_{j ≠ y} p_j log(1 − p_j)

It falls to 0 only for a confident answer that is also right.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.attacks.loss import LEAST_PROBABILITY
from leakgauge.membership.pool import Pool, true_label_probability
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, Target


def score(target: Target, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) −Mentr(p, y), in nats; probabilities are clipped to keep logarithms finite."""
    probabilities = target.probabilities(pool.x)
    p_y = true_label_probability(probabilities, pool.y)
    others = -probabilities * np.log(np.maximum(1.0 - probabilities, LEAST_PROBABILITY))
    wrong_mass = others.sum(axis=1) - true_label_probability(others, pool.y)
    right = -(1.0 - p_y) * np.log(np.maximum(p_y, LEAST_PROBABILITY))
    negative: FloatArray = -(right + wrong_mass)
    return negative
