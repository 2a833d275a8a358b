"""Figures that carry their own uncertainty.

Everything that a report states is an `Estimate`: a value, its interval and the
number of records behind it. Scores are "higher means more likely a member";
`member` is a boolean array of the same length. Nothing here knows about models,
files or reports.

Sources
-------
Clopper & Pearson 1934 (exact binomial interval); Zou & Donner 2008 (MOVER, the
interval of a sum of two independent estimates); DeLong, DeLong & Clarke-Pearson
1988 (the variance of an area under the ROC curve, and the covariance of two on
the same records); Qin & Hotilovac 2008 (its interval on the logit scale);
Birnbaum & Klose 1957 (that variance is at most A(1 − A)/min(m, n)); Hanley &
Lippman-Hand 1983 (what may be there though none of it was seen);
Thompson 1936 (where a quantile lies among ordered values); Fay, Proschan &
Brittain 2015 (melding the confidence distributions of two samples); Nadeau &
Bengio 2003 (the variance of what is cross-fitted); Jagielski, Ullman & Oprea
2020 (a lower bound on ε from exact intervals); Carlini et al. 2022
(true-positive rate at low false-positive rate); Tukey 1958 and Efron & Stein
1981 (the jackknife).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import bdtr, bdtrik, betainc, betaincinv, expit, lambertw, logit, ndtri

CONFIDENCE = 0.95
BOOTSTRAP_REPLICATES = 1_000
THRESHOLD_FOLDS = 10
"""Into how many the records are cut where thresholds are chosen on others than they judge."""
LEAST_FALSE_POSITIVES = 3
"""A rate below which fewer false positives than this can be seen is not stated."""
_NEGLIGIBLE = 1e-7
"""Chance on either side of numbers of false positives that no interval takes into account."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval (95 % unless said otherwise) and the number of records behind it."""

    value: float
    low: float
    high: float
    n: int

    def __post_init__(self) -> None:
        """Refuse an interval that does not hold its own value."""
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} lies outside [{self.low}, {self.high}]")


@dataclass(frozen=True, slots=True)
class RateAtLimit:
    """The true-positive rate at a limit on the false-positive rate.

    `value`, `low` and `high` are None where the rate is withheld, and
    `withheld` then says why. `false_positives` is the number of non-members
    above the threshold; `n` the number of members.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    false_positives: int
    withheld: str | None = None


_Figure = TypeVar("_Figure", Estimate, RateAtLimit)


@dataclass(frozen=True, slots=True)
class StepRoc:
    """The ROC curve as counts, one step per distinct score, from the strictest threshold down.

    `true_positives[k]` members and `false_positives[k]` non-members score at
    least `thresholds[k]`. Records with equal scores fall on the same side
    together, so ties never help the attacker.
    """

    thresholds: FloatArray
    true_positives: IntArray
    false_positives: IntArray
    members: int
    non_members: int


def confidence_for(comparisons: int, confidence: float = CONFIDENCE) -> float:
    """The confidence at which each of several intervals holds so that all hold at `confidence`.

    Bonferroni's correction: the strongest of many attacks is the one that luck
    favoured most.
    """
    return 1.0 - (1.0 - confidence) / max(comparisons, 1)


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
    """The mean of two independent estimates, by MOVER (Zou & Donner 2008, eq. 5)."""
    value = (first.value + second.value) / 2
    below = np.hypot(first.value - first.low, second.value - second.low) / 2
    above = np.hypot(first.high - first.value, second.high - second.value) / 2
    return Estimate(value, value - float(below), value + float(above), first.n + second.n)


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


def step_roc(scores: FloatArray, member: BoolArray) -> StepRoc:
    """The step ROC of (n,) scores; both members and non-members must be present.

    Raises
    ------
    ValueError
        for non-finite scores, or when one side is missing.
    """
    _check(scores, member)
    values, position = np.unique(-scores, return_inverse=True)
    true_positives = np.cumsum(np.bincount(position[member], minlength=len(values)))
    false_positives = np.cumsum(np.bincount(position[~member], minlength=len(values)))
    return StepRoc(
        thresholds=-values,
        true_positives=true_positives.astype(np.int64),
        false_positives=false_positives.astype(np.int64),
        members=int(member.sum()),
        non_members=int((~member).sum()),
    )


def area_under_roc(scores: FloatArray, member: BoolArray) -> float:
    """The chance that a random member scores above a random non-member, ties counting half."""
    _check(scores, member)
    values, position = np.unique(scores, return_inverse=True)
    members = np.bincount(position[member], minlength=len(values))
    non_members = np.bincount(position[~member], minlength=len(values))
    return _area(members, non_members)


def area_estimate(scores: FloatArray, member: BoolArray, *, confidence: float = CONFIDENCE) -> Estimate:
    """The area under the ROC curve with an interval that is computed, not drawn at random.

    Two errors add up, as in `mean_of_two`. The draw of records like those that
    were seen: DeLong's variance, normal on the logit scale, which keeps the
    interval within 0 and 1 (Qin & Hotilovac 2008). And records unlike any that
    was seen, which matter near perfect separation alone; see `_unseen`.

    Raises
    ------
    ValueError
        as `step_roc`.
    """
    value = area_under_roc(scores, member)
    against = _placements(scores, member)
    smaller = min(len(side) for side in against)
    most = value * (1.0 - value) / smaller
    # one record says nothing of how its side varies
    variance = most if smaller == 1 else sum(float(side.var(ddof=1)) / len(side) for side in against)
    low, high = _logit_interval(value, variance, confidence)
    unseen = max(_unseen(side, confidence) for side in against)
    if most > 0.0:
        unseen *= max(1.0 - variance / most, 0.0)
    below = float(np.hypot(value - low, unseen * value))
    above = float(np.hypot(high - value, unseen * (1.0 - value)))
    return Estimate(value, max(value - below, 0.0), min(value + above, 1.0), len(scores))


def for_cross_fitting(found: _Figure, folds: int | None) -> _Figure:
    """A figure of cross-fitted scores, as wide as these ask for; `found` took them for independent.

    Where the model of each fold has learned from all others, any two records of
    different folds meet twice: one known and one judged, then the other way
    round. What chance gives the first time it gives again the second. Where
    there is nothing to learn this doubles the variance. The factor is that of
    Nadeau & Bengio 2003, 1 + folds · (judged / known) with folds − 1 known for
    each that is judged: 2.1 for ten folds. Where there is much to learn, little
    of the variance is of this kind, and the interval is wider than it need be,
    by 1.45 at most.

    Parameters
    ----------
    found
        a share, from 0 to 1, or a rate; a withheld one stays as it is.
    folds
        into how many the records were cut, at least 2; None where nothing was cross-fitted.
    """
    return found if folds is None else _stretched(found, _cross_fitting_inflation(folds))


def for_chosen_threshold(found: _Figure, folds: int = THRESHOLD_FOLDS) -> _Figure:
    """A figure of cross-fitted decisions, as wide as these ask for; `found` took the thresholds for given.

    Two records of different folds help to choose the threshold that the other
    is judged by, so their decisions are dependent as those of attack models are;
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
    return _stretched(found, 1.0 + 0.5 * folds / (folds - 1))


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


def with_drawn(found: _Figure, error: float, *, confidence: float = CONFIDENCE) -> _Figure:
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
    reach = _normal_reach(error**2, confidence)
    low = found.value - float(np.hypot(found.value - found.low, reach))
    high = found.value + float(np.hypot(found.high - found.value, reach))
    return replace(found, low=max(low, 0.0), high=min(high, 1.0))


def best_balanced_accuracy(roc: StepRoc) -> float:
    """The balanced accuracy at the threshold that is best on these very records: (1 + Youden's J) / 2."""
    gains = roc.true_positives / roc.members - roc.false_positives / roc.non_members
    return (1.0 + max(float(gains.max()), 0.0)) / 2.0


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


def cross_fitted_decisions(
    scores: FloatArray,
    member: BoolArray,
    *,
    rng: np.random.Generator,
    strata: IntArray | None = None,
    folds: int = THRESHOLD_FOLDS,
    least: int = 20,
) -> BoolArray:
    """(n,) "called a member", by thresholds chosen on other records than the one they judge.

    The threshold of a fold maximises balanced accuracy on the other folds. With
    `strata` (n,), small integers such as class positions, each stratum has its
    own threshold wherever it holds at least `least` members and as many
    non-members outside the fold (Song & Mittal 2021, section 4.2).
    """
    _check(scores, member)
    fold = np.empty(len(scores), dtype=np.int64)
    for side in (member, ~member):
        where = np.flatnonzero(side)
        fold[where] = rng.permutation(len(where)) % folds
    decisions = np.zeros(len(scores), dtype=np.bool_)
    for held_out in range(folds):
        test, train = fold == held_out, fold != held_out
        if not (member[train].any() and (~member[train]).any()):
            continue
        common = _best_threshold(scores[train], member[train])
        decisions[test] = scores[test] >= common
        if strata is None:
            continue
        for stratum in np.unique(strata[test]):
            known = train & (strata == stratum)
            if min(int(member[known].sum()), int((~member[known]).sum())) >= least:
                judged = test & (strata == stratum)
                decisions[judged] = scores[judged] >= _best_threshold(scores[known], member[known])
    return decisions


def empirical_epsilon(
    roc: StepRoc,
    *,
    limits: Sequence[float] = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5),
    confidence: float = CONFIDENCE,
) -> float:
    """A lower bound on ε that this attack demonstrates, at δ = 0; 0 where it shows nothing.

    An (ε, 0)-private model allows TPR ≤ e^ε FPR and TNR ≤ e^ε FNR at every
    threshold (Kairouz, Oh & Viswanath 2015). The rates enter by exact bounds,
    corrected for the thresholds looked at (Jagielski et al. 2020, section 4).
    This is an observation on one model, not an audit of a training algorithm.
    """
    looked_at = confidence_for(2 * len(limits), confidence)
    best = 0.0
    for limit in limits:
        for strict_side in (False, True):
            if strict_side:  # the mirrored test: how surely is a record called a non-member
                hits = roc.non_members - roc.false_positives
                errors = roc.members - roc.true_positives
                hit_total, error_total = roc.non_members, roc.members
                usable = np.flatnonzero(errors <= limit * error_total)
                if not len(usable):
                    continue
                at = int(usable[0])
            else:
                hits, errors = roc.true_positives, roc.false_positives
                hit_total, error_total = roc.members, roc.non_members
                usable = np.flatnonzero(errors <= limit * error_total)
                if not len(usable):
                    continue
                at = int(usable[-1])
            hit_low, _ = clopper_pearson(int(hits[at]), hit_total, confidence=looked_at)
            _, error_high = clopper_pearson(int(errors[at]), error_total, confidence=looked_at)
            if hit_low > 0.0:
                best = max(best, float(np.log(hit_low / error_high)))
    return best


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
    return found if folds is None else _stretched(found, _cross_fitting_inflation(folds), least=-1.0)


def area_difference(
    first: FloatArray, second: FloatArray, member: BoolArray, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Area under the ROC curve of `first` less that of `second`, both (n,) scores of the same records.

    The interval is normal, from the covariance of the two areas (DeLong et al.
    1988, equations 4 to 8): scores that err on the same records differ less than
    their own intervals suggest.
    """
    variance = 0.0
    against = [_placements(scores, member) for scores in (first, second)]
    for side in (0, 1):
        gain = against[0][side] - against[1][side]
        if len(gain) > 1:
            variance += float(gain.var(ddof=1)) / len(gain)
    value = area_under_roc(first, member) - area_under_roc(second, member)
    reach = _normal_reach(variance, confidence)
    return Estimate(value, value - reach, value + reach, len(first))


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
    reach = _normal_reach(variance, confidence)
    return Estimate(value, min(centre - reach, value), max(centre + reach, value), n)


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


def _cross_fitting_inflation(folds: int) -> float:
    return 1.0 + folds / (folds - 1)


def _stretched(found: _Figure, inflation: float, *, least: float = 0.0) -> _Figure:
    """A figure of `least` to 1 whose variance is `inflation` times as large; a withheld one as it is."""
    if found.value is None or found.low is None or found.high is None:
        return found
    stretch = float(np.sqrt(inflation))
    low = found.value - stretch * (found.value - found.low)
    high = found.value + stretch * (found.high - found.value)
    return replace(found, low=max(low, least), high=min(high, 1.0))


def _logit_interval(value: float, variance: float, confidence: float) -> tuple[float, float]:
    """Ends that lie equally far from the logit of a share; the share itself where nothing varies."""
    if variance <= 0.0 or not 0.0 < value < 1.0:
        return value, value
    reach = _normal_reach(variance, confidence) / (value * (1.0 - value))
    low, high = expit(logit(value) + np.array([-reach, reach]))
    return min(float(low), value), max(float(high), value)


def _normal_reach(variance: float, confidence: float) -> float:
    return float(ndtri((1.0 + confidence) / 2.0) * np.sqrt(max(variance, 0.0)))


def _placements(scores: FloatArray, member: BoolArray) -> tuple[FloatArray, FloatArray]:
    """For each member the share of non-members below it, for each non-member that of members above it."""
    _check(scores, member)
    inside, outside = scores[member], scores[~member]

    def below(values: FloatArray, others: FloatArray) -> FloatArray:
        ordered = np.sort(others)
        ranks = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
        share: FloatArray = ranks / (2.0 * len(others))
        return share

    return below(inside, outside), 1.0 - below(outside, inside)


def _unseen(placements: FloatArray, confidence: float) -> float:
    """How far records unlike those that were seen can move an area, as a share of it.

    A kind of record may make up a share of one side that is so large as to stay
    unseen with the chance of one tail (Hanley & Lippman-Hand 1983), and lie on
    the wrong side of everything. That counts in full where the (k,) placements
    of the side are all alike, and less by as many of them as make up their
    variance: (Σd²)² / Σd⁴ for deviations d from their mean, which is 1 where one
    differs from all others. Where the variance is near the most that it can be
    (Birnbaum & Klose 1957), scores are as yes and no, DeLong's variance is the
    binomial one, and `area_estimate` takes that off. So at perfect separation the
    interval is the exact binomial one for as many trials as the smaller side
    has, and one record in the wrong place leaves it about there.
    """
    share: float = 1.0 - ((1.0 - confidence) / 2.0) ** (1.0 / len(placements))
    if np.ptp(placements) == 0.0:
        return share
    squares = (placements - placements.mean()) ** 2
    differing = float(squares.sum()) ** 2 / float(squares @ squares)
    return share / max(differing, 1.0)


def _best_threshold(scores: FloatArray, member: BoolArray) -> float:
    """The threshold with the best balanced accuracy, midway to the next score below it."""
    roc = step_roc(scores, member)
    gain = roc.true_positives / roc.members - roc.false_positives / roc.non_members
    at = int(np.argmax(gain))
    if at + 1 < len(roc.thresholds):
        return float(roc.thresholds[at] + roc.thresholds[at + 1]) / 2
    return float(roc.thresholds[at])


def _area(members: IntArray, non_members: IntArray) -> float:
    """Mann–Whitney area from counts per distinct score, ascending."""
    below = np.cumsum(non_members) - non_members
    wins = float(members @ below) + 0.5 * float(members @ non_members)
    return wins / (float(members.sum()) * float(non_members.sum()))


def _check(scores: FloatArray, member: BoolArray) -> None:
    if scores.shape != member.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} and member {member.shape} must be the same (n,)")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    if not member.any() or member.all():
        raise ValueError("both members and non-members are needed")
