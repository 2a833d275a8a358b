"""Gradient boosting that looks at its first guess before compiled code adds to it.

`predict_stages` writes into the first guess as if it had one column per class.
How wide an estimator answers is only known for certain when it answers, so a
model that starts from one (`init=`) gets this check in front of each answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor


class _GuardedFirstGuess:
    """Adds the check to `_raw_predict_init`, and is saved as the class of scikit-learn that it stands for."""

    _stands_for: type

    def _raw_predict_init(self: Any, X: Any) -> NDArray[np.float64]:  # noqa: N803 (scikit-learn's name)
        guess: Any = super()._raw_predict_init(X)  # type: ignore[misc]  # the class mixed into has it
        return checked_first_guess(guess, X.shape[0], self)

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        plain = object.__new__(self._stands_for)
        vars(plain).update(vars(self))
        return plain.__reduce_ex__(protocol)


class GuardedGradientBoostingClassifier(_GuardedFirstGuess, GradientBoostingClassifier):  # type: ignore[misc]  # no types
    """The classifier."""

    _stands_for = GradientBoostingClassifier


class GuardedGradientBoostingRegressor(_GuardedFirstGuess, GradientBoostingRegressor):  # type: ignore[misc]  # no types
    """The regressor."""

    _stands_for = GradientBoostingRegressor


def checked_first_guess(guess: Any, n_rows: int, booster: Any) -> NDArray[np.float64]:
    """The guess in the form that the compiled stages take for granted.

    Parameters
    ----------
    guess:
        what the first estimator's answer became.
    n_rows:
        rows that were asked for.
    booster:
        the fitted ensemble.

    Returns
    -------
    NDArray
        (n_rows, n_trees_per_iteration) float64 in C order.

    Raises
    ------
    ValueError
        when it has another shape.
    """
    if np.shape(guess) != (n_rows, booster.estimators_.shape[1]):
        raise ValueError("the first guess of gradient boosting does not fit its stages")
    return np.ascontiguousarray(guess, dtype=np.float64)


def guard_first_guess(booster: Any) -> None:
    """Put the check in front of a fitted ensemble's answers, in place."""
    if type(booster) is GradientBoostingClassifier:
        booster.__class__ = GuardedGradientBoostingClassifier
    elif type(booster) is GradientBoostingRegressor:
        booster.__class__ = GuardedGradientBoostingRegressor
