"""Pixels as the type that a model takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_type(images: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The images as numbers of `dtype`: rounded to the nearest of them where it is of whole numbers."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.clip(np.rint(images), limits.min, limits.max).astype(dtype)
    return images.astype(dtype, copy=False)
