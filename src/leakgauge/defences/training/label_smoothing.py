"""Label smoothing: a tenth of the label's weight is spread over all classes.

Szegedy et al. 2016, section 7. In the table because it is widely used: positive smoothing
pulls the records of a class together, and was found to make reconstructions of a class *better*
(Struppek, Hintersdorf & Kersting 2024, section 4).
"""

from __future__ import annotations

from dataclasses import replace

from leakgauge.defences.training.plan import TrainingPlan
from leakgauge.errors import BadParameters

SMOOTHING = 0.1


def harden(plan: TrainingPlan, *, smoothing: float = SMOOTHING) -> TrainingPlan:
    """The plan with smoothing α = `smoothing`.

    Raises
    ------
    BadParameters
        `two_smoothings` for a plan whose labels are smoothed already, in whichever direction.
    """
    if plan.smoothing:
        raise BadParameters(
            "two_smoothings",
            "Label smoothing and negative label smoothing undo each other.",
            hint="Choose one of the two.",
        )
    return replace(plan, smoothing=smoothing)
