"""Reference models: how much surer the model is of a value than copies that never saw the record.

With the true value members stand out from what copies of the model, trained on other records, say of the same
row (offline RMIA: Zarifzadeh et al. 2024, "Low-Cost High-Power Membership Inference Attacks"); with another
value nothing does. What the copies say is what anybody's data teach about how columns go together.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attributes.protocol import LEAST_PROBABILITY, Question
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, k, 2) log-probability of the true label by the model, and by its copies on average."""
    reference = question.reference_p_y(progress)
    both = np.stack([question.p_y, reference], axis=2)
    return np.log(np.maximum(both, LEAST_PROBABILITY))
