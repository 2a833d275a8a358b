"""Probabilities calibrated out of fold, and rounded: fewer different answers, each worth its name.

Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines" (the calibration); Shokri
et al. 2017, section VIII (the rounding).

Cost: five further fits, and the decimals; the ranking within a class stays nearly as it was. The
final model is still fitted on all records (`ensemble=False`), so what it has memorised it keeps;
only its expression is coarser.
"""

from __future__ import annotations

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline

FOLDS = 5


def wrapped(blank: Any, strength: float) -> Any:  # noqa: ARG001 -- the decimals are set where answers are given
    """The model inside a calibration; of a Pipeline the whole, so that no step sees a held-out fold."""
    if isinstance(blank, CalibratedClassifierCV) or (
        isinstance(blank, Pipeline) and isinstance(blank.steps[-1][1], CalibratedClassifierCV)
    ):
        return blank
    return CalibratedClassifierCV(blank, method="sigmoid", cv=FOLDS, ensemble=False)
