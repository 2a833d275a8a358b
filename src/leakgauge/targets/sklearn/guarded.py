"""Estimators of scikit-learn whose compiled code is handed what no check of the file can foresee.

How wide an estimator answers is only known for certain when it answers. Gradient
boosting of both kinds hands such an answer to compiled code without a look at its
shape, neighbours within a radius their rows, and calibration by temperature its labels;
products of features are columns that compiled code counts. Votes and categories are
counted by `numpy.bincount`: with the largest number of all, its table has no places, and it
writes before the first of them. Each gets that look first.
A stand-in fits, clones and is saved as the class that it stands for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    VotingClassifier,
)
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import CategoricalNB
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.validation import validate_data

from leakgauge.targets.sklearn.model_graph import parts_of
from leakgauge.targets.stand_in import StandIn

_NO_NEIGHBOUR = (
    "The model's RadiusNeighborsClassifier gives no answer to a record without neighbours "
    "(outlier_label=None); the audit reads that as equal probabilities of all classes."
)


class ChecksFirstGuess:
    """Gradient boosting whose stages are handed a first guess of their own width, on fitting and after it."""

    def _fit_stages(self: Any, X: Any, y: Any, raw_predictions: Any, *more: Any, **settings: Any) -> Any:  # noqa: N803 (scikit-learn's name)
        guess = checked_first_guess(raw_predictions, X.shape[0], self)
        return super()._fit_stages(X, y, guess, *more, **settings)  # type: ignore[misc]  # the class mixed into has it

    def _raw_predict_init(self: Any, X: Any) -> NDArray[np.float64]:  # noqa: N803 (likewise)
        guess: Any = super()._raw_predict_init(X)  # type: ignore[misc]  # likewise
        return checked_first_guess(guess, X.shape[0], self)


class GuardedGradientBoostingClassifier(ChecksFirstGuess, StandIn, GradientBoostingClassifier):  # type: ignore[misc]  # no types
    """A classifier that starts from another estimator (`init=`)."""

    _stands_for = GradientBoostingClassifier


class GuardedGradientBoostingRegressor(ChecksFirstGuess, StandIn, GradientBoostingRegressor):  # type: ignore[misc]  # no types
    """A regressor that starts from another estimator (`init=`)."""

    _stands_for = GradientBoostingRegressor


class _GuardedPreparation(StandIn):
    def _preprocess_X(self: Any, X: Any, *, reset: bool) -> Any:  # noqa: N802, N803 (scikit-learn's names)
        prepared: Any = super()._preprocess_X(X, reset=reset)  # type: ignore[misc]  # the class mixed into has it
        # the trees read columns by number, as many as they were fitted on
        if not reset and np.shape(prepared)[1:] != (self._n_features,):
            raise ValueError("the prepared rows of histogram gradient boosting do not fit its trees")
        return prepared


class GuardedHistGradientBoostingClassifier(_GuardedPreparation, HistGradientBoostingClassifier):  # type: ignore[misc]  # no types
    """A classifier that prepares its rows with other estimators (`categorical_features=`)."""

    _stands_for = HistGradientBoostingClassifier


class GuardedHistGradientBoostingRegressor(_GuardedPreparation, HistGradientBoostingRegressor):  # type: ignore[misc]  # no types
    """A regressor that prepares its rows with other estimators (`categorical_features=`)."""

    _stands_for = HistGradientBoostingRegressor


class GuardedCalibratedClassifierCV(StandIn, CalibratedClassifierCV):  # type: ignore[misc]  # no types
    """Calibration that hands its loss positions among the classes, never labels.

    With `method="temperature"` scikit-learn 1.9 takes labels that are numbers for the
    columns of the answers to calibrate, and reads them without a look at their range.
    """

    _stands_for = CalibratedClassifierCV

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Any:  # noqa: N803
        """Fit the calibrated model.

        Raises
        ------
        ValueError
            when a classifier to calibrate might not see every class, so that it answers in
            fewer columns than there are classes.
        """
        if self.method != "temperature":
            return super().fit(X, y, sample_weight, **fit_params)
        if not isinstance(self.cv, int | StratifiedKFold | None):
            raise ValueError("calibration by temperature needs every class in every part of the data")
        classes, positions = np.unique(y, return_inverse=True)
        super().fit(X, positions, sample_weight, **fit_params)
        self.classes_ = classes
        return self


class GuardedPolynomialFeatures(StandIn, PolynomialFeatures):  # type: ignore[misc]  # no types
    """Products of the features of sparse rows, whose columns are there.

    Compiled code numbers the product of a feature with itself before the first column
    where it makes interactions alone, and a graph of neighbours may name one of them twice.
    """

    _stands_for = PolynomialFeatures

    def transform(self, X: Any) -> Any:  # noqa: N803 (scikit-learn's name)
        """(n, n_output_features_) products.

        Raises
        ------
        ValueError
            when a product has no column.
        """
        products = super().transform(X)
        if sparse.issparse(products):
            products.check_format(full_check=True)
        return products


class GuardedVotingClassifier(StandIn, VotingClassifier):  # type: ignore[misc]  # no types
    """A vote whose parts answer with positions among its classes, as they do when it fitted them."""

    _stands_for = VotingClassifier

    def _predict(self, X: Any) -> NDArray[np.integer[Any]]:  # noqa: N803 (scikit-learn's name)
        """(n, n_parts) positions among the classes.

        Raises
        ------
        ValueError
            when a part answers with something else.
        """
        votes = np.asarray(super()._predict(X))
        if votes.dtype.kind not in "biu" or not np.all((votes >= 0) & (votes < len(self.classes_))):
            raise ValueError("a part of the VotingClassifier votes for a class that it does not have")
        return votes


class GuardedCategoricalNB(StandIn, CategoricalNB):  # type: ignore[misc]  # no types
    """Naive Bayes of categories whose number, one more than the largest, is a number still."""

    _stands_for = CategoricalNB

    def _check_X_y(self, X: Any, y: Any, reset: bool = True) -> Any:  # noqa: N802, N803 (as scikit-learn has it)
        rows, labels = super()._check_X_y(X, y, reset=reset)
        if np.any(rows == np.iinfo(rows.dtype).max):
            raise ValueError("a category of CategoricalNB is too large a number")
        return rows, labels


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


_STAND_INS: Mapping[type, type[StandIn]] = {
    kind._stands_for: kind
    for kind in (
        GuardedCalibratedClassifierCV,
        GuardedCategoricalNB,
        GuardedGradientBoostingClassifier,
        GuardedGradientBoostingRegressor,
        GuardedHistGradientBoostingClassifier,
        GuardedHistGradientBoostingRegressor,
        GuardedPolynomialFeatures,
        GuardedRadiusNeighborsClassifier,
        GuardedVotingClassifier,
    )
}


def guard(model: object) -> tuple[str, ...]:
    """Put the checks in front of the answers of a model's parts, in place.

    Returns
    -------
    tuple of str
        sentences for the report on answers that the model itself would not give.
    """
    remarks: dict[str, None] = {}
    for part in parts_of(model):
        stand_in = _STAND_INS.get(type(part))
        if stand_in is not None:
            part.__class__ = stand_in
        if isinstance(part, RadiusNeighborsClassifier) and vars(part).get("outlier_label_", 0) is None:
            remarks[_NO_NEIGHBOUR] = None
    return tuple(remarks)
