"""Opens what holds a model of XGBoost: its own files and its objects in pickles.

What a pickle says of an estimator are settings; what it says of a booster are bytes, which
`xgboost_reading` takes apart. Both are made anew here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

import xgboost

from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.settings import number_in, plain, plain_settings
from leakgauge.targets.boosters.xgboost_estimators import (
    XGBoostClassifier,
    XGBoostEstimator,
    XGBoostForestClassifier,
    XGBoostForestRegressor,
    XGBoostRegressor,
    booster_of,
)
from leakgauge.targets.boosters.xgboost_fields import LIBRARY
from leakgauge.targets.boosters.xgboost_model import XGBoostModel
from leakgauge.targets.boosters.xgboost_reading import loads
from leakgauge.targets.boosters.xgboost_training import depth_of, training_of

_KINDS: Final[Mapping[str, type[XGBoostEstimator]]] = {
    kind._stands_for.__name__: kind
    for kind in (XGBoostClassifier, XGBoostForestClassifier, XGBoostRegressor, XGBoostForestRegressor)
}
"""The estimators of a pickle, by their names there."""
_OF_THE_CLASS: Final = frozenset(inspect.signature(xgboost.XGBModel.__init__).parameters) - {
    *("self", "kwargs"),
    *("callbacks", "n_jobs", "device", "verbosity", "validate_parameters", "importance_type"),
}
"""Settings of the scikit-learn estimator that are taken from a file."""
_FURTHER: Final = frozenset(
    (
        *("alpha", "eta", "lambda", "min_split_loss", "rate_drop", "skip_drop", "one_drop", "sample_type"),
        *("normalize_type", "refresh_leaf", "sketch_eps", "max_cached_hist_node"),
        *("huber_slope", "quantile_alpha", "tweedie_variance_power"),
    )
)
"""Settings that XGBoost takes by its own names."""
_NUMBERS: Final[Mapping[str, str]] = {
    "learning_rate": "learning_rate",
    "max_depth": "max_depth",
    "max_leaves": "max_leaves",
    "max_bin": "max_bin",
    "gamma": "gamma",
    "min_child_weight": "min_child_weight",
    "max_delta_step": "max_delta_step",
    "subsample": "subsample",
    "colsample_bytree": "colsample_bytree",
    "colsample_bylevel": "colsample_bylevel",
    "colsample_bynode": "colsample_bynode",
    "reg_alpha": "reg_alpha",
    "reg_lambda": "reg_lambda",
    "max_cat_to_onehot": "max_cat_to_onehot",
    "max_cat_threshold": "max_cat_threshold",
    "rate_drop": "rate_drop",
    "skip_drop": "skip_drop",
}
"""Settings in a configuration that are numbers, and what the estimator calls them."""
_WORDS: Final = ("grow_policy", "sampling_method", "tree_method")
_KNOWN_WORDS: Final = frozenset(
    ("depthwise", "lossguide", "uniform", "gradient_based", "auto", "exact", "approx", "hist")
)


def read_file(data: bytes) -> tuple[XGBoostEstimator, tuple[str, ...]]:
    """A fitted estimator of the model in a file, and sentences on what the file does not tell.

    Raises
    ------
    UnsupportedModel
        what `xgboost_reading.loads` raises.
    """
    model = loads(data, installed=xgboost.__version__)
    estimator = _of_booster(model)
    if model.config:
        return estimator, ()
    training = estimator._training if model.trees[0].cover.any() else None
    found = "rounds and depth as in the file"
    if training is not None:
        estimator.learning_rate, estimator.reg_lambda = training
        found = (
            f"rounds and depth as in the file, the learning rate {training[0]:g} and the L2 penalty "
            f"{training[1]:g}, as its trees show,"
        )
    remark = (
        "The file holds the trees and none of the settings that they were trained with. Reference models "
        f"are trained with {found} and XGBoost's defaults for all else. The pickle of an "
        f"{estimator._stands_for.__name__} holds the settings."
    )
    return estimator, (remark,)


def from_pickle(name: str, state: object) -> Any:
    """The estimator that a pickle describes.

    Parameters
    ----------
    name
        the class that the pickle names: `Booster`, or one that an estimator here stands for.
    state
        what it keeps of the object.

    Raises
    ------
    UnsupportedModel
        what `xgboost_reading.loads` raises; `damaged_booster`, `unsupported_booster`.
    """
    if type(state) is not dict:
        raise refusals.damaged(LIBRARY, "an object has no state")
    if name == "Booster":
        handle = state.get("handle")
        if not isinstance(handle, bytes | bytearray):
            raise refusals.damaged(LIBRARY, "a booster has no model")
        return _of_booster(loads(bytes(handle), installed=xgboost.__version__))
    kind: Any = _KINDS[name]
    settings = plain_settings(state, _OF_THE_CLASS, library=LIBRARY)
    settings |= {
        key: value
        for key, value in plain_settings(state.get("kwargs"), _FURTHER, library=LIBRARY).items()
        if value is not None
    }
    held = state.get("_Booster")
    if held is None:
        return kind(**settings, n_jobs=1, verbosity=0)
    if type(held) not in (XGBoostClassifier, XGBoostRegressor):
        raise refusals.damaged(LIBRARY, "an estimator holds something else than a booster")
    model = held._read_model()
    _check_kind(name, kind, model)
    stated = plain(state.get("n_classes_"))
    if stated is not None and stated != model.n_classes:
        raise refusals.damaged(LIBRARY, "n_classes_ and the booster differ")
    if settings.get("early_stopping_rounds") is not None:
        settings["early_stopping_rounds"] = None
        settings["n_estimators"] = model.rounds if model.best_iteration is None else model.best_iteration + 1
    return _fitted(kind, settings, model)


def _check_kind(name: str, kind: type[XGBoostEstimator], model: XGBoostModel) -> None:
    """Refuse a classifier of numbers and a regressor of classes, which answer with neither."""
    if issubclass(kind, XGBoostRegressor) != (model.kind.predicts == "numbers"):
        raise refusals.unsupported(
            LIBRARY,
            f"The {name} was trained with the objective {model.objective}, which predicts "
            f"{model.kind.predicts}",
            "Fit an XGBClassifier to classes and an XGBRegressor to numbers, or send the file that "
            "model.save_model writes, which is read by its objective.",
        )


def _of_booster(model: XGBoostModel) -> Any:
    kind = XGBoostRegressor if model.kind.predicts == "numbers" else XGBoostClassifier
    return _fitted(kind, _configured(model), model)


def _fitted(kind: Any, settings: Mapping[str, Any], model: XGBoostModel) -> Any:
    own = model.kind.own
    if own is not None and model.own_setting is not None:
        settings = {**settings, own.name: number_in(model.own_setting.strip("[]"))}
    estimator = kind(**settings, n_jobs=1, verbosity=0)
    estimator.objective = model.objective
    estimator.booster = "gbtree" if model.weight_drop is None else "dart"
    if model.n_classes:
        estimator.n_classes_ = model.n_classes
    estimator._model = model
    estimator._Booster = booster_of(model)
    holds_covers = bool(model.trees[0].cover.any())
    estimator._training = training_of(model) if holds_covers else _stated_training(estimator)
    return estimator


def _configured(model: XGBoostModel) -> dict[str, Any]:
    """Settings of training, from the configuration where the file holds it, else from the trees."""
    settings: dict[str, Any] = {
        "n_estimators": model.rounds,
        "num_parallel_tree": model.parallel,
        "enable_categorical": "c" in (model.feature_types or ()),
    }
    if model.feature_names is None and model.feature_types is not None:  # a table would tell them itself
        settings["feature_types"] = list(model.feature_types)
    if not model.config:
        return settings | {"max_depth": max(1, *map(depth_of, model.trees))}
    for name, ours in _NUMBERS.items():
        number = number_in(model.config.get(name))
        if number is not None:
            settings[ours] = int(number) if number.is_integer() and name.startswith("max_") else number
    for name in _WORDS:
        if model.config.get(name) in _KNOWN_WORDS:
            settings[name] = model.config[name]
    return settings


def _stated_training(estimator: Any) -> tuple[float, float] | None:
    """Learning rate and L2 penalty of the settings; None where others had a part in the leaves too."""
    if estimator.reg_alpha or estimator.max_delta_step or estimator._read_model().kind.renews:
        return None
    is_forest = isinstance(estimator, XGBoostForestClassifier | XGBoostForestRegressor)
    default_rate = 1.0 if is_forest else 0.3
    rate = default_rate if estimator.learning_rate is None else float(estimator.learning_rate)
    penalty = 1.0 if estimator.reg_lambda is None else float(estimator.reg_lambda)
    return (rate, penalty) if rate > 0.0 else None
