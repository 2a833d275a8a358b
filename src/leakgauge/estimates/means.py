"""Means of errors, with their intervals.

Source: Student's t for a mean; the root of a mean of squares has the roots of that interval's ends.
"""

from __future__ import annotations

from scipy.special import stdtrit

from leakgauge.estimates.figures import CONFIDENCE, Estimate, FloatArray


def mean_error(errors: FloatArray, *, confidence: float = CONFIDENCE) -> Estimate:
    """The mean of (n,) absolute errors.

    Raises
    ------
    ValueError
        for no errors.
    """
    return _mean(errors, power=1, confidence=confidence)


def root_mean_square(errors: FloatArray, *, confidence: float = CONFIDENCE) -> Estimate:
    """The root of the mean square of (n,) absolute errors; raises as `mean_error`."""
    return _mean(errors, power=2, confidence=confidence)


def _mean(errors: FloatArray, *, power: int, confidence: float) -> Estimate:
    n = len(errors)
    if n == 0:
        raise ValueError("a mean of no errors")
    # in units of the largest, whose square may be no finite number
    largest = float(errors.max())
    if largest == 0.0:
        return Estimate(0.0, 0.0, 0.0, n)
    parts = (errors / largest) ** power
    mean = float(parts.mean())
    reach = 0.0
    if n > 1:
        reach = float(stdtrit(n - 1, 0.5 + confidence / 2)) * float(parts.std(ddof=1)) / n**0.5
    low, value, high = (
        float(f"{largest * max(end, 0.0) ** (1 / power):.6g}") for end in (mean - reach, mean, mean + reach)
    )
    return Estimate(value, low, high, n)
