"""Decisions by thresholds that were chosen on other records than the one they decide on.

Source: Song & Mittal 2021, section 4.2 (a threshold for each class).
"""

from __future__ import annotations

import numpy as np

from leakgauge.estimates.curves import check_scores, step_roc
from leakgauge.estimates.figures import BoolArray, FloatArray, IntArray
from leakgauge.estimates.widening import THRESHOLD_FOLDS


def cross_fitted_decisions(
    scores: FloatArray,
    member: BoolArray,
    *,
    rng: np.random.Generator,
    strata: IntArray | None = None,
    folds: int = THRESHOLD_FOLDS,
    least: int = 20,
) -> BoolArray:
    """(n,) "called a member", by thresholds chosen on other records than the one they decide on.

    The threshold of a fold maximises balanced accuracy on the other folds. With
    `strata` (n,), small integers such as class positions, each stratum has its
    own threshold wherever it holds at least `least` members and as many
    non-members outside the fold (Song & Mittal 2021, section 4.2).
    """
    check_scores(scores, member)
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
    if strata is not None:
        # stratum by stratum, each looked at alone: masks of all records for each of many classes take long
        in_order = np.argsort(strata, kind="stable")
        for inside in np.split(in_order, np.flatnonzero(np.diff(strata[in_order])) + 1):
            for held_out in np.unique(fold[inside]):
                known, decided = inside[fold[inside] != held_out], inside[fold[inside] == held_out]
                members = int(member[known].sum())
                if min(members, len(known) - members) >= least:
                    decisions[decided] = scores[decided] >= _best_threshold(scores[known], member[known])
    return decisions


def _best_threshold(scores: FloatArray, member: BoolArray) -> float:
    """The threshold with the best balanced accuracy, midway to the next score below it."""
    roc = step_roc(scores, member)
    gain = roc.true_positives / roc.members - roc.false_positives / roc.non_members
    at = int(np.argmax(gain))
    if at + 1 < len(roc.thresholds):
        return float(roc.thresholds[at] + roc.thresholds[at + 1]) / 2
    return float(roc.thresholds[at])
