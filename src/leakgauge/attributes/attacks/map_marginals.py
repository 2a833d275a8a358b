"""Maximum a posteriori with marginals: the value under which the model's errors explain its label best.

    argmax_v  P(true label | label that the model gives with v) · P(v)

Fredrikson et al. 2014, "Privacy in Pharmacogenetics: An End-to-End Case Study of Personalized Warfarin
Dosing", section 4. The first factor is the confusion matrix that a model's owner publishes; here it is that
of non-members of other folds, with one record added to each cell. Deviation: the paper multiplies by the
marginals of all unknown columns; here one is unknown, and its marginals, and in their place the imputation,
are weighed in where attacks are combined.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attributes.imputation import FOLDS
from leakgauge.attributes.protocol import Question
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, k, 2) log-probability of the true label given the model's, and of the value."""
    y, member, truth = question.records.y, question.records.member, question.column.truth
    values, classes = question.labels.shape[1], len(question.target.classes)
    predicted = question.given.argmax(axis=1)
    found = np.empty((*question.labels.shape, 2))
    for number in range(FOLDS):
        known, asked = ~member & (question.fold != number), question.fold == number
        counts = np.ones((classes, classes))
        np.add.at(counts, (predicted[known], y[known]), 1.0)
        chance = counts / counts.sum(axis=1, keepdims=True)
        found[asked, :, 0] = np.log(chance[question.labels[asked], y[asked][:, None]])
        marginals = 1.0 + np.bincount(truth[known], minlength=values)
        found[asked, :, 1] = np.log(marginals / marginals.sum())
    return found
