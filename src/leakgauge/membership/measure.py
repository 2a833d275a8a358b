"""What an attack's scores are worth: the one way in which every attack is measured."""

from __future__ import annotations

from typing import Literal

import numpy as np

from leakgauge.estimates import (
    CONFIDENCE,
    Estimate,
    RateAtLimit,
    StepRoc,
    area_estimate,
    balanced_accuracy,
    confidence_for,
    cross_fitted_decisions,
    empirical_epsilon,
    for_chosen_threshold,
    for_cross_fitting,
    proportion,
    step_roc,
    true_positive_rate_at,
)
from leakgauge.membership.held_out import GREATEST_PERCENTAGE, folds_for
from leakgauge.membership.pool import Pool
from leakgauge.report.model import MembershipMetrics, Slice
from leakgauge.targets.protocol import BoolArray, FloatArray

FALSE_POSITIVE_LIMITS = ("0.1", "0.01", "0.001")
ROC_POINTS = 60
FOLDS = folds_for(GREATEST_PERCENTAGE)
"""Into which the pool is cut for attacks that learn."""
LEAST_IN_SLICE = 20
"""Members, and as many non-members, below which a class or group is not measured on its own."""


def measure(
    scores: FloatArray,
    decisions: BoolArray,
    pool: Pool,
    *,
    comparisons: int,
    rng: np.random.Generator,
    cross_fitted: bool = False,
    threshold_chosen: bool = False,
) -> MembershipMetrics:
    """The metrics of one attack.

    Parameters
    ----------
    scores: (n,) higher = more likely a member.
    decisions: (n,) "called a member", from thresholds that saw other records.
    comparisons: number of attacks measured in this audit, for the corrected intervals.
    cross_fitted: whether each record was scored by a model that learned from others of the pool.
    threshold_chosen: whether the thresholds behind `decisions` were chosen on other records of the pool.
    """
    member = pool.member
    roc = step_roc(scores, member)
    per_class = cross_fitted_decisions(scores, member, rng=rng, strata=pool.y)
    corrected = confidence_for(comparisons)
    folds = FOLDS if cross_fitted else None

    def area(confidence: float) -> Estimate:
        return for_cross_fitting(area_estimate(scores, member, confidence=confidence), folds)

    def right(called: BoolArray, *, chosen: bool, confidence: float = CONFIDENCE) -> Estimate:
        found = balanced_accuracy(called, member, confidence=confidence)
        return _of_decisions(found, cross_fitted=cross_fitted, threshold_chosen=chosen)

    def share_right(side: BoolArray) -> Estimate:
        found = proportion(int((decisions == member)[side].sum()), int(side.sum()))
        return _of_decisions(found, cross_fitted=cross_fitted, threshold_chosen=threshold_chosen)

    def rates(confidence: float) -> dict[str, RateAtLimit]:
        return {
            limit: for_cross_fitting(true_positive_rate_at(roc, float(limit), confidence=confidence), folds)
            for limit in FALSE_POSITIVE_LIMITS
        }

    accuracy = right(decisions, chosen=threshold_chosen)
    return MembershipMetrics(
        auc=area(CONFIDENCE),
        auc_corrected=area(corrected),
        accuracy=accuracy,
        accuracy_corrected=right(decisions, chosen=threshold_chosen, confidence=corrected),
        accuracy_per_class=right(per_class, chosen=True),
        member_accuracy=share_right(member),
        non_member_accuracy=share_right(~member),
        advantage=Estimate(2 * accuracy.value - 1, 2 * accuracy.low - 1, 2 * accuracy.high - 1, accuracy.n),
        tpr_at_fpr=rates(CONFIDENCE),
        tpr_at_fpr_corrected=rates(corrected),
        empirical_epsilon=empirical_epsilon(roc),
    )


def decide(scores: FloatArray, pool: Pool, *, threshold: float | None, rng: np.random.Generator) -> BoolArray:
    """(n,) "called a member": by the attack's own threshold, or one chosen on other records."""
    if threshold is None:
        return cross_fitted_decisions(scores, pool.member, rng=rng)
    return scores >= threshold


def drawn_roc(roc: StepRoc) -> tuple[tuple[float, float], ...]:
    """Steps of the ROC for drawing: all ends kept, thinned evenly on the logarithm of the rate."""
    false_positive_rate = roc.false_positives / roc.non_members
    true_positive_rate = roc.true_positives / roc.members
    if len(false_positive_rate) > ROC_POINTS:
        smallest = 1.0 / roc.non_members
        wanted = np.concatenate([[0.0], np.geomspace(smallest, 1.0, ROC_POINTS - 1)])
        # the last step within each wanted rate: a real operating point, never an interpolated one
        at = np.searchsorted(false_positive_rate, wanted, side="right") - 1
        kept = np.unique(np.append(at[at >= 0], len(false_positive_rate) - 1))
    else:
        kept = np.arange(len(false_positive_rate))
    return tuple((float(false_positive_rate[k]), float(true_positive_rate[k])) for k in kept)


def slices(
    scores: FloatArray,
    decisions: BoolArray,
    pool: Pool,
    *,
    class_names: tuple[str, ...],
    cross_fitted: bool = False,
    threshold_chosen: bool = False,
) -> tuple[Slice, ...]:
    """The leak within each class of the target, then within each group, each with its own interval.

    Parameters are those of `measure`.
    """
    parts: list[tuple[Literal["class", "group"], str, BoolArray]] = [
        ("class", name, pool.y == position) for position, name in enumerate(class_names)
    ]
    if pool.group is not None:
        parts += [("group", str(name), pool.group == name) for name in np.unique(pool.group)]
    folds = FOLDS if cross_fitted else None
    found = []
    for by, name, inside in parts:
        member = pool.member[inside]
        members, non_members = int(member.sum()), int((~member).sum())
        if min(members, non_members) < LEAST_IN_SLICE:
            withheld = f"{members} members and {non_members} non-members; it takes {LEAST_IN_SLICE} of each"
            found.append(Slice(by, name, members, non_members, None, None, withheld))
            continue
        area = area_estimate(scores[inside], member)
        accuracy = balanced_accuracy(decisions[inside], member)
        found.append(
            Slice(
                by,
                name,
                members,
                non_members,
                for_cross_fitting(area, folds),
                _of_decisions(accuracy, cross_fitted=cross_fitted, threshold_chosen=threshold_chosen),
            )
        )
    return tuple(found)


def _of_decisions(found: Estimate, *, cross_fitted: bool, threshold_chosen: bool) -> Estimate:
    """A share of decisions, as wide as the way asks for in which scores and thresholds were found.

    What a threshold adds to scores that are themselves cross-fitted is within what these add already.
    """
    if cross_fitted:
        return for_cross_fitting(found, FOLDS)
    return for_chosen_threshold(found) if threshold_chosen else found
