"""A search among records that the attacker makes up, guided by labels alone.

As `copula_search`, with 1 for a record of the label and 0 for any other in the place of probabilities. A
class that the model rarely names is found all the same, once a few records of the first round have it.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.profiles.adaptive_sampling import sampled
from leakgauge.profiles.copula import Copula
from leakgauge.profiles.protocol import Knowledge, WeightedRecords
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray


def profile(
    knowledge: Knowledge,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
) -> WeightedRecords:
    """Records of the search that have the label; see `protocol.Profile`."""

    def among(labels: IntArray) -> FloatArray:
        return np.asarray(labels == target_class, dtype=np.float64)

    found = sampled(
        Copula.of(knowledge.frame, among(knowledge.labels)),
        lambda frame: among(knowledge.labels_of(frame)),
        budget=budget,
        rng=rng,
        progress=progress,
    )
    if not found.weights.any():
        raise Unsuited("The model gives no record of the search this label.")
    return found
