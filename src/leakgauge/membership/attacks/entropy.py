"""The entropy attack: a target that is sure of itself has seen the record.

Source: Song & Mittal 2021, "Systematic Evaluation of Privacy Risks of Machine
Learning Models", equation 7 (after Shokri et al. 2017). It looks at no label,
so it is confidently wrong on records that the target confidently mislabels.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from leakgauge.membership.pool import Pool
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, Target


def score(target: Target, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) negative Shannon entropy of the answer, in nats."""
    negative: FloatArray = -entr(target.probabilities(pool.x)).sum(axis=1)
    return negative
