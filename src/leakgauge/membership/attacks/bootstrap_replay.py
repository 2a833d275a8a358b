"""The bootstrap-replay attack: the seeds in a forest's file say which rows each tree was given.

A record that was a row of the training table brought to its leaves what the row was drawn for each tree, and
the draws can be sampled again from the seeds (`model_contents.leaves.replay`). The score is the
log-likelihood ratio of having been one of the rows. Where the trees are so regularised or so few that no row
can be recognised by its draws, it is that of `leaf_counts`.

Source: ours, close to published work. Ferry et al. 2024, "Trained Random Forests Completely Reveal your
Dataset" (DRAFT), rebuild whole tables; their paper treats the bootstrap as unknown and optimises over it,
their published code reads the true bags since June 2025 (`estimators_samples_`, which samples again from
the stored seeds). That the same seeds tell which of *given* records were in the table, we found described
nowhere before (search of November 2026).
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.model_contents.leaves.replay import recognised
from leakgauge.model_contents.leaves.tree_cells import final_step
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def score(target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n,) log-likelihood ratio of having been a row of the training table, in nats.

    Training weights as of `leaf_counts` where rows cannot be recognised.
    """
    found = recognised(final_step(target.estimator, pool.x), pool.y, progress=progress)
    return found.weights if found.log_ratio is None else found.log_ratio
