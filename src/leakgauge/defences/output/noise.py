"""Gaussian noise on the log probabilities.

Source: cf. Jia et al. 2019, "MemGuard: Defending against Black-Box Membership
Inference Attacks via Adversarial Examples", which crafts the noise against one
attack model. Here it is random, and helps against no attack in particular.

Cost: probabilities are wrong by a factor of about exp(± strength), and where two
classes are close the label changes: accuracy falls, by how much the comparison
measures.

Averaging: fresh noise at each query is worth nothing against an attacker who
asks the same question n times and averages, since its size falls with 1/√n. So
the noise is a function of the question: the same record always gets the same
answer, and asking again tells nothing. An attacker then asks about copies that
are changed a little instead (Choquette-Choo et al. 2021, section 4.3), whose
noise is independent while the model's answer hardly moves, and averages those:
`label_only` and every attack that climbs a slope do that already.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from scipy.special import ndtri

from leakgauge.targets.protocol import FloatArray

KEY = b"leakgauge noise 1"
"""Stands for the secret that a service would keep; fixed, so that audits can be repeated."""


def change(answers: FloatArray, *, strength: float, queries: Any) -> FloatArray:
    """(n, n_classes) probabilities times exp(`strength` · z), z standard normal and fixed by the query."""
    noisy = answers * np.exp(strength * _normal(queries, answers.shape[1]))
    return np.asarray(noisy / noisy.sum(axis=1, keepdims=True))


def _normal(queries: Any, n_classes: int) -> FloatArray:
    """(n, n_classes) standard normal numbers, a function of each row's content."""
    digests = [hashlib.shake_128(KEY + row).digest(8 * n_classes) for row in _rows(queries)]
    bits = np.frombuffer(b"".join(digests), dtype="<u8").reshape(len(digests), n_classes)
    # the middle of one of 2**53 equal steps: neither 0 nor 1, where the quantile is infinite
    return np.asarray(ndtri(((bits >> np.uint64(11)) + 0.5) / 2.0**53), dtype=np.float64)


def _rows(queries: Any) -> list[bytes]:
    """Each row's content; equal rows give equal bytes, whatever they are stored as."""
    values = np.asarray(queries)
    if values.dtype.kind in "biuf":
        # adding zero turns minus zero into zero
        flat = np.ascontiguousarray(values, dtype=np.float64).reshape(len(values), -1) + 0.0
        return [row.tobytes() for row in flat]
    return ["\x1f".join(map(_spelled, row)).encode("utf-8", "surrogatepass") for row in values.tolist()]


def _spelled(value: object) -> str:
    # a column of whole numbers may arrive as 1 or as 1.0
    return str(float(value) + 0.0) if isinstance(value, bool | int | float) else str(value)
