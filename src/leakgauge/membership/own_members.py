"""Does the model answer about its own members as a model does that was trained on them?

Where it does not, the tables are not what the model knows: the wrong column is
taken for the label, columns stand in another order, a scaler was left outside the
file, or the records are not its training data. Every attack then finds little,
and a report of "low" would be a report on something else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import mannwhitneyu, spearmanr

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.report.model import MembershipTarget
from leakgauge.targets.protocol import FloatArray

LEAST_GAIN = 0.5
"""Share of the reference models' gain over guessing below which the target's own is far below it."""
LEAST_REFERENCE_GAIN = 0.05
"""Gain over guessing below which the accuracy of reference models is nothing to compare with."""
RARE_LABELS_REACH = 0.1
"""How far below the reference models' accuracy the target's may lie where neither gains over guessing."""
NO_ACCIDENT = 0.025
"""Chance below which answers that know nothing of a label would favour its records as much."""
_SUSPECTS = (
    "Check that the label column is the right one, that the columns stand in the order of training, that "
    "a scaler or encoder was not left outside the model file, that labels are coded as in training, and that "
    "these records are the training data."
)


@dataclass(frozen=True, slots=True)
class _Words:
    """What a right answer is, after "training accuracy", and what guessing would be."""

    measure: str
    guess: str


_WORDS = _Words("", "naming the most frequent label")
_WORDS_OF_NUMBERS = _Words(
    " (predictions within the tolerance)", "predicting the median of the labels for every record"
)


def own_misfit(
    target: SharedAnswers, pool: Pool, described: MembershipTarget, of_references: float | None
) -> str | None:
    """What speaks against the members being the target's training data as it knows them; None for nothing.

    Parameters
    ----------
    of_references
        accuracy of the reference models on the records that each was trained on; None without any.
    """
    own = described.train_accuracy
    guessed = _guessed(target, pool)
    if of_references is not None:
        gain = of_references - guessed
        enough = (
            guessed + LEAST_GAIN * gain if gain > LEAST_REFERENCE_GAIN else of_references - RARE_LABELS_REACH
        )
        if own.high < enough:
            words = _WORDS_OF_NUMBERS if pool.holds_numbers else _WORDS
            return (
                f"The model's training accuracy{words.measure} is {_percent(own.value)}, where models "
                f"trained here in the same way have {_percent(of_references)}, and {words.guess} gives "
                f"{_percent(guessed)}. {_swapped(described)}{_SUSPECTS}"
            )
        if gain > LEAST_REFERENCE_GAIN:
            return None
    # where accuracy cannot show that anything was learned, as with rare labels, the order of answers can
    if not _knows_labels(target, pool):
        words = _WORDS_OF_NUMBERS if pool.holds_numbers else _WORDS
        return (
            f"The model's training accuracy{words.measure} is {_percent(own.value)}, and it tells the labels "
            f"of its training records apart no better than guessing. {_SUSPECTS}"
        )
    return None


def _swapped(described: MembershipTarget) -> str:
    """That the tables may have been swapped, where the model fits the other one better; else nothing."""
    members, others = described.train_accuracy, described.test_accuracy
    if others.low <= members.high:
        return ""
    return (
        f"On the non-members it has {_percent(others.value)}: members and non-members may have been swapped. "
    )


def _guessed(target: SharedAnswers, pool: Pool) -> float:
    """What naming the most frequent label gets right, or the median of the numbers."""
    y = pool.y[pool.member]
    if target.error_scale is not None:
        return float(target.error_scale.right(np.full(len(y), np.median(y)), y).mean())
    return float(np.bincount(y).max() / len(y))


def _knows_labels(target: SharedAnswers, pool: Pool) -> bool:
    """Whether the answers about members have anything to do with their labels.

    Rare labels may never be the likeliest one, so probabilities are looked at where there are any.
    """
    member, queries_before = pool.member, target.queries
    y = pool.y[member]
    if pool.holds_numbers:
        predictions = target.predictions(pool.x)[member]
        target.queries = queries_before
        # nothing that is always the same has an order
        return bool(np.ptp(predictions) > 0.0 and _follows(predictions, y))
    if target.has_probabilities:
        answers = target.probabilities(pool.x)[member]
    else:
        answers = np.eye(len(target.classes))[target.labels(pool.x)[member]]
    target.queries = queries_before
    for place in np.unique(y):
        carries = y == place
        if carries.all():
            continue
        # the rank test, not an interval: of a handful of records an area can be too vague to state
        # and yet be no accident (Mann & Whitney 1947)
        test = mannwhitneyu(answers[carries, place], answers[~carries, place], alternative="greater")
        if test.pvalue < NO_ACCIDENT:
            return True
    return False


def _follows(predictions: FloatArray, y: FloatArray) -> bool:
    """Whether higher numbers get higher predictions, by more than chance (Spearman 1904)."""
    return bool(spearmanr(predictions, y, alternative="greater").pvalue < NO_ACCIDENT)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
