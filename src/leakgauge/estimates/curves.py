"""The ROC curve as counts, one step for each distinct score.

Scores are "higher means more likely a member"; `member` is a boolean array of the same length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leakgauge.estimates.figures import BoolArray, FloatArray, IntArray


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


def step_roc(scores: FloatArray, member: BoolArray) -> StepRoc:
    """The step ROC of (n,) scores; both members and non-members must be present.

    Raises
    ------
    ValueError
        for non-finite scores, or when one side is missing.
    """
    check_scores(scores, member)
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


def best_balanced_accuracy(roc: StepRoc) -> float:
    """The balanced accuracy at the threshold that is best on these very records: (1 + Youden's J) / 2."""
    gains = roc.true_positives / roc.members - roc.false_positives / roc.non_members
    return (1.0 + max(float(gains.max()), 0.0)) / 2.0


def check_scores(scores: FloatArray, member: BoolArray) -> None:
    """Refuse scores that no curve can be made of.

    Raises
    ------
    ValueError
        for shapes that differ, scores that are not finite, or when one side is missing.
    """
    if scores.shape != member.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} and member {member.shape} must be the same (n,)")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    if not member.any() or member.all():
        raise ValueError("both members and non-members are needed")
