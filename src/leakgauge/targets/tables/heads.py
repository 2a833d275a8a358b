"""What the numbers that a network gives for each record are: probabilities, logits, scores of their own.

A file does not say. Its last operation may (softmax, sigmoid); the answers about many records do:
what lies between 0 and 1 and sums to 1 are probabilities, what leaves that range are logits, of which
the training loss took the softmax or, of a single one, the sigmoid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy.special import expit, softmax

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.protocol import FloatArray
from leakgauge.targets.score_rows import (
    ROW_SUM_TOLERANCE,
    are_truncated,
    normalised,
    spread_over_hidden,
    sums_to_one,
    within_unit,
)

Ending: TypeAlias = Literal["softmax", "sigmoid", "other"]
"""The network's last operation, as far as its file tells."""
Form: TypeAlias = Literal[
    "probabilities", "one probability", "independent", "truncated", "logits", "one logit"
]

_REMARKS: Final[dict[Form, str]] = {
    "logits": (
        "The model's scores leave the range from 0 to 1, so they were taken for logits and their softmax for "
        "its probabilities."
    ),
    "one logit": (
        "The model gives one number that leaves the range from 0 to 1, so it was taken for a logit and its "
        "sigmoid for the probability of the second class."
    ),
    "independent": (
        "The model ends in a sigmoid for each class, so its scores do not sum to 1; they were scaled to do "
        "so."
    ),
    "truncated": (
        "The model gives its likeliest classes alone; what their probabilities leave went evenly to the "
        "others."
    ),
}


@dataclass(frozen=True, slots=True)
class Head:
    """How a network's scores become probabilities."""

    form: Form

    @classmethod
    def of(cls, scores: FloatArray, ending: Ending) -> Head:
        """Told from (n, k) finite scores of many records, and from the network's last operation.

        Raises
        ------
        UnsupportedModel
            `not_probabilities` for rows between 0 and 1 that sum to something else.
        """
        within = within_unit(scores)
        if scores.shape[1] == 1:
            return cls("one probability" if ending == "sigmoid" or within else "one logit")
        if within and sums_to_one(scores):
            return cls("probabilities")
        if within and ending == "sigmoid":
            return cls("independent")
        if within and are_truncated(scores):
            return cls("truncated")
        if within or _sums_are_equal(scores):
            raise UnsupportedModel(
                "not_probabilities",
                "The model's class scores are neither probabilities, whose rows sum to 1, nor logits: their "
                f"rows sum to {float(scores.sum(axis=1).min()):.4g} to "
                f"{float(scores.sum(axis=1).max()):.4g}.",
                hint="Export the model with its softmax, or without anything after its last layer.",
            )
        return cls("logits")

    def probabilities(self, scores: FloatArray) -> FloatArray:
        """(n, n_classes) rows that sum to 1, of (n, k) scores.

        Raises
        ------
        UnsupportedModel
            `not_probabilities` for scores that are none where others of the same model were.
        """
        if self.form == "logits":
            return np.asarray(softmax(scores, axis=1))
        if self.form == "one logit":
            return _both(expit(scores))
        if not within_unit(scores):
            raise UnsupportedModel(
                "not_probabilities",
                "The model gives probabilities for some records, and for others numbers beyond 0 and 1.",
                hint="Check what the model answers about these tables before the audit.",
            )
        scores = np.clip(scores, 0.0, 1.0)
        if self.form == "one probability":
            return _both(scores)
        return spread_over_hidden(scores) if self.form == "truncated" else normalised(scores)

    @property
    def remark(self) -> str | None:
        """What a reader must know of it; None for nothing."""
        return _REMARKS.get(self.form)


def _both(second: FloatArray) -> FloatArray:
    """(n, 2) probabilities of both classes, of (n, 1) that of the second."""
    return np.concatenate([1.0 - second, second], axis=1)


def _sums_are_equal(scores: FloatArray) -> bool:
    """Whether no score is negative and all rows have one sum, as percentages and votes do."""
    sums = scores.sum(axis=1)
    return (
        bool((scores >= 0).all()) and len(sums) > 1 and bool(np.ptp(sums) <= ROW_SUM_TOLERANCE * sums.max())
    )
