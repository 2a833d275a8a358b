"""Logits clipped: no class may lie further than a bound below the likeliest one.

Source: cf. Wei et al. 2023, "Mitigating Memorization of Noisy Labels by Clipping
the Model Prediction", which clips logits in training. Here they are clipped on
their way out, so the model is what it was and only its surest answers are changed.

Cost: the surest probabilities are understated: with c classes none exceeds
1 / (1 + (c − 1) exp(−bound)), and classes far behind become equal; label and so
the accuracy stay. Where the model is sure, answers no longer differ, which takes
their slope from attacks that climb it and the rank from those that order records.

Probabilities give logits up to a constant, which the difference to the largest
does not need.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leakgauge.targets.protocol import FloatArray


def change(answers: FloatArray, *, strength: float, queries: Any) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, n_classes) probabilities in proportion to max(p / max p, exp(−`strength`))."""
    clipped = np.maximum(answers / answers.max(axis=1, keepdims=True), np.exp(-strength))
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))
