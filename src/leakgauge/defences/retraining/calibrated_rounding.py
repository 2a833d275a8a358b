"""Probabilities calibrated out of fold, and rounded: fewer different answers, each worth its name.

Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines" (the calibration); Shokri
et al. 2017, section VIII (the rounding).

Cost: five further fits, and the decimals; the ranking within a class stays nearly as it was. The
final model is still fitted on all records (`ensemble=False`), so what it has memorised it keeps;
only its expression is coarser.
"""

from __future__ import annotations

from typing import Any

from sklearn.base import is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline

from leakgauge.errors import UnsupportedModel

FOLDS = 5


def wrapped(blank: Any, strength: float) -> Any:  # noqa: ARG001 -- the decimals are set where answers are given
    """The model inside a calibration; of a Pipeline the whole, so that no step sees a held-out fold.

    Raises
    ------
    UnsupportedModel
        `defence_does_not_fit` for a regressor.
    """
    if is_regressor(blank):
        raise UnsupportedModel(
            "defence_does_not_fit",
            "The model predicts numbers, and a calibration is of probabilities.",
            hint="Choose another mitigation, such as leaf_size or depth.",
        )
    if isinstance(blank, CalibratedClassifierCV) or (
        isinstance(blank, Pipeline) and isinstance(blank.steps[-1][1], CalibratedClassifierCV)
    ):
        return blank
    return CalibratedClassifierCV(blank, method="sigmoid", cv=FOLDS, ensemble=False)
