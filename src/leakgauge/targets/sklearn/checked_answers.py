"""What a regressor of scikit-learn predicts, checked: one finite number for each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.probabilities import prediction_failed
from leakgauge.targets.protocol import LARGEST_NUMBER, FloatArray
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
    if answer.dtype.kind == "c":
        raise prediction_failed(None)
    try:
        numbers = answer.astype(np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise prediction_failed(error) from error
    if answer.ndim > 2 or len(numbers) != rows:
        raise prediction_failed(None)
    if not np.all(np.abs(numbers) <= LARGEST_NUMBER):
        raise UnsupportedModel(
            "not_finite",
            f"The model predicts numbers that are infinite, missing or beyond {LARGEST_NUMBER:g}.",
            hint="Check the model's predict on these tables before the audit.",
        )
    return numbers
