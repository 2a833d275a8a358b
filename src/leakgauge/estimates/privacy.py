"""What an attack demonstrates of differential privacy.

Source: Jagielski, Ullman & Oprea 2020 (a lower bound on ε from exact intervals).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leakgauge.estimates.curves import StepRoc
from leakgauge.estimates.figures import CONFIDENCE, confidence_for
from leakgauge.estimates.shares import clopper_pearson


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
