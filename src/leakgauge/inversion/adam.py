"""Adam (Kingma & Ba 2015), for several searches side by side."""

from __future__ import annotations

import numpy as np

from leakgauge.targets.protocol import FloatArray

MOMENTUM, SCALE_MEMORY = 0.9, 0.99


class Adam:
    """Steps up estimated gradients, each scaled by what the coefficient's gradients were before.

    Parameters
    ----------
    shape
        (searches, dimensions) of a gradient.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._mean: FloatArray = np.zeros(shape)
        self._square: FloatArray = np.zeros(shape)
        self._steps = 0

    def step(self, gradient: FloatArray, *, length: float) -> FloatArray:
        """(searches, dimensions) the next step, for a step size of `length`."""
        self._steps += 1
        self._mean = MOMENTUM * self._mean + (1 - MOMENTUM) * gradient
        self._square = SCALE_MEMORY * self._square + (1 - SCALE_MEMORY) * gradient**2
        scale = np.sqrt(self._square / (1 - SCALE_MEMORY**self._steps)) + 1e-8
        return np.asarray(length * (self._mean / (1 - MOMENTUM**self._steps)) / scale)
