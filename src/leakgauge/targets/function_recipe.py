"""Training a model again by a function of the caller's, in the form that scikit-learn knows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from leakgauge.errors import BadParameters

Fit: TypeAlias = Callable[[Any, Any], Any]
"""Trains a model: of (n, d) rows and (n,) labels, a fitted classifier or a function of rows."""

_ONE_AT_A_TIME = threading.RLock()
"""Reference models are trained in threads, which code that was written for one need not bear."""


class FunctionRecipe(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """An estimator whose `fit` is a function.

    Parameters
    ----------
    function
        of (n, d) rows and (n,) labels; gives a fitted model with `predict_proba`, or a function of rows
        that gives probabilities.
    classes
        (n_classes,) the target's labels.
    """

    def __init__(self, function: Fit, classes: NDArray[Any]) -> None:
        self.function = function
        self.classes = classes

    def __sklearn_clone__(self) -> FunctionRecipe:
        """Another one of the same function, which is not copied."""
        return FunctionRecipe(self.function, self.classes)

    def fit(self, x: Any, y: NDArray[Any]) -> FunctionRecipe:
        """Train a model.

        Raises
        ------
        BadParameters
            `fit_failed` where the function raises anything, or gives no model.
        """
        with _ONE_AT_A_TIME:
            try:
                self.model_ = self.function(x, y)
            except MemoryError:
                raise
            except Exception as error:
                raise _failed(f"raised a {type(error).__name__}") from error
            self._known = np.unique(y)
            if not callable(self._answers):
                raise _failed(f"gave a {type(self.model_).__name__}, which is no model")
            self.classes_ = np.asarray(getattr(self.model_, "classes_", self.classes))
            self.predict_proba(x[:1])  # whether its columns are all classes or those that it was shown
        return self

    def predict_proba(self, x: Any) -> NDArray[Any]:
        """(n, k) probabilities of the labels in `classes_`, as the trained model gives them.

        Raises
        ------
        BadParameters
            `fit_failed` for answers of another shape, or a model that cannot answer.
        """
        with _ONE_AT_A_TIME:
            try:
                answer = self._answers(x)
                array = np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
            except Exception as error:
                raise _failed(f"gave a model that raised a {type(error).__name__} when asked") from error
            if not hasattr(self.model_, "classes_") and array.shape == (len(x), len(self._known)):
                self.classes_ = self._known
            if array.shape != (len(x), len(self.classes_)):
                raise _failed(
                    f"gave a model that answers {len(x)} rows with shape {array.shape}, not with "
                    f"{len(self.classes_)} probabilities each"
                )
        return array

    @property
    def _answers(self) -> Any:
        """What gives the trained model's probabilities."""
        return getattr(self.model_, "predict_proba", self.model_)

    def decision_function(self, x: Any) -> NDArray[Any]:
        """(n,) or (n, k) decision scores, as the trained model gives them."""
        with _ONE_AT_A_TIME:
            return np.asarray(self.model_.decision_function(x))


def _failed(what: str) -> BadParameters:
    return BadParameters.about(
        "fit",
        what,
        problem="fit_failed",
        message=f"The function given as fit {what}.",
        hint="It takes rows in the form of X_train and their labels, and gives a fitted model, or a function "
        "that gives one probability for each class. Try it on half of your records.",
    )
