"""The loss attack: a small loss on the true label betrays a member.

Source: Yeom et al. 2018, section 3.3 (threshold on the loss). The threshold is
left to the measurement, which chooses it on other records than it decides on.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, true_label_probability
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, Target

LEAST_PROBABILITY = 1e-12
"""Below this a probability is a rounding matter; the clip keeps the loss finite."""


def score(target: Target, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) negative cross-entropy loss, log p_y."""
    p_y = true_label_probability(target.probabilities(pool.x), pool.y)
    logarithm: FloatArray = np.log(np.maximum(p_y, LEAST_PROBABILITY))
    return logarithm
