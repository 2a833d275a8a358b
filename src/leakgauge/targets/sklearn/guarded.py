"""Estimators of scikit-learn whose compiled code is handed what no check of the file can foresee.

How wide an estimator answers is only known for certain when it answers. Two
estimators hand such an answer to compiled code without a look at its shape; each
gets that look in front of its answers. A stand-in fits, clones and is saved as
the class that it stands for.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.utils.validation import validate_data

from leakgauge.targets.sklearn.model_graph import parts_of
from leakgauge.targets.stand_in import StandIn

_NO_NEIGHBOUR = (
    "The model's RadiusNeighborsClassifier gives no answer to a record without neighbours "
    "(outlier_label=None); the audit reads that as equal probabilities of all classes."
)


class _GuardedFirstGuess(StandIn):
    def _raw_predict_init(self: Any, X: Any) -> NDArray[np.float64]:  # noqa: N803 (scikit-learn's name)
        guess: Any = super()._raw_predict_init(X)  # type: ignore[misc]  # the class mixed into has it
        return checked_first_guess(guess, X.shape[0], self)


class GuardedGradientBoostingClassifier(_GuardedFirstGuess, GradientBoostingClassifier):  # type: ignore[misc]  # no types
    """A classifier that starts from another estimator (`init=`)."""

    _stands_for = GradientBoostingClassifier


class GuardedGradientBoostingRegressor(_GuardedFirstGuess, GradientBoostingRegressor):  # type: ignore[misc]  # no types
    """A regressor that starts from another estimator (`init=`)."""

    _stands_for = GradientBoostingRegressor


class GuardedRadiusNeighborsClassifier(StandIn, RadiusNeighborsClassifier):  # type: ignore[misc]  # no types
    """Neighbours within a radius, asked with rows of the width that it was fitted on.

    Where there is no neighbour and no label for that, scikit-learn raises an error
    for all rows at once. A record without an answer tells an attacker as little
    about its class as equal probabilities do, so these stand in its place.
    """

    _stands_for = RadiusNeighborsClassifier

    def predict_proba(self, X: Any) -> Any:  # noqa: N803 (scikit-learn's name)
        """(n, n_classes) probabilities; a list of them for several outputs."""
        rows = validate_data(self, X, accept_sparse="csr", reset=False, order="C")
        plain = self._plain()
        if plain.outputs_2d_ or plain.outlier_label_ is not None:
            return plain.predict_proba(rows)
        plain.outlier_label_ = [None]  # no class: rows without neighbours get zeros
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = np.asarray(plain.predict_proba(rows))
        answers[answers.sum(axis=1) == 0] = 1 / answers.shape[1]
        return answers


def checked_first_guess(guess: Any, n_rows: int, booster: Any) -> NDArray[np.float64]:
    """The guess in the form that the compiled stages of gradient boosting take for granted.

    `predict_stages` adds to it in place, as if it had one column per class.

    Parameters
    ----------
    guess
        what the first estimator's answer became.
    n_rows
        rows that were asked for.
    booster
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


def guard(model: object) -> tuple[str, ...]:
    """Put the checks in front of the answers of a model's parts, in place.

    Returns
    -------
    tuple of str
        sentences for the report on answers that the model itself would not give.
    """
    remarks: dict[str, None] = {}
    for part in parts_of(model):
        kind = type(part)
        if kind is GradientBoostingClassifier and not _starts_from_constants(part):
            part.__class__ = GuardedGradientBoostingClassifier
        elif kind is GradientBoostingRegressor and not _starts_from_constants(part):
            part.__class__ = GuardedGradientBoostingRegressor
        elif kind is RadiusNeighborsClassifier:
            part.__class__ = GuardedRadiusNeighborsClassifier
            if "_fit_X" in vars(part) and part.outlier_label_ is None:
                remarks[_NO_NEIGHBOUR] = None
    return tuple(remarks)


def _starts_from_constants(booster: Any) -> bool:
    """Whether the first guess is scikit-learn's own, and as wide as there are classes."""
    first = vars(booster).get("init_")
    if first is None or isinstance(first, str):
        return True
    if type(first) is DummyRegressor:
        return bool(first.n_outputs_ == 1 and np.shape(first.constant_) == (1, 1))
    if type(first) is not DummyClassifier or "classes_" not in vars(booster):
        return False
    prior = np.shape(np.asarray(vars(first).get("class_prior_")))
    return bool(first.n_outputs_ == 1 and first.strategy == "prior" and prior == (len(booster.classes_),))
