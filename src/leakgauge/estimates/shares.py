"""Shares of records, and differences between them.

Sources: Clopper & Pearson 1934 (exact binomial interval); Zou & Donner 2008 (MOVER, the interval of a sum
of two independent estimates); Agresti & Min 2005 (two shares of the same records).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import betaincinv

from leakgauge.estimates.figures import CONFIDENCE, BoolArray, Estimate, normal_reach
from leakgauge.estimates.widening import cross_fitting_inflation, stretched

BOOTSTRAP_REPLICATES = 1_000


def clopper_pearson(successes: int, n: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Exact two-sided binomial interval of `successes` in `n` trials; (0, 1) for no trials."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} trials")
    if n == 0:
        return 0.0, 1.0
    tail = (1.0 - confidence) / 2.0
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1.0 - tail)) if successes < n else 1.0
    return low, high


def proportion(successes: int, n: int, *, confidence: float = CONFIDENCE) -> Estimate:
    """The share `successes / n` with its exact interval.

    Raises
    ------
    ValueError
        for `n` of 0: no records, no share.
    """
    if n < 1:
        raise ValueError("a share of no records")
    low, high = clopper_pearson(successes, n, confidence=confidence)
    value = successes / n
    # the exact limits are found numerically and may pass the value by one ulp
    return Estimate(value, min(low, value), max(high, value), n)


def mean_of_two(first: Estimate, second: Estimate) -> Estimate:
    """The mean of two independent estimates; see `mean_of`."""
    return mean_of([first, second])


def mean_of(found: Sequence[Estimate]) -> Estimate:
    """The mean of independent estimates, by MOVER (Zou & Donner 2008, eq. 5).

    Raises
    ------
    ValueError
        for no estimates.
    """
    if not found:
        raise ValueError("a mean of no estimates")
    value = sum(one.value for one in found) / len(found)
    below = float(np.sqrt(sum((one.value - one.low) ** 2 for one in found))) / len(found)
    above = float(np.sqrt(sum((one.high - one.value) ** 2 for one in found))) / len(found)
    return Estimate(value, value - below, value + above, sum(one.n for one in found))


def difference(first: Estimate, second: Estimate) -> Estimate:
    """First less second of two independent estimates, by MOVER (Zou & Donner 2008, eq. 6).

    Of estimates that err together, as those of the same records do, the interval is too wide.
    """
    value = first.value - second.value
    below = np.hypot(first.value - first.low, second.high - second.value)
    above = np.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, value - float(below), value + float(above), first.n + second.n)


def balanced_accuracy(decisions: BoolArray, member: BoolArray, *, confidence: float = CONFIDENCE) -> Estimate:
    """Mean of the share of members called members and of non-members called non-members.

    Parameters
    ----------
    decisions, member
        (n,) booleans, "called a member" and "is a member".
    """
    return mean_of_two(
        proportion(int(decisions[member].sum()), int(member.sum()), confidence=confidence),
        proportion(int((~decisions[~member]).sum()), int((~member).sum()), confidence=confidence),
    )


def paired_difference(
    first: BoolArray,
    second: BoolArray,
    member: BoolArray,
    *,
    rng: np.random.Generator,
    folds: int | None = None,
    confidence: float = CONFIDENCE,
    replicates: int = BOOTSTRAP_REPLICATES,
) -> Estimate:
    """Balanced accuracy of `first` less that of `second`, both (n,) decisions on the same records.

    A stratified bootstrap over records, which keeps the pairing: two attacks
    that err on the same records differ less than their own intervals suggest.

    Parameters
    ----------
    folds
        into how many the records were cut where either was cross-fitted, which widens the interval
        as `for_cross_fitting` does; None where neither was.
    """
    gain = (first == member).astype(np.float64) - (second == member).astype(np.float64)
    value = float(gain[member].mean() + gain[~member].mean()) / 2
    drawn = np.zeros(replicates)
    for side in (member, ~member):
        # gains are -1, 0 or 1: a resample of them is a multinomial draw of three counts
        counts = np.array([(gain[side] == step).sum() for step in (-1, 0, 1)])
        total = int(counts.sum())
        resampled = rng.multinomial(total, counts / total, size=replicates)
        drawn += (resampled[:, 2] - resampled[:, 0]) / total / 2
    tail = (1.0 - confidence) / 2.0
    low, high = (float(limit) for limit in np.quantile(drawn, [tail, 1.0 - tail]))
    found = Estimate(value, min(low, value), max(high, value), len(gain))
    return found if folds is None else stretched(found, cross_fitting_inflation(folds), least=-1.0)


def share_difference(first: BoolArray, second: BoolArray, *, confidence: float = CONFIDENCE) -> Estimate:
    """Share of True in `first` less that in `second`, both (n,) about the same records.

    Agresti & Min 2005, section 3: the normal interval after half a pair has been added to each of
    the four kinds of pairs, which also holds where few or no pairs differ.

    Raises
    ------
    ValueError
        for no records.
    """
    n = len(first)
    if n == 0:
        raise ValueError("a share of no records")
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    value = (only_first - only_second) / n
    padded = n + 2.0
    centre = (only_first - only_second) / padded
    variance = ((only_first + only_second + 1.0) / padded - centre**2) / padded
    reach = normal_reach(variance, confidence)
    return Estimate(value, min(centre - reach, value), max(centre + reach, value), n)
