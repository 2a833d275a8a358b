"""Training tables for those who rebuild them, with a label that depends on the row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Table = tuple[NDArray[np.float64], NDArray[np.float64]]


def binary_table(n: int, seed: int, *, columns: int = 14) -> Table:
    """(n, columns) of 0 and 1, of unequal shares, and (n,) classes 0 and 1."""
    rng = np.random.default_rng(seed)
    x = (rng.random((n, columns)) < rng.uniform(0.15, 0.85, columns)).astype(np.float64)
    y = x[:, 0] + x[:, 1] * x[:, 2] - x[:, 3] + rng.normal(scale=0.7, size=n)
    return x, (y > np.median(y)).astype(np.float64)


def mixed_table(n: int, seed: int) -> Table:
    """(n, 8) measurements, two-valued columns, whole numbers and cents, as models read them; (n,) numbers."""
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [
            rng.normal(size=(n, 3)),
            rng.integers(0, 2, (n, 2)),
            rng.integers(18, 80, (n, 2)),
            rng.exponential(size=n).round(2),
        ]
    )
    x = x.astype(np.float32).astype(np.float64)
    return x, 2 * x[:, 0] + x[:, 1] ** 2 + x[:, 3] * x[:, 5] / 20 + x[:, 7] + rng.normal(scale=0.5, size=n)
