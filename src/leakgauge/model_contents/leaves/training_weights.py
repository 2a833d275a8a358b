"""Training weights of candidate rows from the weights that the leaves of trees hold.

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

The cell of a regression tree is a leaf with the records whose numbers can have been in it
(`leaves.tree_cells`); a record whose number cannot has a cell of no weight there.

The leaves of boosting have no classes. LightGBM keeps the number of records in each, XGBoost the sum
of their second derivatives, which are known (`leaves.booster_rounds`): a record then adds its
share s_ti in the place of 1, and the step is the same with weights, z_i ← z_i · Σ_t s_ti r_t / Σ_t s_ti.
"""

from __future__ import annotations

import numpy as np

from leakgauge.model_contents.leaves.tree_cells import Cells
from leakgauge.targets.protocol import FloatArray

STEPS = 20
START = 0.5
_EMPTY = 1e-12
"""Keeps the ratio finite in cells whose records were all ruled out by other trees."""


def training_weights(cells: tuple[Cells, ...], *, n: int, start: FloatArray | None = None) -> FloatArray:
    """(n,) training weight of each row after `STEPS` steps of expectation-maximisation.

    Parameters
    ----------
    start
        (n,) weights to begin with, all above 0; `START` for none.
    """
    estimate = np.full(n, START) if start is None else start.copy()
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
