"""The gap attack: whatever the target labels correctly was in its training data.

Source: Yeom, Giacomelli, Fredrikson & Jha 2018, "Privacy Risk in Machine
Learning: Analyzing the Connection to Overfitting", section 3.2 (bounded loss).
Its advantage is the gap between training and test accuracy, which makes it the
floor that any other attack must beat.

A regressor's predictions are right or wrong by the threshold that section 3.4 sets where the
training error is known, as it often is published: an error of at most the root mean square of the
members' own. That a member is compared with a mean that holds its own error changes no
decision: r_i² ≤ (S + r_i²) / n is the same as r_i² ≤ S / (n − 1).
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def score(target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) 1.0 where the predicted label is the true one, or the number is near enough, else 0.0."""
    if target.error_scale is None:
        return target.right(pool).astype(np.float64)
    errors = np.abs(pool.y - target.predictions(pool.x)) / target.error_scale.unit
    near: FloatArray = (errors <= np.sqrt(np.mean(errors[pool.member] ** 2))).astype(np.float64)
    return near
