"""Images changed a little: with noise on every pixel, or moved by a pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from leakgauge.images.image import Images

_PLACES_AT_ONCE = 1_000
"""Images that get noise at a time, which bounds its memory."""
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""(rows, columns) of the moves by one pixel."""


@dataclass(frozen=True, slots=True)
class ImagePerturbations:
    """Changed copies of (n, height, width, channels) images `x` in [0, 1].

    `spread` is the standard deviation of their pixels, the unit that noise is measured in.
    """

    x: Images
    spread: float

    @classmethod
    def of(cls, x: Images) -> ImagePerturbations:
        """Measure the spread of the images' pixels."""
        mean = x.mean(dtype=np.float64)
        parts = [x[at : at + _PLACES_AT_ONCE] for at in range(0, len(x), _PLACES_AT_ONCE)]
        squares = sum(float(np.square(part - mean, dtype=np.float64).sum()) for part in parts)
        return cls(x, math.sqrt(squares / x.size))

    def copy(self, strength: float, *, rng: np.random.Generator) -> Images:
        """A copy of all images with Gaussian noise of `strength` spreads on every pixel, kept in [0, 1]."""
        changed = np.empty_like(self.x)
        for at in range(0, len(self.x), _PLACES_AT_ONCE):
            part = self.x[at : at + _PLACES_AT_ONCE]
            noise = rng.standard_normal(part.shape, dtype=np.float32)
            changed[at : at + _PLACES_AT_ONCE] = np.clip(
                part + np.float32(strength * self.spread) * noise, 0.0, 1.0
            )
        return changed

    def moved(self, move: tuple[int, int]) -> Images:
        """All images moved by (rows, columns); the edge that they leave is repeated."""
        changed = self.x
        for axis, step in zip((1, 2), move, strict=True):
            places = np.arange(self.x.shape[axis])
            if step:
                changed = changed.take(np.clip(places - step, 0, len(places) - 1), axis=axis)
        return changed
