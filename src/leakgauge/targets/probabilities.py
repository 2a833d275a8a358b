"""What a model answers, held to what probabilities, labels and predicted numbers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.protocol import LARGEST_NUMBER, FloatArray, IntArray

DRIFT = 1e-3
"""How far a row of probabilities may be from 1 in sum, and one of them below 0, and still be called drift."""
_AS_IT_IS: Final = "Check that the model predicts these tables as they are; put encoders into its Pipeline."


def checked_probabilities(answer: NDArray[Any], rows: int, n_classes: int) -> FloatArray:
    """(rows, n_classes) the probabilities in an answer, freed from drift: none below 0, rows sum to 1.

    Raises
    ------
    UnsupportedModel
        `prediction_failed` for an answer of another shape, or of no numbers; `not_probabilities` where
        they are not finite, negative or sum to something else.
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
        and np.all(probabilities >= -DRIFT)
        and np.all(np.abs(totals - 1.0) <= DRIFT)
    ):
        raise UnsupportedModel(
            "not_probabilities",
            "The model's probabilities are not finite, negative or do not sum to 1.",
            hint="Check what the model answers on these tables before the audit; logits become "
            "probabilities by softmax.",
        )
    clipped = np.clip(probabilities, 0.0, None)
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))


def checked_labels(answer: NDArray[Any], rows: int, positions: Mapping[Any, int]) -> IntArray:
    """(rows,) the positions of the labels in an answer.

    Raises
    ------
    UnsupportedModel
        `prediction_failed` for an answer of another shape, or a label that has no position.
    """
    if answer.shape != (rows,):
        raise prediction_failed(None)
    try:
        return np.array([positions[label] for label in answer.tolist()], dtype=np.int64)
    except (KeyError, TypeError) as error:
        raise prediction_failed(error) from error


def checked_numbers(answer: NDArray[Any], rows: int) -> FloatArray:
    """(rows,) the predicted numbers in an answer of a vector or a column.

    Raises
    ------
    UnsupportedModel
        `prediction_failed` for another shape; `multi_output` for several numbers a row; `not_finite`.
    """
    if answer.ndim == 2 and len(answer) == rows and answer.shape[1] > 1:
        raise UnsupportedModel(
            "multi_output",
            f"The model predicts {answer.shape[1]} numbers for each row, and an audit is of one.",
            hint="Hand over a model, or a function, that gives one of them, and labels that are that number.",
        )
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


def numbers_alone() -> UnsupportedModel:
    """The refusal of a regressor that is asked for probabilities or labels."""
    return UnsupportedModel(
        "labels_only",
        "The model predicts numbers, and gives neither probabilities nor classes.",
        hint="Use attacks that see predictions.",
    )


def prediction_failed(error: Exception | None, *, hint: str = _AS_IT_IS) -> UnsupportedModel:
    """The refusal of a model that cannot take the rows; None for one that answers in an unexpected shape."""
    # the message of the exception may quote values of the table, so only its type is told
    kind = type(error).__name__ if error is not None else "answers of an unexpected shape"
    return UnsupportedModel(
        "prediction_failed",
        f"The model could not predict the rows of the table ({kind}).",
        hint=hint,
        details={"exception": kind},
    )
