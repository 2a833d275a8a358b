"""The loss attack: a small loss on the true label betrays a member.

Source: Yeom et al. 2018, section 3.3 (threshold on the loss). The threshold is
left to the measurement, which chooses it on other records than it decides on.

A regressor's loss is its error |y − ŷ| (the paper takes the square, which orders
records alike); what p_y is then, `membership.residuals` says.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray

LEAST_PROBABILITY = 1e-12
"""Below this a probability is a rounding matter; the clip keeps the loss finite."""


def score(target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) negative loss, log p_y: cross entropy, or the error of a regressor in units of its own."""
    logarithm: FloatArray = np.log(np.maximum(target.likelihood(pool), LEAST_PROBABILITY))
    return logarithm
