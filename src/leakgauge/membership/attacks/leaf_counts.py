"""The leaf-counts attack: the numbers in the leaves of a model file betray who fell into them.

The training weight that every tree keeps for each of its leaves and each class is a noisy sum over the
members there. Expectation-maximisation finds the weights of the records that add up to all of them
(`model_contents.leaves.training_weights`).

That the counts in scikit-learn's trees give records away is known: Ferry et al.
2024, "Trained Random Forests Completely Reveal your Dataset" (DRAFT),
reconstruct whole tables from them by constraint programming. Here the candidate
records are given and only their membership is asked, which is linear and fast.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.model_contents.leaves.training_weights import training_weights
from leakgauge.model_contents.leaves.tree_cells import cells_of_trees, final_step
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def score(target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) estimated training weight of each record, about 0 for a non-member and 1 for a member."""
    cells = cells_of_trees(final_step(target.estimator, pool.x), pool.y)
    return training_weights(cells, n=len(pool))
