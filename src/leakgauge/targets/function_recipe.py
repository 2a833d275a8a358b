"""Training a model again by a function of the caller's, in the form that scikit-learn knows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from leakgauge.errors import BadParameters
from leakgauge.targets.ways_in import as_array

Fit: TypeAlias = Callable[[Any, Any], Any]
"""Trains a model: of (n, d) rows and (n,) labels, a fitted estimator or a function of rows."""

_ONE_AT_A_TIME = threading.RLock()
"""Reference models are trained in threads, which code that was written for one need not bear."""


class FunctionRecipe(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """An estimator whose `fit` is a function.

    Parameters
    ----------
    function
        of (n, d) rows and (n,) labels; gives a fitted model with the method that the target is asked by,
        `predict_proba`, `decision_function` or `predict`, or a function of rows that answers the same.
    classes
        (n_classes,) the target's labels; none of a regressor.
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
            `fit_failed` where the function raises anything, or gives no classifier of these classes.
        """
        with _ONE_AT_A_TIME:
            try:
                self.model_ = self.function(x, y)
            except MemoryError:
                raise
            except Exception as error:
                raise _failed(f"raised a {type(error).__name__}") from error
            self._known = np.unique(y)
            self.classes_ = np.asarray(getattr(self.model_, "classes_", self.classes))
            scores_alone = hasattr(self.model_, "decision_function") and not hasattr(
                self.model_, "predict_proba"
            )
            if len(self.classes) and not scores_alone:
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
            array = self._asked("predict_proba", x)
            if not hasattr(self.model_, "classes_") and array.shape == (len(x), len(self._known)):
                self.classes_ = self._known
            if array.shape != (len(x), len(self.classes_)):
                raise _failed(
                    f"gave a model that answers {len(x)} rows with shape {array.shape}, not with "
                    f"{len(self.classes_)} probabilities each"
                )
        return array

    def decision_function(self, x: Any) -> NDArray[Any]:
        """(n,) or (n, k) decision scores, as the trained model gives them.

        Raises
        ------
        BadParameters
            `fit_failed` for a model that cannot give them.
        """
        with _ONE_AT_A_TIME:
            return self._asked("decision_function", x)

    def predict(self, x: Any) -> NDArray[Any]:
        """(n,) or (n, 1) numbers, as the trained regressor predicts them.

        Raises
        ------
        BadParameters
            `fit_failed` for answers of another shape, or a model that cannot answer.
        """
        with _ONE_AT_A_TIME:
            array = self._asked("predict", x)
        if array.shape not in ((len(x),), (len(x), 1)):
            raise _failed(
                f"gave a model that answers {len(x)} rows with shape {array.shape}, not a number each"
            )
        return array

    def _asked(self, method: str, x: Any) -> NDArray[Any]:
        """What the trained model answers by this method, or a function by being called."""
        answers = getattr(self.model_, method, self.model_)
        if not callable(answers):
            raise _failed(f"gave a {type(self.model_).__name__}, which has no {method}")
        try:
            return as_array(answers(x))
        except MemoryError:
            raise
        except Exception as error:
            raise _failed(f"gave a model that raised a {type(error).__name__} when asked") from error


def _failed(what: str) -> BadParameters:
    return BadParameters.about(
        "fit",
        what,
        problem="fit_failed",
        message=f"The function given as fit {what}.",
        hint="It takes rows in the form of X_train and their labels, and gives a fitted model that answers "
        "as the audited one does, or a function of rows that does. Try it on half of your records.",
    )
