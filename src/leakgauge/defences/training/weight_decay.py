"""Weight decay: large weights cost something.

Krogh & Hertz 1991. As dropout, it narrows the gap between training and other records.
"""

from __future__ import annotations

from dataclasses import replace

from leakgauge.defences.training.plan import TrainingPlan

WEIGHT = 0.01


def harden(plan: TrainingPlan, *, weight: float = WEIGHT) -> TrainingPlan:
    """The plan with a penalty of `weight` times the sum of all squared weights."""
    return replace(plan, weight_decay=plan.weight_decay + weight)
