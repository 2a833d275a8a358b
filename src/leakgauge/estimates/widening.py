"""Wider intervals, for figures whose records are not independent or whose attack was drawn at random.

Sources: Nadeau & Bengio 2003 (the variance of what is cross-fitted); Tukey 1958 and Efron & Stein 1981
(the jackknife); Zou & Donner 2008 (adding up two errors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leakgauge.estimates.figures import CONFIDENCE, Figure, FloatArray, normal_reach

THRESHOLD_FOLDS = 10
"""Into how many the records are cut where thresholds are chosen on others than they decide on."""


def for_cross_fitting(found: Figure, folds: int | None) -> Figure:
    """A figure of cross-fitted scores, as wide as these ask for; `found` took them for independent.

    Where the model of each fold has learned from all others, any two records of
    different folds meet twice: one known and one scored, then the other way
    round. What chance gives the first time it gives again the second. Where
    there is nothing to learn this doubles the variance. The factor is that of
    Nadeau & Bengio 2003, 1 + folds · (scored / known) with folds − 1 known for
    each that is scored: 2.1 for ten folds. Where there is much to learn, little
    of the variance is of this kind, and the interval is wider than it need be,
    by 1.45 at most.

    Parameters
    ----------
    found
        a share, from 0 to 1, or a rate; a withheld one stays as it is.
    folds
        into how many the records were cut, at least 2; None where nothing was cross-fitted.
    """
    return found if folds is None else stretched(found, cross_fitting_inflation(folds))


def for_chosen_threshold(found: Figure, folds: int = THRESHOLD_FOLDS) -> Figure:
    """A figure of cross-fitted decisions, as wide as these ask for; `found` took the thresholds for given.

    Two records of different folds help to choose the threshold that the other
    is decided by, so their decisions are dependent as those of attack models are;
    see `for_cross_fitting`. But a threshold can only move, and where it lies
    matters little near the best place. Half of the addition to the variance is
    enough: over normal, heavy-tailed and tied scores of 600 to 13,000 records,
    with one threshold or one for each class, the standard deviation is 1.03 to
    1.28 times that of given thresholds, most where scores say nothing
    (`benchmarks/calibration.py`). This makes the interval 1.25 times as wide.

    Parameters
    ----------
    found
        a share, from 0 to 1.
    folds
        into how many the records were cut to choose thresholds.
    """
    return stretched(found, 1.0 + 0.5 * folds / (folds - 1))


def jackknife_error(values: Sequence[float]) -> float:
    """Standard error of a figure that comes from independent draws, from its values without each of them.

    Tukey 1958; in the mean no smaller than the true one (Efron & Stein 1981).

    Parameters
    ----------
    values
        the figure computed without the first draw, without the second, ...; at least two.
    """
    without = np.asarray(values, dtype=np.float64)
    return float(np.sqrt((len(without) - 1) * without.var()))


def common_error(halves: FloatArray) -> float:
    """Standard error from that part of a draw which all records have in common.

    A draw moves every record's score a little in its own way, which the interval over records
    holds already, and some of them together, which it does not. The jackknife counts both. Of
    what two halves of the records say without each draw, the products have only the second in common.

    Parameters
    ----------
    halves
        (s, k, 2) the figure on either half of the records, for s ways to halve them, without each of
        k draws; at least two draws.
    """
    apart = halves - halves.mean(axis=1, keepdims=True)
    covariance = float((apart[..., 0] * apart[..., 1]).mean())
    return float(np.sqrt(max((halves.shape[1] - 1) * covariance, 0.0)))


def with_drawn(found: Figure, error: float, *, confidence: float = CONFIDENCE) -> Figure:
    """A figure whose interval also holds the draw of what the attack compares with, reference models.

    `found` is about one draw of them; the two errors are independent and add up by squares, as
    in MOVER (Zou & Donner 2008).

    Parameters
    ----------
    found
        a share, from 0 to 1, or a rate, at `confidence`; a withheld one stays as it is.
    error
        standard error from the draw alone, see `common_error`.
    """
    if found.value is None or found.low is None or found.high is None:
        return found
    reach = normal_reach(error**2, confidence)
    low = found.value - float(np.hypot(found.value - found.low, reach))
    high = found.value + float(np.hypot(found.high - found.value, reach))
    return replace(found, low=max(low, 0.0), high=min(high, 1.0))


def cross_fitting_inflation(folds: int) -> float:
    """How many times as large a variance is where scores were cross-fitted; see `for_cross_fitting`."""
    return 1.0 + folds / (folds - 1)


def stretched(found: Figure, inflation: float, *, least: float = 0.0) -> Figure:
    """A figure of `least` to 1 whose variance is `inflation` times as large; a withheld one as it is."""
    if found.value is None or found.low is None or found.high is None:
        return found
    stretch = float(np.sqrt(inflation))
    low = found.value - stretch * (found.value - found.low)
    high = found.value + stretch * (found.high - found.value)
    return replace(found, low=max(low, least), high=min(high, 1.0))
