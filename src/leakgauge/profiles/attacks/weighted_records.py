"""Auxiliary records weighted by the class's probability.

Where the probabilities are right and the attacker's records are like the population, the weighted mean is
the class's mean, by Bayes' rule: p(x | class) is p(x) p(class | x) but for a constant. One query a record.

Source: Fredrikson, Jha & Ristenpart 2015 ask for the record of the highest probability; the mean of the
distribution that Bayes' rule gives is what a profile is.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.profiles.protocol import Knowledge, WeightedRecords
from leakgauge.progress import Progress


def profile(
    knowledge: Knowledge,
    target_class: int,
    *,
    budget: int,  # noqa: ARG001 - as called
    rng: np.random.Generator,  # noqa: ARG001 - as called
    progress: Progress,  # noqa: ARG001 - as called
) -> WeightedRecords:
    """The auxiliary records, weighted; see `protocol.Profile`."""
    weights = knowledge.probabilities[:, target_class]
    if not weights.any():
        raise Unsuited("The model gives the class no probability for any auxiliary record.")
    return WeightedRecords(None, weights)
