"""A target whose classes are known images: it likes what resembles them."""

from __future__ import annotations

from typing import Any

import numpy as np
from doubles import NoModel
from numpy.typing import NDArray

SIDE = 12


def templates() -> NDArray[np.float32]:
    """(3, 12, 12, 1) images: a bar, a disc, and a corner, bright on black."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    bar = abs(columns - 5.5) < 2
    disc = np.hypot(rows - 5.5, columns - 5.5) < 4
    corner = (rows < 5) & (columns < 5)
    return np.stack([bar, disc & ~bar, corner]).astype(np.float32)[..., None]


def public_images(n: int, side: int = SIDE) -> np.ndarray:
    """(n, side, side, 1) bars, discs and corners at other places and of other sizes than the templates."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[0:side, 0:side]
    found = []
    for number in range(n):
        row, column, size = (*rng.uniform(2, side - 2, 2), rng.uniform(1.5, 4))
        shape = [abs(columns - column) < size, np.hypot(rows - row, columns - column) < size, rows < row]
        found.append(shape[number % 3])
    return np.stack(found).astype(np.float32)[..., None]


class TemplateTarget(NoModel):
    """Softmax of the similarity to each template; counts what it is asked."""

    def __init__(self, *, sharpness: float = 40.0) -> None:
        self.classes: NDArray[Any] = np.arange(3)
        self.queries = 0
        centred = templates().reshape(3, -1) - templates().reshape(3, -1).mean(axis=1, keepdims=True)
        self._weights = sharpness * centred / np.linalg.norm(centred, axis=1, keepdims=True) / SIDE
        self.largest_question = 0

    def probabilities(self, x: Any) -> NDArray[np.float64]:
        images = np.asarray(x, dtype=np.float64)
        assert images.min() >= 0.0
        assert images.max() <= 1.0
        self.queries += len(images)
        self.largest_question = max(self.largest_question, len(images))
        scores = images.reshape(len(images), -1) @ self._weights.T
        likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(likelihood / likelihood.sum(axis=1, keepdims=True), dtype=np.float64)

    def labels(self, x: Any) -> NDArray[np.int64]:
        return np.asarray(self.probabilities(x).argmax(axis=1), dtype=np.int64)
