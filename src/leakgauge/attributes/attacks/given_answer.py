"""The given answer: the value with which the model answers as it did about the record itself.

What an attacker sees who reads along when a person's own record is asked about, as the attacks of the
Adversarial Robustness Toolbox and of Fredrikson et al. 2015 assume. It tells the value of anybody whose
answer depends on it, member or not. So the figure says how much an answer reveals, not what training left
behind.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attributes.protocol import Question
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray

_SAME = 1e-9
"""Distance of two answers from which on they are two."""


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, k) 0 for values with the same answer, minus the logarithm of the distance for the others."""
    if question.probabilities is None:
        same: FloatArray = (question.labels == question.given.argmax(axis=1)[:, None]).astype(np.float64)
        return same
    distance = np.abs(question.probabilities - question.given[:, None, :]).sum(axis=2)
    nearness: FloatArray = -np.log(np.maximum(distance, _SAME) / _SAME)
    return nearness
