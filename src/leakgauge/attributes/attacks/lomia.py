"""LOMIA: labels alone name the values of some records, and a model of those the values of the rest.

Mehnaz et al. 2022, section 5.2: where the model predicts the true label with one value alone, that value is
taken. An attack model learns from those records which value goes with the other columns and the label, and
decides the rest. Deviation: it learns from the records of other folds alone, members and non-members, so that
either side is decided by models of the same kind.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from leakgauge.attributes.imputation import FOLDS, fitted
from leakgauge.attributes.protocol import Question
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, k, 2) 1 for the one value with which the label is right; log-probability by the attack model."""
    right = question.right
    alone = right.sum(axis=1) == 1.0
    taken = right.argmax(axis=1)
    values = right.shape[1]
    found = np.zeros((*right.shape, 2))
    found[alone, :, 0] = right[alone]
    for number in range(FOLDS):
        learned, asked = (
            np.flatnonzero(alone & (question.fold != number)),
            np.flatnonzero(~alone & (question.fold == number)),
        )
        if not len(learned) or not len(asked):
            continue
        forest = RandomForestClassifier(
            n_estimators=30, min_samples_leaf=3, random_state=int(rng.integers(2**31))
        )
        found[asked, :, 1] = np.log(fitted(forest, question.known, taken, learned, asked, values))
    return found
