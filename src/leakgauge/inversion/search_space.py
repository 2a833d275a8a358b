"""The space that an attack searches: x = clip(x₀ + (z ∘ s) B), and never single pixels.

An image classifier answers to noise as readily as to images, so a search over
pixels ends in noise (Nguyen, Yosinski & Clune 2015). An attack is given a space
of images instead and does not know what it is made of; `basis` builds them.

Where images are known by which the space was made, z counts in their standard
deviations s along each axis. A step or a probe of one length then changes every
axis by as much as images differ along it, instead of a broad stroke by too little
and a fine detail by too much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.protocol import FloatArray


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Images that differ from one image by a few patterns.

    Attributes
    ----------
    start
        (height, width, channels) the image x₀ that z = 0 stands for.
    axes
        (dimensions, height · width · channels) the patterns B, orthonormal rows.
    spread
        (dimensions,) standard deviation of images along each axis; ones where it is not known.
    """

    start: NDArray[np.float32]
    axes: NDArray[np.float32]
    spread: FloatArray

    @property
    def dimensions(self) -> int:
        """Length of z."""
        return len(self.axes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        height, width, channels = self.start.shape
        return height, width, channels

    def images(self, coefficients: FloatArray) -> NDArray[np.float32]:
        """(n, *shape) images in [0, 1] for (n, dimensions) coefficients."""
        return np.asarray(np.clip(self.offsets(coefficients) + self.start, 0.0, 1.0), dtype=np.float32)

    def offsets(self, coefficients: FloatArray) -> NDArray[np.float32]:
        """(n, *shape) differences from the start, unclipped, for (n, dimensions) coefficients."""
        along = (coefficients * self.spread).astype(np.float32)
        return (along @ self.axes).reshape(len(coefficients), *self.shape)

    def coefficients(self, offsets: NDArray[np.float32]) -> FloatArray:
        """(n, dimensions) coefficients of (n, *shape) offsets, as far as they lie in the space."""
        return self._along(offsets) / self.spread

    def scattered(self, n: int, *, contrast: float, rng: np.random.Generator) -> FloatArray:
        """(n, dimensions) random coefficients; `contrast` is the deviation of the pixels from the start."""
        amplitude = contrast * np.sqrt(self.start.size / np.square(self.spread).sum())
        return np.asarray(amplitude * rng.standard_normal((n, self.dimensions)))

    def slope(self, gradients: NDArray[np.float32]) -> FloatArray:
        """(n, dimensions) slope along each coefficient, of (n, *shape) gradients by pixel."""
        return self._along(gradients) * self.spread

    def _along(self, patterns: NDArray[np.float32]) -> FloatArray:
        return np.asarray(patterns.reshape(len(patterns), -1) @ self.axes.T, dtype=np.float64)
