"""Negative label smoothing: the model is paid for ruling the other classes out.

Struppek, Hintersdorf & Kersting 2024, "Be Careful What You Smooth For", equation 2 with α < 0.
The loss then falls without end as the other classes' probabilities go to 0, so answers
saturate far from any training record, and climbing them leads away from what the class looks
like. The gap between training and other records is not narrowed.

Departures: the paper starts with positive smoothing and lowers α over the epochs; here α is
the same throughout. The loss is bounded: no other class is paid for falling below 1e-7.
"""

from __future__ import annotations

from leakgauge.defences.training import label_smoothing
from leakgauge.defences.training.plan import TrainingPlan

SMOOTHING = -0.05


def harden(plan: TrainingPlan, *, smoothing: float = SMOOTHING) -> TrainingPlan:
    """The plan with smoothing α = `smoothing`, which is negative.

    Raises
    ------
    BadParameters
        as `label_smoothing.harden`.
    """
    return label_smoothing.harden(plan, smoothing=smoothing)
