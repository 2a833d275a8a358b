"""Auxiliary records to which the model gives the class as their label.

What is left of `weighted_records` where a model gives labels alone: p(class | x) is taken for 1 or 0. It
shows those of whom the model is surest, and exaggerates what sets the class apart.

Source: labels in the place of probabilities, as in Kahla et al. 2022 for images.
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
    """The auxiliary records of that label; see `protocol.Profile`."""
    weights = (knowledge.labels == target_class).astype(np.float64)
    if not weights.any():
        raise Unsuited("The model gives no auxiliary record this label.")
    return WeightedRecords(None, weights)
