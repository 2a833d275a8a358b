"""The two questions that people ask of a membership audit, answered from computed figures.

1. How easily is it told that a record was in the training data?
2. How hard is it to build a better attack: does more data help, does a richer
   attack model help, or has the leak been read out already?
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leakgauge.estimates import Estimate, paired_difference
from leakgauge.membership.held_out import folds_for
from leakgauge.membership.proportions import Proportions
from leakgauge.report.model import Insight, MembershipMeasured
from leakgauge.report.risk import LOW_FALSE_POSITIVES, SEES
from leakgauge.targets.protocol import BoolArray

NO_MORE_THAN = 0.02
"""Two attacks count as equally good when they differ by at most two records in a hundred."""


def ease(worst: MembershipMeasured) -> Insight:
    """How easily it is told that a record was in the training data, from the attack that showed most.

    Its intervals are those of the verdict, corrected for the number of attacks.
    """
    metrics = worst.metrics
    accuracy = metrics.accuracy_corrected
    sentence = (
        f"Seeing {SEES[worst.threat_model]}, the strongest attack ({worst.title.lower()}) tells members "
        f"from non-members in {_percent(accuracy)} of cases; guessing gives 50 %."
    )
    figures = {"attack_accuracy": accuracy, "auc": metrics.auc_corrected}
    rate = metrics.tpr_at_fpr_corrected[LOW_FALSE_POSITIVES]
    if rate.value is not None and rate.low is not None and rate.high is not None:
        found = Estimate(rate.value, rate.low, rate.high, rate.n)
        figures["tpr_at_1_percent_fpr"] = found
        sentence += (
            f" It finds {_percent(found)} of the members at 1 % false positives (TPR at 1 % FPR); guessing "
            "finds 1 %."
        )
    return Insight("ease", "How easily is it told that a record was in the training data?", sentence, figures)


def difficulty(
    proportions: Proportions,
    simple: Mapping[str, tuple[str, BoolArray]],
    member: BoolArray,
    *,
    rng: np.random.Generator,
) -> Insight | None:
    """How hard it is to build a better attack; None when no attack model was trained at two shares.

    Parameters
    ----------
    proportions
        what attack models learned at each share.
    simple
        title and (n,) decisions of the attacks that train nothing, by name.
    member
        (n,) booleans.
    """
    shares = sorted(proportions.decisions)
    if len(shares) < 2:
        return None
    least, most = shares[0], shares[-1]
    best = proportions.decisions[most]
    rows = {row.percentage: row for row in proportions.best}

    folds = folds_for(least)
    gain_of_data = paired_difference(best, proportions.decisions[least], member, rng=rng, folds=folds)
    figures = {"gain_of_more_data": gain_of_data}
    parts = [
        f"Knowing {most} % of the data instead of {least} % {_gain(gain_of_data)}.",
    ]
    if simple:
        _, (title, decisions) = max(simple.items(), key=lambda item: float(_balanced(item[1][1], member)))
        gain_of_model = paired_difference(best, decisions, member, rng=rng, folds=folds)
        figures["gain_of_attack_model"] = gain_of_model
        parts.append(
            f"A trained attack model instead of a plain threshold ({title.lower()}) {_gain(gain_of_model)}."
        )
        if gain_of_data.high <= NO_MORE_THAN and gain_of_model.high <= NO_MORE_THAN:
            parts.append("What these answers leak has been read out: neither effort pays.")
    enough = _enough(proportions, member, rng=rng)
    if enough is not None and rows[most].attack_accuracy.low > 0.5:
        parts.append(
            f"{rows[enough].records:,} known records ({enough} %) are enough to come within "
            f"{100 * NO_MORE_THAN:.0f} points of the best."
        )
        figures["attack_accuracy_with_enough_records"] = rows[enough].attack_accuracy
    return Insight("difficulty", "How hard is it to build a better attack?", " ".join(parts), figures)


def _enough(proportions: Proportions, member: BoolArray, *, rng: np.random.Generator) -> int | None:
    """The smallest share from which on every share is, with confidence, within two points of the largest."""
    shares = sorted(proportions.decisions)
    enough = None
    for share in reversed(shares[:-1]):
        lost = paired_difference(
            proportions.decisions[shares[-1]],
            proportions.decisions[share],
            member,
            rng=rng,
            folds=folds_for(share),
        )
        if lost.high > NO_MORE_THAN:
            break
        enough = share
    return enough


def _balanced(decisions: BoolArray, member: BoolArray) -> float:
    return float(decisions[member].mean() + (~decisions[~member]).mean()) / 2


def _percent(estimate: Estimate) -> str:
    return f"{estimate.value:.0%} ({estimate.low:.0%} to {estimate.high:.0%})".replace("%", " %")


def _gain(gain: Estimate) -> str:
    """`gains 3.1 points (1.2 to 5.0)`, or that it could not be shown to gain or lose."""
    span = f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    if gain.low > 0:
        return f"gains {100 * gain.value:.1f} points {span}"
    if gain.high < 0:
        return f"loses {-100 * gain.value:.1f} points {span}"
    return f"makes no difference that could be shown {span}"
