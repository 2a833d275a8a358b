"""Every estimator of the installed scikit-learn, fitted on a table of numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sklearn.experimental.enable_halving_search_cv
import sklearn.experimental.enable_iterative_imputer  # noqa: F401 (makes the two known)
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.utils import all_estimators

Numbers = NDArray[Any]

KINDS: Mapping[str, Any] = dict(all_estimators())
_REGRESSORS = frozenset(dict(all_estimators(type_filter="regressor")))

_SETTINGS: Mapping[str, dict[str, Any]] = {
    "CCA": {"n_components": 1},
    "ColumnTransformer": {"transformers": [("a", KINDS["StandardScaler"](), [0, 1])]},
    "FeatureUnion": {"transformer_list": [("a", KINDS["StandardScaler"]())]},
    "FrozenEstimator": {"estimator": LogisticRegression()},
    "GaussianRandomProjection": {"n_components": 2},
    "GridSearchCV": {"param_grid": {"C": [1.0]}},
    "HalvingGridSearchCV": {"param_grid": {"C": [1.0, 2.0]}},
    "HalvingRandomSearchCV": {"param_distributions": {"C": [1.0, 2.0]}},
    "PLSCanonical": {"n_components": 1},
    "PLSRegression": {"n_components": 1},
    "PLSSVD": {"n_components": 1},
    "Pipeline": {"steps": [("a", KINDS["StandardScaler"]()), ("b", KNeighborsClassifier())]},
    "RadiusNeighborsClassifier": {"radius": 9.0},
    "RandomizedSearchCV": {"param_distributions": {"C": [1.0]}, "n_iter": 1},
    "SparseRandomProjection": {"n_components": 2},
    "SparseCoder": {"dictionary": np.eye(4)},
    "StackingRegressor": {"estimators": [("a", KNeighborsRegressor()), ("b", LinearRegression())]},
    "VotingRegressor": {"estimators": [("a", KNeighborsRegressor()), ("b", LinearRegression())]},
}
_CLASSIFIERS = [("a", KNeighborsClassifier()), ("b", LogisticRegression())]


def fitted(name: str, x: Numbers, classes: Numbers, numbers: Numbers) -> tuple[Any, Numbers, Numbers]:
    """An estimator with the rows and labels that it was fitted on.

    Parameters
    ----------
    x
        (n, d) positive numbers.
    classes
        (n,) 0 and 1.
    numbers
        (n,) positive targets.
    """
    kind = KINDS[name]
    settings = dict(_SETTINGS.get(name, {}))
    known = kind._get_param_names()
    if "random_state" in known:
        settings["random_state"] = 0
    if "estimators" in known:
        settings.setdefault("estimators", _CLASSIFIERS)
    if name in _NEED_AN_ESTIMATOR:
        settings.setdefault("estimator", LinearRegression() if name in _OF_NUMBERS else LogisticRegression())
    y = numbers if name in _REGRESSORS else classes
    rows, labels = _SHAPED.get(name, lambda rows, labels: (rows, labels))(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of iterations that were too few, and of settings on their way out
        if name == "FrozenEstimator":
            settings["estimator"].fit(rows, labels)
        return kind(**settings).fit(*((rows,) if labels is None else (rows, labels))), rows, y


_NEED_AN_ESTIMATOR = {
    "ClassifierChain", "FixedThresholdClassifier", "GridSearchCV", "HalvingGridSearchCV",
    "HalvingRandomSearchCV", "MultiOutputClassifier", "MultiOutputRegressor", "OneVsOneClassifier",
    "OneVsRestClassifier", "OutputCodeClassifier", "RFE", "RFECV", "RandomizedSearchCV", "RegressorChain",
    "SelectFromModel", "SelfTrainingClassifier", "SequentialFeatureSelector", "TunedThresholdClassifierCV",
}  # fmt: skip
_OF_NUMBERS = {"MultiOutputRegressor", "RegressorChain"}
_Shape = Callable[[Numbers, Numbers], tuple[Any, Any]]


def _texts(rows: Numbers, _labels: Numbers) -> tuple[Any, Any]:
    return [
        " ".join(f"token{place}{int(100 * value)}" for place, value in enumerate(row)) for row in rows
    ], None


_SHAPED: Mapping[str, _Shape] = {
    "ClassifierChain": lambda rows, y: (rows, np.column_stack([y, 1 - y])),
    "CountVectorizer": _texts,
    "DictVectorizer": lambda rows, _y: ([{"a": float(row[0]), "b": float(row[1])} for row in rows], None),
    "FeatureHasher": lambda rows, _y: ([{"a": float(row[0])} for row in rows], None),
    "HashingVectorizer": _texts,
    "IsotonicRegression": lambda rows, y: (rows[:, 0], y),
    "KernelCenterer": lambda rows, _y: (rows @ rows.T, None),
    "LabelBinarizer": lambda _rows, y: (y, None),
    "LabelEncoder": lambda _rows, y: (y, None),
    "MultiLabelBinarizer": lambda _rows, y: ([{int(one)} for one in y], None),
    "MultiOutputClassifier": lambda rows, y: (rows, np.column_stack([y, 1 - y])),
    "MultiOutputRegressor": lambda rows, y: (rows, np.column_stack([y, y])),
    "MultiTaskElasticNet": lambda rows, y: (rows, y[:, None]),
    "MultiTaskElasticNetCV": lambda rows, y: (rows, y[:, None]),
    "MultiTaskLasso": lambda rows, y: (rows, y[:, None]),
    "MultiTaskLassoCV": lambda rows, y: (rows, y[:, None]),
    "PatchExtractor": lambda rows, _y: (rows.reshape(-1, 4, rows.shape[1]), None),
    "RegressorChain": lambda rows, y: (rows, np.column_stack([y, y])),
    "TfidfVectorizer": _texts,
}
