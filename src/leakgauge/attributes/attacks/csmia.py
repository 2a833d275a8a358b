"""CSMIA: the value with which the model is right, or surest, or least sure where it is always wrong.

Mehnaz et al. 2022, "Are Your Sensitive Attributes Private? Novel Model Inversion Attribute Inference Attacks
on Classification Models", section 5.1: (1) where the model predicts the true label with one value alone, that
value; (2) with several, the one with the highest confidence; (3) with none, the one with the lowest.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attributes.protocol import Question
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, k) 1 + confidence where the model is right, minus the confidence where it is wrong."""
    right, confidence = question.right, question.confidence
    return right * (1.0 + confidence) - (1.0 - right) * confidence
