"""Leaf counts over candidate values: the numbers in a model file's leaves fit with the true one.

Every record is put to the leaves once with each value that it may have. Expectation-maximisation, begun with
the imputation, finds the training weights of all these rows that add up to what the leaves hold
(`model_contents.leaves.training_weights`): where a member's rows fall into different leaves, the weight stays
with the true one.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attributes.protocol import Question
from leakgauge.model_contents.leaves.training_weights import START, training_weights
from leakgauge.model_contents.leaves.tree_cells import cells_of_trees, final_step
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray

LEAST_WEIGHT = 1e-3
"""Below which weights are not told apart."""


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, k) logarithm of the training weight with each value."""
    progress.report("reading the leaves", 0.0)
    x, y = question.candidates()
    cells = cells_of_trees(final_step(question.estimator, x), y)
    weights = training_weights(cells, n=len(y), start=START * question.imputed.ravel())
    return np.log(np.maximum(weights, LEAST_WEIGHT)).reshape(question.imputed.shape)
