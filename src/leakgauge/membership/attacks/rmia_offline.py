"""RMIA of an attacker who has other data of the source, and no record in question to train on.

Source: Zarifzadeh, Liu & Shokri 2024, "Low-Cost High-Power Membership Inference Attacks", equations 2
and 4, and appendix B.2.2 for the offline attack: what models trained on the record would say is not
known, so it is taken to lie above p̄_out, what models not trained on it say, by

    p̄_in = a p̄_out + (1 − a),   p(x) = (p̄_in + p̄_out) / 2 = ((1 + a) p̄_out + (1 − a)) / 2

with a = 0.3, the paper's choice where nothing can be tuned.

Deviations
----------
As in `rmia`: the score is the ratio p_y(x) / p(x) itself.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray

A = 0.3


def score(
    target: SharedAnswers,
    pool: Pool,
    *,
    rng: np.random.Generator,  # noqa: ARG001 -- the protocol's signature
    progress: Progress,
) -> FloatArray:
    """(n,) ratios of the target's probability of the true label to what it would be without the record."""
    p_y = target.likelihood(pool)
    out = target.reference_answers(progress, attacker="population").mean_out()
    ratio: FloatArray = p_y / (((1.0 + A) * out + (1.0 - A)) / 2.0)
    return ratio
