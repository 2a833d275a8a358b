"""Whether an array gives the label or target of every record, in the order of the table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.protocol import LabelArray

_FEWEST = 20
"""Records from which on agreement in their order is no chance."""


def gives_labels(held: Any, y: LabelArray) -> bool:
    """Whether each value of an array of (n,), or the largest of each row of (n, k), belongs to one class.

    Such are the classes themselves, their codes, and the weights of records of balanced classes.

    Parameters
    ----------
    y
        (n,) positions of the classes.
    """
    values = _in_order(held, len(y))
    if values is None:
        return False
    pairs = np.unique(np.stack([np.unique(values, return_inverse=True)[1], y]), axis=1)
    return bool(1 < len(np.unique(pairs[0])) == pairs.shape[1] <= len(np.unique(y)))


def gives_targets(held: Any, y: LabelArray) -> bool:
    """Whether an array of (n,) or (n, 1) numbers is the targets, as they are or on another scale."""
    values = np.asarray(held)
    if values.shape not in ((len(y),), (len(y), 1)) or values.dtype.kind not in "fiu" or len(y) < _FEWEST:
        return False
    numbers = values.ravel().astype(np.float64)
    if not np.isfinite(numbers).all() or numbers.std() == 0 or y.std() == 0:
        return False
    there, own = (numbers - numbers.mean()) / numbers.std(), (y - y.mean()) / y.std()
    return bool(min(np.abs(there - own).max(), np.abs(there + own).max()) < 1e-6)


def _in_order(held: Any, n: int) -> NDArray[Any] | None:
    """(n,) what an array says of each record; None where it cannot be about the records."""
    values = np.asarray(held)
    if n < _FEWEST or values.ndim not in (1, 2) or len(values) != n or values.dtype.kind not in "fiub":
        return None
    return values.argmax(axis=1) if values.ndim == 2 and values.shape[1] > 1 else values.ravel()
