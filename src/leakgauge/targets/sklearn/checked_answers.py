"""What a scikit-learn model answers, checked: probabilities that are some, and finite numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.protocol import LARGEST_NUMBER, FloatArray
from leakgauge.targets.sklearn import multi_output

# how far a row of probabilities may be from 1 in sum and still be called drift
_DRIFT = 1e-3


def checked_probabilities(answer: NDArray[Any], rows: int, n_classes: int) -> FloatArray:
    """(rows, n_classes) probabilities that sum to 1, as exactly as numbers can.

    Raises
    ------
    UnsupportedModel
        `prediction_failed` for another shape; `not_probabilities`.
    """
    try:
        probabilities = answer.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise prediction_failed(error) from error
    if probabilities.shape != (rows, n_classes):
        raise prediction_failed(None)
    totals = probabilities.sum(axis=1, keepdims=True)
    if not (
        np.all(np.isfinite(probabilities))
        and np.all(probabilities >= -_DRIFT)
        and np.all(np.abs(totals - 1.0) <= _DRIFT)
    ):
        raise UnsupportedModel(
            "not_probabilities",
            "The model's probabilities are not finite, negative or do not sum to 1.",
            hint="Check the model's predict_proba on these tables before the audit.",
        )
    clipped = np.clip(probabilities, 0.0, None)
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))


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


def prediction_failed(error: Exception | None) -> UnsupportedModel:
    """The error for a model that cannot take the rows; None where it answers in an unexpected shape."""
    # the message of the exception may quote values of the table, so only its type is told
    kind = type(error).__name__ if error is not None else "answers of an unexpected shape"
    return UnsupportedModel(
        "prediction_failed",
        f"The model could not predict the rows of the table ({kind}).",
        hint="Check that the model predicts these tables as they are; put encoders into its Pipeline.",
        details={"exception": kind},
    )
