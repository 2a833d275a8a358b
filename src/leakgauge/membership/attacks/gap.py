"""The gap attack: whatever the target labels correctly was in its training data.

Source: Yeom, Giacomelli, Fredrikson & Jha 2018, "Privacy Risk in Machine
Learning: Analyzing the Connection to Overfitting", section 3.2 (bounded loss).
Its advantage is the gap between training and test accuracy, which makes it the
floor that any other attack must beat.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, Target


def score(target: Target, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) 1.0 where the predicted label is the true one, else 0.0."""
    right: FloatArray = (target.labels(pool.x) == pool.y).astype(np.float64)
    return right
