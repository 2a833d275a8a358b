"""LiRA of an attacker who has other data of the source, and no record in question to train on.

Source: Carlini, Chien, Nasr, Song, Terzis & Tramèr 2022, "Membership Inference Attacks From First
Principles", section V-C, equation 4: with φ = log(p_y / (1 − p_y)) and mean and variance over
reference models that were not trained on the record, the score is

    Pr[N(μ_out, σ²_out) ≤ φ(x)],

of which (φ − μ_out) / σ_out is a monotone function.

Deviations
----------
Clip, shrunken variance and Student's t in place of the normal are those of `lira`.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.attacks import lira
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def score(
    target: SharedAnswers,
    pool: Pool,
    *,
    rng: np.random.Generator,  # noqa: ARG001 -- the protocol's signature
    progress: Progress,
) -> FloatArray:
    """(n,) how far the target's confidence lies above that of models that never saw the record.

    Raises
    ------
    Unsuited
        as `lira.score`.
    """
    confidence, of_references, answers = lira.confidences(target, pool, "population", progress)
    outside = lira.predicted(of_references, ~answers.trained_on)
    above: FloatArray = (confidence - outside.mean) / outside.scale
    return above
