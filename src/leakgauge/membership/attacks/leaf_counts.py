"""The leaf-counts attack: the numbers in the leaves of a model file betray who fell into them.

Every tree t stores the training weight W_tc of each cell c, a leaf together
with a class. Let z_i be the training weight of record i, 1 for a member and 0
for a non-member; a bootstrap changes it from tree to tree, but not on average.
The cells that record i falls into, c_t(i), then make W a noisy sum,

    W_tc ≈ Σ_{i: c_t(i) = c} z_i      for all trees t and cells c,

a tomography problem with non-negative unknowns. Its maximum of the Poisson
likelihood is approached by expectation-maximisation (Shepp & Vardi 1982,
"Maximum Likelihood Reconstruction for Emission Tomography"; Lucy 1974),

    z_i ← z_i · (1/T) Σ_t W_{t,c_t(i)} / Σ_{j: c_t(j) = c_t(i)} z_j.

Stopped early, since more steps fit the noise of the bootstrap.

The leaves of boosting have no classes. LightGBM keeps the number of records in each, XGBoost the sum
of their second derivatives, which are known (`membership.booster_rounds`): a record then adds its
share s_ti in the place of 1, and the step is the same with weights, z_i ← z_i · Σ_t s_ti r_t / Σ_t s_ti.

That the counts in scikit-learn's trees give records away is known: Ferry et al.
2024, "Trained Random Forests Completely Reveal your Dataset" (DRAFT),
reconstruct whole tables from them by constraint programming. Here the candidate
records are given and only their membership is asked, which is linear and fast.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.tree_cells import Cells, cells_of_trees, final_step
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray

STEPS = 20
START = 0.5
_EMPTY = 1e-12
"""Keeps the ratio finite in cells whose records were all ruled out by other trees."""


def score(target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) estimated training weight of each record, about 0 for a non-member and 1 for a member."""
    cells = cells_of_trees(final_step(target, pool), pool.y)
    return training_weights(cells, n=len(pool))


def training_weights(cells: tuple[Cells, ...], *, n: int) -> FloatArray:
    """(n,) training weight of each record after `STEPS` steps of expectation-maximisation."""
    estimate = np.full(n, START)
    shares = sum((np.ones(n) if tree.share is None else tree.share for tree in cells), np.zeros(n))
    for _ in range(STEPS):
        factor = np.zeros(n)
        for tree in cells:
            if tree.share is None:
                factor += (tree.weight / np.maximum(tree.total(estimate), _EMPTY))[tree.of_record]
            else:
                expected = np.maximum(tree.total(estimate * tree.share), _EMPTY)
                factor += tree.share * (tree.weight / expected)[tree.of_record]
        estimate *= factor / shares
    return estimate
