"""What an attack's scores are worth: the one way in which every attack is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from leakgauge.estimates import (
    CONFIDENCE,
    Estimate,
    RateAtLimit,
    StepRoc,
    area_estimate,
    area_under,
    balanced_accuracy,
    best_balanced_accuracy,
    common_error,
    confidence_for,
    cross_fitted_decisions,
    empirical_epsilon,
    for_chosen_threshold,
    for_cross_fitting,
    jackknife_error,
    proportion,
    rate_within,
    step_roc,
    true_positive_rate_at,
    with_drawn,
)
from leakgauge.membership.held_out import GREATEST_PERCENTAGE, folds_for, random_halves
from leakgauge.membership.pool import Pool
from leakgauge.membership.residuals import BANDS
from leakgauge.report.model import DrawError, MembershipMetrics, Slice, SlicedBy
from leakgauge.targets.protocol import BoolArray, FloatArray

FALSE_POSITIVE_LIMITS = ("0.1", "0.01", "0.001")
ROC_POINTS = 60
FOLDS = folds_for(GREATEST_PERCENTAGE)
"""Into which the pool is cut for attacks that learn."""
HALVINGS = 8
"""Ways to halve the records, for what the draw of reference models does to all of them."""
OF_FOLDS = 0.2
"""Standard error from folds and seeds, as a share of half the interval of an attack that learns: measured at
.12 to .2 for AUC and .2 to .3 for rates, on pools of 100 + 100 to 1,000 + 1,000 records."""
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
    replicates: Sequence[FloatArray] = (),
    threshold_chosen: bool = False,
) -> MembershipMetrics:
    """The metrics of one attack.

    Parameters
    ----------
    scores
        (n,) higher = more likely a member.
    decisions
        (n,) "called a member", from thresholds that saw other records.
    comparisons
        number of attacks measured in this audit, for the corrected intervals.
    cross_fitted
        whether each record was scored by a model that learned from others of the pool.
    replicates
        (n,) scores without each of the rounds of reference models; none for other attacks.
    threshold_chosen
        whether the thresholds behind `decisions` were chosen on other records of the pool.
    """
    member = pool.member
    per_class = cross_fitted_decisions(scores, member, rng=rng, strata=pool.strata)
    corrected = confidence_for(comparisons)
    intervals = _Intervals(
        scores,
        member,
        step_roc(scores, member),
        FOLDS if cross_fitted else None,
        _common_error(replicates, member, rng=rng),
    )
    accuracy = intervals.accuracy(decisions, threshold_chosen=threshold_chosen)
    right = decisions == member
    metrics = MembershipMetrics(
        auc=intervals.area(CONFIDENCE),
        auc_corrected=intervals.area(corrected),
        accuracy=accuracy,
        accuracy_corrected=intervals.accuracy(
            decisions, threshold_chosen=threshold_chosen, confidence=corrected
        ),
        accuracy_per_class=intervals.accuracy(per_class, threshold_chosen=True),
        member_accuracy=intervals.share(right[member], threshold_chosen=threshold_chosen),
        non_member_accuracy=intervals.share(right[~member], threshold_chosen=threshold_chosen),
        advantage=Estimate(2 * accuracy.value - 1, 2 * accuracy.low - 1, 2 * accuracy.high - 1, accuracy.n),
        tpr_at_fpr=intervals.rates(CONFIDENCE),
        tpr_at_fpr_corrected=intervals.rates(corrected),
        empirical_epsilon=empirical_epsilon(intervals.roc),
        draw_error=_draw_error(replicates, member),
    )
    return replace(metrics, draw_error=_fold_error(metrics)) if cross_fitted else metrics


@dataclass(frozen=True, slots=True)
class _Intervals:
    """Figures of one attack with all that their intervals allow for.

    Attributes
    ----------
    folds
        of an attack that learned from the pool, None for others.
    common
        errors from the draw of reference models that all records have in common.
    """

    scores: FloatArray
    member: BoolArray
    roc: StepRoc
    folds: int | None
    common: DrawError

    def area(self, confidence: float) -> Estimate:
        """The area under the ROC curve."""
        found = area_estimate(self.scores, self.member, confidence=confidence)
        return with_drawn(for_cross_fitting(found, self.folds), self.common.auc, confidence=confidence)

    def accuracy(
        self, called: BoolArray, *, threshold_chosen: bool, confidence: float = CONFIDENCE
    ) -> Estimate:
        """The balanced accuracy of decisions."""
        found = self._of_decisions(
            balanced_accuracy(called, self.member, confidence=confidence), threshold_chosen
        )
        return with_drawn(found, self.common.accuracy, confidence=confidence)

    def share(self, right: BoolArray, *, threshold_chosen: bool) -> Estimate:
        """The share of right decisions among records of one side."""
        return self._of_decisions(proportion(int(right.sum()), len(right)), threshold_chosen)

    def rates(self, confidence: float) -> dict[str, RateAtLimit]:
        """The true-positive rates at the limits on the false-positive rate."""
        found = {}
        for limit in FALSE_POSITIVE_LIMITS:
            rate = true_positive_rate_at(self.roc, float(limit), confidence=confidence)
            widened = for_cross_fitting(rate, self.folds)
            found[limit] = with_drawn(widened, self.common.tpr_at_fpr[limit], confidence=confidence)
        return found

    def _of_decisions(self, found: Estimate, threshold_chosen: bool) -> Estimate:
        return _of_decisions(found, cross_fitted=self.folds is not None, threshold_chosen=threshold_chosen)


_Figures = dict[str, float]


def _draw_error(replicates: Sequence[FloatArray], member: BoolArray) -> DrawError:
    """How far another draw of reference models would move each figure of these very records."""
    without = [_figures(scores, member) for scores in replicates]
    return _errors(lambda name: jackknife_error([figures[name] for figures in without]), len(without))


def _common_error(
    replicates: Sequence[FloatArray], member: BoolArray, *, rng: np.random.Generator
) -> DrawError:
    """The part of it that the records have in common, which intervals over records do not hold."""
    halves = [random_halves(member, rng=rng) for _ in range(HALVINGS)]
    without = [
        [[_figures(scores[side], member[side]) for side in (half, ~half)] for scores in replicates]
        for half in halves
    ]

    def error(name: str) -> float:
        return common_error(
            np.array([[[figures[name] for figures in sides] for sides in draws] for draws in without])
        )

    return _errors(error, len(replicates))


def _figures(scores: FloatArray, member: BoolArray) -> _Figures:
    roc = step_roc(scores, member)
    return {
        "auc": area_under(roc),
        "accuracy": best_balanced_accuracy(roc),
        **{limit: rate_within(roc, float(limit)) for limit in FALSE_POSITIVE_LIMITS},
    }


def _errors(error: Callable[[str], float], draws: int) -> DrawError:
    """The error of each figure; none where there are not two draws to tell it from."""
    if draws < 2:
        return DrawError(0.0, 0.0, dict.fromkeys(FALSE_POSITIVE_LIMITS, 0.0))
    return DrawError(
        error("auc"), error("accuracy"), {limit: error(limit) for limit in FALSE_POSITIVE_LIMITS}
    )


def _fold_error(metrics: MembershipMetrics) -> DrawError:
    """How far other folds and seeds of attack models would move each figure: a part of its interval."""

    def share(found: Estimate | RateAtLimit) -> float:
        if found.low is None or found.high is None:
            return 0.0
        return OF_FOLDS * (found.high - found.low) / 2.0

    rates = {limit: share(rate) for limit, rate in metrics.tpr_at_fpr.items()}
    return DrawError(share(metrics.auc), share(metrics.accuracy), rates)


def decide(scores: FloatArray, pool: Pool, *, threshold: float | None, rng: np.random.Generator) -> BoolArray:
    """(n,) "called a member": by the attack's own threshold, or one chosen on other records."""
    if threshold is None:
        return cross_fitted_decisions(scores, pool.member, rng=rng)
    return scores >= threshold


def drawn_roc(roc: StepRoc) -> tuple[tuple[float, float], ...]:
    """Steps of the ROC for plotting: all ends kept, thinned evenly on the logarithm of the rate."""
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

    Of a regressor there are the fifths of the true numbers instead of classes. Parameters are those of
    `measure`.
    """
    first: SlicedBy = "band" if pool.holds_numbers else "class"
    strata = pool.strata
    parts = [
        (first, name, strata == position)
        for position, name in enumerate(BANDS if pool.holds_numbers else class_names)
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
