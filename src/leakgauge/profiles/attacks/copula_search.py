"""A search among records that the attacker makes up, guided by the class's probability.

It needs no auxiliary record of the class: it moves from what is frequent to where the class lies. See
`adaptive_sampling` for the search and its source, and `copula` for the space.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.profiles.adaptive_sampling import sampled
from leakgauge.profiles.copula import Copula
from leakgauge.profiles.protocol import Knowledge, WeightedRecords
from leakgauge.progress import Progress


def profile(
    knowledge: Knowledge,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
) -> WeightedRecords:
    """Records of the search, weighted; see `protocol.Profile`."""
    copula = Copula.of(knowledge.frame, knowledge.probabilities[:, target_class])
    found = sampled(
        copula,
        lambda frame: knowledge.probabilities_of(frame)[:, target_class],
        budget=budget,
        rng=rng,
        progress=progress,
    )
    if not found.weights.any():
        raise Unsuited("The model gives the class no probability for any record of the search.")
    return found
