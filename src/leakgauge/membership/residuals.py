"""How far a regressor's predictions lie from the true numbers, in units that fit the model and its labels.

Attacks on classifiers read p_y, the probability of the true label. What a regressor says of a true
number y with a prediction ŷ is

    p_y = exp(−|y − ŷ| / b),

the density of Laplace's distribution around ŷ at y, over its peak. So p_y is 1 for a perfect prediction,
log p_y is the loss that Yeom et al. 2018 compare with a threshold, and ratios of p_y are ratios of
densities, as Zarifzadeh et al. 2024 take them. A normal density in its place reached at most .03 more
of AUC and lost .08 where a model reproduces its training labels exactly, whose errors of 0 are then
hardly denser than small ones.

The unit b is the upper quartile of the target's own errors over the pool, which tells nothing of who is a
member. Multiplying all labels by a number changes no score, and a few huge errors do not set the unit,
as they would in a mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

QUARTILE = 0.75
MOST_UNITS = 690.0
"""Errors beyond this count as this, so that every density is above 0."""
BANDS = ("lowest fifth", "second fifth", "middle fifth", "fourth fifth", "highest fifth")
"""Of the true numbers: what classes are of the labels of a classifier."""
_LEAST_UNIT = 1e-300


@dataclass(frozen=True, slots=True)
class ErrorScale:
    """What the errors of a regressor, and of its clones, are measured in.

    Attributes
    ----------
    unit
        b, in the unit of the labels.
    tolerance
        error up to which a prediction counts as right, in the unit of the labels. It depends on the labels
        alone, so that models can be compared by it.
    """

    unit: float
    tolerance: float

    @classmethod
    def of(cls, predictions: FloatArray, y: FloatArray) -> ErrorScale:
        """The scale of a target.

        Parameters
        ----------
        predictions
            (n,) its predictions about the pool.
        y
            (n,) the true numbers.
        """
        errors = np.abs(y - predictions)
        # where most records are reproduced exactly, the quartile may be 0
        unit = max(float(np.quantile(errors, QUARTILE)), 0.0) or float(errors.mean())
        return cls(max(unit, _LEAST_UNIT), tolerance_of(y))

    def likelihood(self, predictions: FloatArray, y: FloatArray) -> FloatArray:
        """(n,) p_y, above 0 and at most 1."""
        with np.errstate(over="ignore"):
            units = np.abs(y - predictions) / self.unit
        density: FloatArray = np.exp(-np.minimum(units, MOST_UNITS))
        return density

    def right(self, predictions: FloatArray, y: FloatArray) -> BoolArray:
        """(n,) whether a prediction lies within the tolerance."""
        near: BoolArray = np.abs(y - predictions) <= self.tolerance
        return near


def tolerance_of(y: FloatArray) -> float:
    """Half the typical distance of the true numbers from their median.

    The median distance; the mean one where most numbers are the same.
    """
    distances = np.abs(y - np.median(y))
    return float(np.median(distances) or distances.mean()) / 2.0


def bands(y: FloatArray) -> IntArray:
    """(n,) place in `BANDS` of each true number; equal numbers share one."""
    borders = np.quantile(y, np.arange(1, len(BANDS)) / len(BANDS))
    return np.searchsorted(borders, y, side="right").astype(np.int64)
