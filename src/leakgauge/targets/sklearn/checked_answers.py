"""What a regressor of scikit-learn predicts, checked: one finite number for each row."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from leakgauge.targets.probabilities import checked_numbers
from leakgauge.targets.protocol import FloatArray
from leakgauge.targets.sklearn import multi_output


def checked_predictions(answer: NDArray[Any], rows: int, estimator: Any) -> FloatArray:
    """(rows,) predicted numbers.

    Raises
    ------
    UnsupportedModel
        `prediction_failed` for another shape; `multi_output` for several numbers a row; `not_finite`.
    """
    if answer.ndim == 2 and len(answer) == rows and answer.shape[1] > 1:
        raise multi_output.several_numbers(estimator)
    return checked_numbers(answer, rows)
