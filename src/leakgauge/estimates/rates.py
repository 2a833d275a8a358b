"""The true-positive rate at a limit on the false-positive rate.

Sources: Carlini et al. 2022 (the rate); Thompson 1936 (where a quantile lies among ordered values); Fay,
Proschan & Brittain 2015 (melding the confidence distributions of two samples).
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, bdtrik, betainc, lambertw

from leakgauge.estimates.curves import StepRoc
from leakgauge.estimates.figures import CONFIDENCE, FloatArray, RateAtLimit

LEAST_FALSE_POSITIVES = 3
"""A rate below which fewer false positives than this can be seen is not stated."""
_NEGLIGIBLE = 1e-7
"""Chance on either side of numbers of false positives that no interval takes into account."""


def rate_within(roc: StepRoc, limit: float) -> float:
    """The true-positive rate at the loosest threshold whose false-positive rate is within `limit`."""
    within = _steps_within(roc, limit)
    return float(roc.true_positives[within - 1] / roc.members) if within else 0.0


def true_positive_rate_at(roc: StepRoc, limit: float, *, confidence: float = CONFIDENCE) -> RateAtLimit:
    """The true-positive rate at the loosest threshold whose false-positive rate is within `limit`.

    No interpolation between steps. Withheld where `limit` times the number of
    non-members is below three: so few false positives cannot be told from none.
    The interval is about the rate at the threshold whose *true* false-positive
    rate is `limit`, so it carries the draw of the members and that of the
    non-members, who place the threshold; `_melded_interval` says how.
    """
    allowed = _allowed(roc, limit)
    within = _steps_within(roc, limit)
    true_positives = int(roc.true_positives[within - 1]) if within else 0
    false_positives = int(roc.false_positives[within - 1]) if within else 0
    if allowed < LEAST_FALSE_POSITIVES:
        needed = int(np.ceil(LEAST_FALSE_POSITIVES / limit))
        return RateAtLimit(
            None,
            None,
            None,
            roc.members,
            false_positives,
            withheld=f"{roc.non_members:,} non-members cannot resolve this rate; it takes {needed:,}",
        )
    value = true_positives / roc.members
    low, high = _melded_interval(roc, limit, confidence)
    return RateAtLimit(value, min(low, value), max(high, value), roc.members, false_positives)


def _melded_interval(roc: StepRoc, limit: float, confidence: float) -> tuple[float, float]:
    """Both ends for the rate at the threshold whose true false-positive rate is `limit`.

    Of n non-members, k score above that threshold with the chance that a
    Binomial(n, limit) has of being k (Thompson 1936). It then lies between the
    k-th and the (k + 1)-th highest non-member, so at least as many members are
    above it as above the one, and at most as many as above the other. Each of
    these counts says about the rate what an exact binomial interval says: a
    Beta distribution for either end (Clopper & Pearson 1934). Melded (Fay,
    Proschan & Brittain 2015), that is a mixture of Beta distributions, one for
    each k; its tails are the ends of the interval. Lower and upper
    distribution enter by halves, which is the mid-P form: with both whole, the
    interval is up to twice as wide where few non-members count.

    Nothing is drawn at random, and only the order of the scores matters. Whoever
    ties with a non-member is not above it. Where one score is shared by many
    records the rate jumps, and the tails take that into account; see
    `_tail_for_jumps`.
    """
    from scipy.optimize import brentq  # at need: the command line starts sooner without

    members, non_members = roc.members, roc.non_members
    fewest, most = np.ceil(bdtrik([_NEGLIGIBLE, 1.0 - _NEGLIGIBLE], non_members, limit)).astype(np.int64)
    beyond = np.arange(max(fewest, 0), min(most, non_members) + 1)
    at_most = bdtr(beyond.astype(np.float64), non_members, limit)
    at_most[-1] = 1.0
    chances = np.diff(at_most, prepend=0.0)

    above = np.concatenate([[0], roc.true_positives])  # [step]: members stricter than that step
    at, after = (np.searchsorted(roc.false_positives, rank) for rank in (beyond, beyond + 1))
    fewer, more = above[at], above[after]
    # members who tie with the k-th non-member and come in all at once behind it
    jumps = np.where((after > at) & (beyond > 0), above[np.minimum(at + 1, len(above) - 1)] - fewer, 0)

    weights = np.tile(chances / 2.0, 2)
    first = np.concatenate([fewer, more + 1]).astype(np.float64)
    second = np.concatenate([members - fewer + 1, members - more]).astype(np.float64)
    at_nought, at_one = first == 0.0, second == 0.0  # all their weight is on 0, or on 1
    inside = ~(at_nought | at_one)
    first, second = first[inside], second[inside]

    def share_below(rate: float) -> float:
        return float(weights[at_nought].sum() + weights[inside] @ betainc(first, second, rate))

    def quantile(tail: float) -> float:
        if share_below(0.0) >= tail:
            return 0.0
        if weights[at_one].sum() >= 1.0 - tail:
            return 1.0
        return float(brentq(lambda rate: share_below(rate) - tail, 0.0, 1.0, xtol=1e-8))

    tail = _tail_for_jumps(chances, (fewer + more) / (2.0 * members), jumps / members, members, confidence)
    return quantile(tail), quantile(1.0 - tail)


def _tail_for_jumps(
    chances: FloatArray, rates: FloatArray, jumps: FloatArray, members: int, confidence: float
) -> float:
    """The chance to leave beyond each end, less than usual where the rate jumps.

    Errors of the members and of the threshold add up where the rate rises
    smoothly. At a jump they multiply instead: a threshold on its wrong side
    with chance p leaves the wrong rate a share p of the mixture, and the end
    passes the true rate when the members' own error is in the last tail/p of
    that. Over all p this happens with a chance of tail · (1 − ln tail), as for
    Fisher's product of two P-values. Since one jump can mislead only one end,
    that may be all of 1 − confidence. The tail goes from the usual to that one
    as the jumps' share of the spread of the mixture goes from none to all.

    Parameters
    ----------
    chances, rates, jumps
        (k,) for each number of non-members beyond the threshold its chance, the share of
        members found, and the share who join at once with the next.
    """
    usual = (1.0 - confidence) / 2.0
    up_to = np.cumsum(chances)
    from_jumps = float(jumps**2 @ np.maximum(up_to * (1.0 - up_to), 0.0))
    if from_jumps == 0.0:
        return usual
    spread = float(chances @ (rates - chances @ rates) ** 2 + chances @ (rates * (1.0 - rates)) / members)
    share = 1.0 if from_jumps >= spread else float(np.sqrt(from_jumps / spread))
    # solves tail · (1 − ln tail) = 1 − confidence
    careful = float(np.exp(1.0 + lambertw(-(1.0 - confidence) / np.e, -1).real))
    return float(usual ** (1.0 - share) * min(careful, usual) ** share)


def _allowed(roc: StepRoc, limit: float) -> int:
    """How many non-members may lie above a threshold."""
    return int(np.floor(limit * roc.non_members + 1e-9))


def _steps_within(roc: StepRoc, limit: float) -> int:
    """How many steps of the curve, from the strictest, keep within `limit`."""
    return int(np.searchsorted(roc.false_positives, _allowed(roc, limit), side="right"))
