"""A membership attack that is not Leakgauge's: all of it is this file and `ROW`."""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.protocol import Attack
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def score(target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:
    return target.probabilities(pool.x).max(axis=1)


ROW = Attack("toy", "Toy attack", "model_file", "nobody 2026", score)
