"""Figures that carry their own uncertainty.

Everything that a report states is an `Estimate`: a value, its interval and the
number of records behind it. Scores are "higher means more likely a member";
`member` is a boolean array of the same length. Nothing here knows about models,
files or reports. Each file names its sources.
"""

from __future__ import annotations

from leakgauge.estimates.areas import area_difference, area_estimate, area_under, area_under_roc
from leakgauge.estimates.correlations import matthews_correlation
from leakgauge.estimates.curves import StepRoc, best_balanced_accuracy, step_roc
from leakgauge.estimates.figures import (
    CONFIDENCE,
    BoolArray,
    Estimate,
    FloatArray,
    IntArray,
    RateAtLimit,
    confidence_for,
)
from leakgauge.estimates.means import mean_error, root_mean_square
from leakgauge.estimates.precision import precision_at_prior
from leakgauge.estimates.privacy import empirical_epsilon
from leakgauge.estimates.rates import LEAST_FALSE_POSITIVES, rate_within, true_positive_rate_at
from leakgauge.estimates.shares import (
    BOOTSTRAP_REPLICATES,
    balanced_accuracy,
    clopper_pearson,
    difference,
    mean_of,
    mean_of_two,
    paired_difference,
    proportion,
    share_difference,
)
from leakgauge.estimates.thresholds import cross_fitted_decisions
from leakgauge.estimates.widening import (
    THRESHOLD_FOLDS,
    common_error,
    for_chosen_threshold,
    for_cross_fitting,
    jackknife_error,
    with_drawn,
)

__all__ = [
    "BOOTSTRAP_REPLICATES",
    "CONFIDENCE",
    "LEAST_FALSE_POSITIVES",
    "THRESHOLD_FOLDS",
    "BoolArray",
    "Estimate",
    "FloatArray",
    "IntArray",
    "RateAtLimit",
    "StepRoc",
    "area_difference",
    "area_estimate",
    "area_under",
    "area_under_roc",
    "balanced_accuracy",
    "best_balanced_accuracy",
    "clopper_pearson",
    "common_error",
    "confidence_for",
    "cross_fitted_decisions",
    "difference",
    "empirical_epsilon",
    "for_chosen_threshold",
    "for_cross_fitting",
    "jackknife_error",
    "matthews_correlation",
    "mean_error",
    "mean_of",
    "mean_of_two",
    "paired_difference",
    "precision_at_prior",
    "proportion",
    "rate_within",
    "root_mean_square",
    "share_difference",
    "step_roc",
    "true_positive_rate_at",
    "with_drawn",
]
