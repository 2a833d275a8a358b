"""Brings models that scikit-learn 0.24 to 1.8 saved to where today's version gives the same probabilities.

scikit-learn promises nothing about pickles of other versions, and some load
without a word and answer wrongly: trees saved before 1.4 may hold class counts
where fractions are expected now, AdaBoost saved before 1.6 averaged
probabilities (SAMME.R) where votes are counted now, logistic regression had
ways to join its classes that are gone. Each step names what changed and when;
`tests/contract/test_old_pickles.py` holds them to the outputs of the old
versions.
"""

from __future__ import annotations

import inspect
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn._loss.loss import HalfBinomialLoss, HalfMultinomialLoss, HalfSquaredError
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import KernelPCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.impute._iterative import IterativeImputer
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, PolynomialFeatures
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils._indexing import _get_column_indices

from leakgauge.targets.pickles.construction import Inert
from leakgauge.targets.sklearn.guarded import ChecksFirstGuess, checked_first_guess
from leakgauge.targets.sklearn.model_graph import parts_of

Version: TypeAlias = tuple[int, int]


class EarlierAdaBoostClassifier(AdaBoostClassifier):  # type: ignore[misc]  # scikit-learn ships no types
    """AdaBoost that joins its estimators as an earlier scikit-learn did.

    `joined_by_` is `"probabilities"` for SAMME.R (until 1.5) or `"votes"` for
    SAMME before 1.3, which did not take a vote off the classes that lost (both:
    J. Zhu et al., "Multi-class AdaBoost", 2009). Only a loaded model carries
    the attribute: a clone is fitted and asked as today's AdaBoost.
    """

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803 (scikit-learn's name)
        """(n, n_classes) decision values, (n,) for two classes."""
        way = getattr(self, "joined_by_", None)
        if way is None:
            return np.asarray(super().decision_function(X))
        total: Any = 0.0
        for estimator, weight in zip(self.estimators_, self.estimator_weights_, strict=False):
            total = total + (
                self._log_probabilities(estimator, X)
                if way == "probabilities"
                else weight * (estimator.predict(X)[:, None] == self.classes_)
            )
        total = total / self.estimator_weights_.sum()
        return np.asarray(total[:, 1] - total[:, 0] if self.n_classes_ == 2 else total)

    def _log_probabilities(self, estimator: Any, rows: Any) -> NDArray[np.float64]:
        log = np.log(np.clip(estimator.predict_proba(rows), np.finfo(np.float64).eps, None))
        return np.asarray((self.n_classes_ - 1) * (log - log.mean(axis=1, keepdims=True)))


class EarlierGradientBoostingClassifier(ChecksFirstGuess, GradientBoostingClassifier):  # type: ignore[misc]  # no types
    """Gradient boosting that keeps the first guess as far from 0 and 1 as scikit-learn did until 1.8.

    `first_guess_margin_` is that distance. Only a loaded model carries it.
    """

    def _raw_predict_init(self, X: Any) -> NDArray[np.float64]:  # noqa: N803 (scikit-learn's name)
        margin = getattr(self, "first_guess_margin_", None)
        if margin is None or isinstance(self.init_, str):
            return np.asarray(super()._raw_predict_init(X))
        rows = self.estimators_[0, 0]._validate_X_predict(X, check_input=True)
        guess = np.clip(self.init_.predict_proba(rows), margin, 1 - margin, dtype=np.float64)
        guess = self._loss.link.link(guess if self._loss.is_multiclass else guess[:, 1:])
        return checked_first_guess(guess, rows.shape[0], self)


class _JoinedClasses:
    """Probabilities as scikit-learn's parameter `multi_class`, removed in 1.8, asked for them.

    `joined_by_` is `"sigmoids"`, one binary model per class, or `"softmax"`, of
    one decision and its mirror image. Only a loaded model carries the attribute.
    """

    def predict_proba(self: Any, X: Any) -> NDArray[np.float64]:  # noqa: N803 (scikit-learn's name)
        """(n, n_classes) probabilities."""
        way = getattr(self, "joined_by_", None)
        if way == "sigmoids":
            return np.asarray(self._predict_proba_lr(X))
        if way == "softmax":
            decision = self.decision_function(X)
            return np.asarray(softmax(np.column_stack([-decision, decision]), axis=1))
        return np.asarray(super().predict_proba(X))  # type: ignore[misc]  # the class mixed into has it


class EarlierLogisticRegression(_JoinedClasses, LogisticRegression):  # type: ignore[misc]  # no types
    """Logistic regression with `multi_class`."""


class EarlierLogisticRegressionCV(_JoinedClasses, LogisticRegressionCV):  # type: ignore[misc]  # no types
    """Cross-validated logistic regression with `multi_class`."""


def upgrade(model: object, *, saved_by: Version) -> None:
    """Change a model in place so that today's scikit-learn answers as the version that saved it.

    Parameters
    ----------
    model
        a fitted model, as it came out of its file.
    saved_by
        (major, minor) of the oldest version that saved a part of it.
    """
    for part in reversed(parts_of(model)):
        _rename(vars(part))
        _add_new_parameters(part)
        _upgrade_trees(part)
        _upgrade_fitted_attributes(part)
        _upgrade_preparation(part)
        _upgrade_gradient_boosting(part, saved_by)
        _upgrade_hist_gradient_boosting(part)
        _upgrade_joining(part, saved_by)
        _drop_inert(part)


# what an attribute was called, and is called now
_RENAMED = {
    "base_estimator_": "estimator_",  # 1.2
    "base_estimator": "estimator",  # 1.2
    "n_features_": "n_features_in_",  # 1.0
    "sparse": "sparse_output",  # 1.2, OneHotEncoder
    "_feature_names_in": "feature_names_in_",  # 1.0, ColumnTransformer
    "_le": "_label_encoder",  # 1.2, StackingClassifier
}


def _rename(attributes: dict[str, Any]) -> None:
    for earlier, now in _RENAMED.items():
        if attributes.get(earlier) is not None and now not in attributes:
            attributes[now] = attributes[earlier]


# parameters on their way out, with the value that was their default: left alone, a clone would warn
_DEFAULTS_GONE = {"penalty": "l2", "criterion": "friedman_mse"}


def _add_new_parameters(part: Any) -> None:
    """Give the part its default for every parameter that was invented since."""
    for name, parameter in inspect.signature(type(part).__init__).parameters.items():
        if parameter.default is not parameter.empty:
            vars(part).setdefault(name, parameter.default)
            if parameter.default == "deprecated" and vars(part)[name] == _DEFAULTS_GONE.get(name):
                vars(part)[name] = "deprecated"


def _upgrade_trees(part: Any) -> None:
    attributes = vars(part)
    if isinstance(part, DecisionTreeClassifier) and "tree_" in attributes:
        # fractions since 1.4, counts before
        values = part.tree_.value
        total = values.sum(axis=2, keepdims=True)
        total[total == 0] = 1.0
        if not np.allclose(total, 1.0, rtol=0, atol=1e-9):
            values /= total  # a view of the tree's own memory


def _upgrade_fitted_attributes(part: Any) -> None:
    """Add what `fit` stores today and did not store then."""
    attributes = vars(part)
    if isinstance(part, GaussianNB) and "sigma_" in attributes:
        attributes.setdefault("var_", attributes.pop("sigma_"))  # 1.0
    elif isinstance(part, LogisticRegression) and attributes.get("l1_ratio", 0.0) is None:
        part.l1_ratio = 0.0  # 1.8
    elif isinstance(part, SGDClassifier):
        part.loss = {"log": "log_loss", "squared_loss": "squared_error"}.get(part.loss, part.loss)  # 1.1
    elif isinstance(part, RidgeClassifier | RidgeClassifierCV) and "_label_binarizer" in attributes:
        attributes.setdefault("classes_", part._label_binarizer.classes_)  # 1.8
    elif isinstance(part, TweedieRegressor | PoissonRegressor | GammaRegressor) and "coef_" in attributes:
        part._base_loss = part._get_loss()  # compiled, and made anew
    elif isinstance(part, NearestCentroid) and "centroids_" in attributes:
        n_classes = len(part.classes_)
        attributes.setdefault("class_prior_", np.full(n_classes, 1 / n_classes))  # 1.6, before: none


def _upgrade_preparation(part: Any) -> None:
    """The same for what prepares the input."""
    attributes = vars(part)
    if isinstance(part, OneHotEncoder | OrdinalEncoder) and "categories_" in attributes:
        attributes.setdefault("_infrequent_enabled", False)  # 1.1 and 1.3
        attributes.setdefault("n_features_in_", len(part.categories_))  # 1.0
    if isinstance(part, OrdinalEncoder):
        attributes.setdefault("_missing_indices", {})  # 1.0
    elif isinstance(part, OneHotEncoder) and "drop_idx_" in attributes:
        if "_drop_idx_after_grouping" not in attributes:  # 1.2
            part._drop_idx_after_grouping = part.drop_idx_
            part._n_features_outs = part._compute_n_features_outs()
    elif isinstance(part, SimpleImputer) and "statistics_" in attributes:
        for name in ("_fit_dtype", "_fill_dtype"):  # 1.0 and 1.5
            attributes.setdefault(name, part.statistics_.dtype)
    elif isinstance(part, TfidfTransformer) and "_idf_diag" in attributes:
        # a diagonal matrix until 1.5; without it today's version weighs nothing, and says nothing
        attributes.setdefault("idf_", np.asarray(attributes.pop("_idf_diag").diagonal()))
    elif isinstance(part, KernelPCA) and "X_fit_" in attributes:
        gamma = 1 / part.X_fit_.shape[1] if part.gamma is None else part.gamma
        attributes.setdefault("gamma_", gamma)  # 1.3
    elif isinstance(part, IterativeImputer) and "imputation_sequence_" in attributes:
        attributes.setdefault("_is_empty_feature", np.isnan(part.initial_imputer_.statistics_))  # 1.9
    elif isinstance(part, KNNImputer) and "_mask_fit_X" in attributes:
        attributes.setdefault("_valid_mask", ~np.all(part._mask_fit_X, axis=0))  # 1.2
    elif (
        isinstance(part, PolynomialFeatures)
        and "_n_out_full" not in attributes
        and "n_features_in_" in attributes
    ):
        part._min_degree, part._max_degree = 0, part.degree  # 1.0
        part._n_out_full = part._num_combinations(
            part.n_features_in_, 0, part.degree, part.interaction_only, part.include_bias
        )
    elif isinstance(part, ColumnTransformer) and "transformers_" in attributes:
        _upgrade_columns(part)


def _upgrade_columns(part: Any) -> None:
    # columns that pass went by this word until 1.3
    part.transformers_ = [
        (
            name,
            FunctionTransformer(accept_sparse=True, check_inverse=False)
            if isinstance(transformer, str) and transformer == "passthrough"
            else transformer,
            columns,
        )
        for name, transformer, columns in part.transformers_
    ]
    if "_transformer_to_input_indices" not in vars(part):  # 1.0
        if "feature_names_in_" in vars(part):
            part.feature_names_in_ = np.asarray(part.feature_names_in_, dtype=object)
            empty: Any = pd.DataFrame(columns=part.feature_names_in_)
        else:
            empty = np.empty((0, part.n_features_in_))
        part._transformer_to_input_indices = {
            name: list(_get_column_indices(empty, columns))
            for name, _transformer, columns in part.transformers_
        }


def _upgrade_gradient_boosting(part: Any, saved_by: Version) -> None:
    attributes = vars(part)
    if isinstance(part, GradientBoostingClassifier) and "classes_" in attributes:
        if part.loss == "deviance":
            part.loss = "log_loss"  # 1.1
        part.n_classes_ = len(part.classes_)
        part.n_trees_per_iteration_ = 1 if part.n_classes_ == 2 else part.n_classes_  # 1.4
        part._loss = part._get_loss(None)  # its own classes until 1.3
        if saved_by < (1, 9):
            part.__class__ = EarlierGradientBoostingClassifier
            part.first_guess_margin_ = float(np.finfo(np.float32).eps)
    elif isinstance(part, GradientBoostingRegressor) and "estimators_" in attributes:
        part.loss = {"ls": "squared_error", "lad": "absolute_error"}.get(part.loss, part.loss)  # 1.0
        part.n_trees_per_iteration_ = 1
        part._loss = part._get_loss(None)


def _upgrade_hist_gradient_boosting(part: Any) -> None:
    attributes = vars(part)
    if "_predictors" not in attributes:
        return
    baseline = np.asarray(part._baseline_prediction, dtype=np.float64)
    # (n_trees, 1) until 1.0, (1, n_trees) since
    part._baseline_prediction = baseline.T if baseline.ndim == 2 and baseline.shape[1] == 1 else baseline
    attributes.setdefault("_preprocessor", None)  # 1.4
    if isinstance(part, HistGradientBoostingClassifier):
        n_classes = len(part.classes_)
        part._loss = HalfBinomialLoss() if n_classes == 2 else HalfMultinomialLoss(n_classes=n_classes)
    elif isinstance(part, HistGradientBoostingRegressor):
        part._loss = HalfSquaredError()


def _upgrade_joining(part: Any, saved_by: Version) -> None:
    kind = type(part)
    if kind is AdaBoostClassifier and hasattr(part, "estimators_"):
        algorithm = vars(part).get("algorithm")
        if algorithm == "SAMME.R" or (algorithm == "SAMME" and saved_by < (1, 3)):
            part.__class__ = EarlierAdaBoostClassifier
            part.joined_by_ = "probabilities" if algorithm == "SAMME.R" else "votes"
    elif kind in (LogisticRegression, LogisticRegressionCV) and hasattr(part, "classes_"):
        way = _joined_by(part, saved_by)
        if way is not None:
            cross_validated = kind is LogisticRegressionCV
            part.__class__ = EarlierLogisticRegressionCV if cross_validated else EarlierLogisticRegression
            part.joined_by_ = way


def _joined_by(part: Any, saved_by: Version) -> str | None:
    """How an earlier logistic regression joined its classes, when that differs from today's way."""
    asked = vars(part).get("multi_class")
    if asked is None:
        return None
    two_classes = len(part.classes_) <= 2
    # newton-cholesky had no multinomial model before 1.6
    one_by_one = ("liblinear", "newton-cholesky") if saved_by < (1, 6) else ("liblinear",)
    automatic = asked in ("auto", "deprecated") and (two_classes or part.solver in one_by_one)
    if asked in ("ovr", "warn") or automatic:
        return None if two_classes else "sigmoids"
    return "softmax" if two_classes else None


def _drop_inert(part: Any) -> None:
    """Take out what no prediction uses; a parameter goes back to its default, so that clones can be made."""
    parameters = inspect.signature(type(part).__init__).parameters
    for name in [name for name, value in vars(part).items() if isinstance(value, Inert)]:
        if name in parameters and parameters[name].default is not inspect.Parameter.empty:
            vars(part)[name] = parameters[name].default
        else:
            del vars(part)[name]
