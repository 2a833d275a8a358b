"""Probabilities rounded to so many decimals.

Source: Shokri, Stronati, Song & Shmatikov 2017, section VIII ("coarsen the
precision of the prediction vector").

Cost: callers lose the decimals; the label and so the accuracy stay. What it
hides is the fine grain by which attacks on probabilities rank records and find
their way uphill. An attack on labels never looked at it.

The rounded row is scaled to sum to 1 again, which tells nothing that the
rounded row did not. A row that rounds to nothing becomes even.

A regressor's numbers are rounded as they are. How coarse that is depends on their unit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leakgauge.targets.protocol import FloatArray


def change_numbers(answers: FloatArray, *, strength: float, queries: Any) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) or (n, 1) numbers rounded to `strength` decimals."""
    return np.asarray(np.round(answers, int(strength)))


def change(answers: FloatArray, *, strength: float, queries: Any) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, n_classes) probabilities rounded to `strength` decimals."""
    rounded = np.round(answers, int(strength))
    total = rounded.sum(axis=1, keepdims=True)
    even = np.full_like(rounded, 1.0 / answers.shape[1])
    return np.asarray(np.divide(rounded, total, out=even, where=total > 0))
