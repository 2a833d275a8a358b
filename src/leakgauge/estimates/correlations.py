"""Matthews' correlation coefficient of decisions among several values.

Sources: Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation coefficient" (the
coefficient of more than two values); Efron & Stein 1981 (the jackknife).
"""

from __future__ import annotations

import numpy as np

from leakgauge.estimates.figures import CONFIDENCE, Estimate, FloatArray, IntArray, normal_reach


def matthews_correlation(decided: IntArray, truth: IntArray, *, confidence: float = CONFIDENCE) -> Estimate:
    """Correlation of (n,) decisions with the truth: 1 where all are right, 0 for guessing.

    It is 0 where one value alone is decided for, or true. The interval is normal, by the jackknife over
    records, which are alike where decision and truth are.

    Raises
    ------
    ValueError
        for no records.
    """
    n = len(truth)
    if n == 0:
        raise ValueError("a correlation of no records")
    values = int(max(decided.max(), truth.max())) + 1
    counts = np.zeros((values, values))
    np.add.at(counts, (decided, truth), 1.0)
    value = _coefficient(counts)
    if n < 3:
        return Estimate(value, -1.0, 1.0, n)
    present = np.argwhere(counts > 0.0)
    without = np.empty(len(present))
    for place, (row, column) in enumerate(present):
        counts[row, column] -= 1.0
        without[place] = _coefficient(counts)
        counts[row, column] += 1.0
    times = counts[present[:, 0], present[:, 1]]
    mean = float(times @ without) / n
    variance = (n - 1) / n * float(times @ (without - mean) ** 2)
    reach = normal_reach(variance, confidence)
    return Estimate(value, max(value - reach, -1.0), min(value + reach, 1.0), n)


def _coefficient(counts: FloatArray) -> float:
    n = counts.sum()
    decided, true = counts.sum(axis=1), counts.sum(axis=0)
    below = np.sqrt((n**2 - decided @ decided) * (n**2 - true @ true))
    return float((n * np.trace(counts) - decided @ true) / below) if below > 0.0 else 0.0
