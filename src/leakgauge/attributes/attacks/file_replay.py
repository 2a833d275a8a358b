"""Bootstrap replay over candidate values: with its true value a member's leaves count as a row was drawn.

The seeds in a forest's file say how often each row of the training table entered each tree
(`model_contents.leaves.replay`). Every record is compared with all rows once for each value that it may have.
Only with the true value are the counts of its leaves those of a row, which no imputation can match. Where
turns over all records would take too long there is one, for as many records as there is time for; the others
are left out of the figures.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.attributes.attacks.file_counts import LEAST_WEIGHT
from leakgauge.attributes.protocol import Question
from leakgauge.model_contents.leaves.replay import SHORTLISTED_IN, recognised
from leakgauge.model_contents.leaves.tree_cells import final_step
from leakgauge.model_contents.reconstruction.bootstrap import bootstrap_of
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray

MOST_WORK = 1e10
"""Candidate rows × rows of the training table × trees, each time that all rows are looked through: some ten
seconds on one core."""


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:
    """(n, k, 2) log-likelihood ratio of having been a row, and logarithm of the weight by the leaves."""
    x, y = question.candidates()
    shape = question.imputed.shape
    step = final_step(question.estimator, x)
    chosen = _affordable(question, rng)
    asked = None
    if chosen is not None:
        asked = (chosen[:, None] * shape[1] + np.arange(shape[1])).ravel()
    found = recognised(step, y, progress=progress, prior=question.imputed, asked=asked)
    if found.log_ratio is None:
        raise Unsuited(
            "The trees are so few or so regularised that no row can be recognised by its draws; the leaf "
            "counts say all that there is."
        )
    logs = np.log(np.maximum(found.weights, LEAST_WEIGHT))
    return np.stack([found.log_ratio.reshape(shape), logs.reshape(shape)], axis=2)


def _affordable(question: Question, rng: np.random.Generator) -> IntArray | None:
    """Positions of the records, as many members as others, that are asked about; None for all."""
    n, values = question.imputed.shape
    bootstrap = bootstrap_of(final_step(question.estimator, question.records.x).estimator)
    of_record = values * bootstrap.n_rows * bootstrap.n_trees
    if n * of_record * len(SHORTLISTED_IN) <= MOST_WORK:
        return None
    most = max(int(MOST_WORK // (2 * of_record)), 1)
    sides = (np.flatnonzero(side) for side in (question.records.member, ~question.records.member))
    return np.sort(np.concatenate([rng.permutation(side)[:most] for side in sides]))
