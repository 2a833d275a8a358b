"""Sums over training records that a file holds, as linear equations in who was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leakgauge.targets.protocol import FloatArray, IntArray

_LEAST_LENGTH = 1e-9
"""Length of a row below which its coefficients are rounding errors."""


@dataclass(frozen=True, slots=True)
class Equations:
    """Some rows of A z = b, each record in exactly one of them.

    Attributes
    ----------
    row
        (n,) row of each record.
    coefficient
        (n,) its coefficient there.
    right
        (n_rows,) the sums that the file holds.
    """

    row: IntArray
    coefficient: FloatArray
    right: FloatArray

    def scaled(self) -> Equations:
        """The same equations with rows of length 1; rows of nothing but rounding errors become 0 = 0."""
        length = np.sqrt(np.bincount(self.row, weights=self.coefficient**2, minlength=len(self.right)))
        scale = np.where(length > _LEAST_LENGTH, 1.0 / np.maximum(length, _LEAST_LENGTH), 0.0)
        return Equations(self.row, self.coefficient * scale[self.row], self.right * scale)
