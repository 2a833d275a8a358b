"""Residual equations over candidate values: boosting writes down sums over its members, true values and all.

Every record enters the equations once with each value that it may have; the solution says which of these rows
was trained on (`model_contents.leaves.boosting`). Solved in a tenth of the time that is spent on membership.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attributes.protocol import Question
from leakgauge.model_contents.leaves.boosting import solved
from leakgauge.model_contents.leaves.tree_cells import final_step
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray

EFFORT = 0.1


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:
    """(n, k) how far the row with each value was trained on, between 0 and 1."""
    x, y = question.candidates()
    step = final_step(question.estimator, x)
    return solved(step, y, unit=1.0, rng=rng, progress=progress, effort=EFFORT).reshape(
        question.imputed.shape
    )
