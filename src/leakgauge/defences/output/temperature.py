"""Softer probabilities: the model's log probabilities divided by a temperature.

Source: Shokri et al. 2017, section VIII ("increase entropy of the prediction
vector"); Guo, Pleiss, Sun & Weinberger 2017, "On Calibration of Modern Neural
Networks", eq. 9, for the scaling itself.

Cost: above the temperature that calibrates the model, probabilities understate
how sure it is, and thresholds set on them must be moved; label, order and so the
accuracy stay. The change has an inverse that anybody can compute (multiply log
probabilities by the temperature and normalise), so the attackers of an audit see
through it: expect no effect. An attack that is shown the softened answers and does
not undo them may find less, which must not be taken for protection. It is here so
that a report can say so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leakgauge.targets.protocol import FloatArray


def change(answers: FloatArray, *, strength: float, queries: Any) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, n_classes) probabilities in proportion to p ** (1 / `strength`)."""
    # relative to the largest, so that no row underflows as a whole
    softened = (answers / answers.max(axis=1, keepdims=True)) ** (1.0 / strength)
    return np.asarray(softened / softened.sum(axis=1, keepdims=True))
