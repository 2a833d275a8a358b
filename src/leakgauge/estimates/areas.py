"""The area under the ROC curve, and differences between two.

Sources: DeLong, DeLong & Clarke-Pearson 1988 (the variance of an area under the ROC curve, and the
covariance of two on the same records); Qin & Hotilovac 2008 (its interval on the logit scale); Birnbaum &
Klose 1957 (that variance is at most A(1 − A)/min(m, n)); Hanley & Lippman-Hand 1983 (what may be there
though none of it was seen).
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from leakgauge.estimates.curves import StepRoc, check_scores, step_roc
from leakgauge.estimates.figures import CONFIDENCE, BoolArray, Estimate, FloatArray, normal_reach


def area_under_roc(scores: FloatArray, member: BoolArray) -> float:
    """The chance that a random member scores above a random non-member, ties counting half."""
    return area_under(step_roc(scores, member))


def area_under(roc: StepRoc) -> float:
    """The same from the curve, for those who have it: what takes longest is to order the scores."""
    members = np.diff(roc.true_positives, prepend=0)
    non_members = np.diff(roc.false_positives, prepend=0)
    below = roc.non_members - roc.false_positives
    wins = float(members @ below) + 0.5 * float(members @ non_members)
    return wins / (float(roc.members) * float(roc.non_members))


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
    reach = normal_reach(variance, confidence)
    return Estimate(value, value - reach, value + reach, len(first))


def _logit_interval(value: float, variance: float, confidence: float) -> tuple[float, float]:
    """Ends that lie equally far from the logit of a share; the share itself where nothing varies."""
    if variance <= 0.0 or not 0.0 < value < 1.0:
        return value, value
    reach = normal_reach(variance, confidence) / (value * (1.0 - value))
    low, high = expit(logit(value) + np.array([-reach, reach]))
    return min(float(low), value), max(float(high), value)


def _placements(scores: FloatArray, member: BoolArray) -> tuple[FloatArray, FloatArray]:
    """For each member the share of non-members below it, for each non-member that of members above it."""
    check_scores(scores, member)
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
