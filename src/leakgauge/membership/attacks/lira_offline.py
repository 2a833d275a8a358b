"""LiRA of an attacker who has other data of the source, and no record in question to train on.

Source: Carlini, Chien, Nasr, Song, Terzis & Tramèr 2022, "Membership Inference Attacks From First
Principles", section V-C, equation 4: with φ = log(p_y / (1 − p_y)) and mean and variance over
reference models that were not trained on the record, the score is

    Pr[N(μ_out, σ²_out) ≤ φ(x)],

of which (φ − μ_out) / σ_out is a monotone function.

Deviations
----------
Shrunken variance and Student's t in place of the normal are those of `lira`, and so is the clip of
models that count votes. Others are clipped at 1e-5: no model that was trained on
the record says what a confidence beyond that would mean, and it is more often that of an easy record.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.attacks import lira
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray

CLIPPED_ODDS = 1e-5


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
    confidence, of_references, answers = lira.confidences(
        target, pool, progress, attacker="population", least=CLIPPED_ODDS
    )
    outside = lira.predicted(of_references, ~answers.trained_on)
    above: FloatArray = (confidence - outside.mean) / outside.scale
    return above
