"""Confidence in the true label: the value with which the model is surest of what it should say.

Yeom et al. 2018, "Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting", section 5: the
membership attack by the loss, asked about each candidate. Weighed with the imputation it is the attack of
Fredrikson et al. 2015, "Model Inversion Attacks that Exploit Confidence Information", section 4.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attributes.protocol import LEAST_PROBABILITY, Question
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, k) log-probability of the true label."""
    return np.log(np.maximum(question.p_y, LEAST_PROBABILITY))
