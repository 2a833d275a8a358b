"""Negative label smoothing: the model is paid for ruling the other classes out.

Struppek, Hintersdorf & Kersting 2024, "Be Careful What You Smooth For", equation 2 with α < 0.
The loss then falls without end as the other classes' probabilities go to 0, so answers
saturate far from any training record, and climbing them leads away from what the class looks
like. The gap between training and other records is not narrowed.

The schedule is the one that the paper is repeated with: no smoothing in the first half of the
epochs, then down to α in a straight line, and α itself in the last quarter. Departure: the loss is
bounded; no other class is paid for falling below 1e-7.
"""

from __future__ import annotations

from dataclasses import replace

from leakgauge.defences.training import label_smoothing
from leakgauge.defences.training.plan import TrainingPlan

SMOOTHING = -0.05
RAMP = (0.5, 0.75)


def harden(plan: TrainingPlan, *, smoothing: float = SMOOTHING) -> TrainingPlan:
    """The plan with smoothing that falls to α = `smoothing`, which is negative.

    Raises
    ------
    BadParameters
        as `label_smoothing.harden`.
    """
    return replace(label_smoothing.harden(plan, smoothing=smoothing), smoothing_ramp=RAMP)
