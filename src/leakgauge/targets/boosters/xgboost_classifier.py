"""XGBoost's classifiers over a checked model, as scikit-learn estimators.

What a pickle says of an estimator are settings; what it says of a booster are bytes, which
`xgboost_reading` takes apart. Both are made anew here.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

import numpy as np
import xgboost
from scipy.special import logit
from sklearn.exceptions import NotFittedError

from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.classifier import BoosterClassifier, Curvature, Floats, HeldTree
from leakgauge.targets.boosters.settings import number_in, plain, plain_settings
from leakgauge.targets.boosters.xgboost_fields import LIBRARY
from leakgauge.targets.boosters.xgboost_model import Tree, XGBoostModel
from leakgauge.targets.boosters.xgboost_reading import loads
from leakgauge.targets.boosters.xgboost_training import depth_of, training_of

_ROUNDS_AT_ONCE: Final = 64

_OF_THE_CLASS: Final = frozenset(inspect.signature(xgboost.XGBModel.__init__).parameters) - {
    *("self", "kwargs"),
    *("callbacks", "n_jobs", "device", "verbosity", "validate_parameters", "importance_type"),
}
"""Settings of the scikit-learn estimator that are taken from a file."""
_FURTHER: Final = frozenset(
    (
        *("alpha", "eta", "lambda", "min_split_loss", "rate_drop", "skip_drop", "one_drop", "sample_type"),
        *("normalize_type", "refresh_leaf", "sketch_eps", "max_cached_hist_node"),
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


class XGBoostClassifier(BoosterClassifier, xgboost.XGBClassifier):
    """An `XGBClassifier` of one thread, whose clones know the labels that they were fitted on."""

    _stands_for = xgboost.XGBClassifier
    _not_saved = ("_model", "_labels", "_training")
    library = LIBRARY
    sums_kept = "sums of second derivatives (sum_hessian)"
    distributions = ("xgboost-cpu", "xgboost")

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 (scikit-learn's name)
        """Fit to labels of any kind, of which XGBoost itself takes 0 to k − 1 alone."""
        self.__dict__.pop("_labels", None)
        labels, positions = np.unique(y, return_inverse=True)
        if len(labels) == 2 and str(self.objective).startswith("multi:"):
            self.objective = "binary:logistic"
        super().fit(X, positions, verbose=False)
        self._labels = labels
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803 (scikit-learn's name)
        """(n,) labels."""
        return np.asarray(self.classes_)[np.asarray(super().predict(X), dtype=np.int64)]

    @property
    def classes_(self) -> Any:
        """(n_classes,) labels, in the order of the columns of `predict_proba`."""
        if "_labels" in vars(self):
            return self._labels
        return np.arange(self.n_classes_)

    def input_categories(self) -> tuple[tuple[Any, ...] | None, ...]:
        """As in `BoosterClassifier`."""
        booster = self.get_booster()
        types = booster.feature_types or [""] * booster.num_features()
        model: XGBoostModel | None = vars(self).get("_model")
        known = model.categories if model is not None else None
        return tuple(
            (() if known is None else known[place]) if kind == "c" else None
            for place, kind in enumerate(types)
        )

    def starting_scores(self) -> Floats | None:
        """As in `BoosterClassifier`."""
        model = self._read_model()
        if model.weight_drop is not None:
            return None
        scores = np.array([float(part) for part in model.base_score.strip("[]").split(",")])
        if model.groups == 1:
            scores = logit(scores)
        return np.broadcast_to(scores, (model.groups,)).astype(np.float64)

    def curvature(self) -> Curvature:
        """As in `BoosterClassifier`."""
        model = self._read_model()
        if model.groups > 1:
            return Curvature(factor=2.0)
        return Curvature(positive=float(model.scale_pos_weight))

    def share_of_records(self) -> float:
        """As in `BoosterClassifier`."""
        return 1.0 if self.subsample is None else float(self.subsample)

    def held_rounds(self, x: Any) -> Iterator[tuple[HeldTree, ...]]:
        """As in `BoosterClassifier`."""
        model, booster = self._read_model(), self.get_booster()
        rows = xgboost.DMatrix(
            x, missing=self.missing, nthread=1, enable_categorical=bool(self.enable_categorical)
        )
        per_round = model.parallel * model.groups
        settings = vars(self).get("_training")
        for start in range(0, model.rounds, _ROUNDS_AT_ONCE):
            end = min(start + _ROUNDS_AT_ONCE, model.rounds)
            leaves = booster.predict(rows, pred_leaf=True, iteration_range=(start, end))
            leaves = np.asarray(leaves).reshape(rows.num_row(), -1).astype(np.int64)
            for one in range(end - start):
                trees = range((start + one) * per_round, (start + one + 1) * per_round)
                yield tuple(
                    _held(
                        model.trees[tree],
                        int(model.class_of_tree[tree]),
                        leaves[:, tree - start * per_round],
                        settings,
                        model.parallel,
                    )
                    for tree in trees
                )

    def without_training(self) -> Self:
        """As in `BoosterClassifier`."""
        bare = self.__copy__()
        bare._model = self._read_model().without_training()
        bare._Booster = _booster(bare._model)
        bare.random_state = None
        bare.__dict__.pop("evals_result_", None)
        return bare  # type: ignore[no-any-return]  # no types

    def questions(self) -> bytes:
        """As in `BoosterClassifier`."""
        return self._read_model().without_training().dumps()

    def thresholds(self) -> Floats:
        """As in `BoosterClassifier`."""
        found = [tree.condition[~tree.is_leaf] for tree in self._read_model().trees]
        return np.concatenate(found).astype(np.float64)

    def file_like(self, source: bytes) -> bytes:
        """As in `BoosterClassifier`."""
        if source.startswith(b"{L"):
            return self._read_model().dumps()
        return bytes(self.get_booster().save_raw("json"))

    def _read_model(self) -> XGBoostModel:
        model: XGBoostModel | None = vars(self).get("_model")
        if model is None:
            raise NotFittedError("the classifier was not read from a file")
        return model


class XGBoostForestClassifier(XGBoostClassifier, xgboost.XGBRFClassifier):
    """An `XGBRFClassifier`: one round of many trees."""

    _stands_for = xgboost.XGBRFClassifier


def _stated_training(classifier: Any) -> tuple[float, float] | None:
    """Learning rate and L2 penalty of the settings; None where others had a part in the leaves too."""
    if classifier.reg_alpha or classifier.max_delta_step:
        return None
    default_rate = 1.0 if isinstance(classifier, XGBoostForestClassifier) else 0.3
    rate = default_rate if classifier.learning_rate is None else float(classifier.learning_rate)
    penalty = 1.0 if classifier.reg_lambda is None else float(classifier.reg_lambda)
    return (rate, penalty) if rate > 0.0 else None


def _held(tree: Tree, place: int, node: Any, settings: tuple[float, float] | None, parallel: int) -> HeldTree:
    cover = tree.cover.astype(np.float64) if tree.cover.any() else None
    value = tree.condition.astype(np.float64)
    rate, penalty = settings or (math.nan, math.nan)
    slope = None if settings is None else value * parallel / rate
    return HeldTree(place, node, value, cover, None, slope, penalty)


def read_file(data: bytes) -> tuple[XGBoostClassifier, tuple[str, ...]]:
    """A fitted classifier of the model in a file, and sentences on what the file does not tell.

    Raises
    ------
    UnsupportedModel
        what `xgboost_reading.loads` raises.
    """
    model = loads(data, installed=xgboost.__version__)
    classifier = _fitted(XGBoostClassifier, _configured(model), model)
    if model.config:
        return classifier, ()
    training = classifier._training if model.trees[0].cover.any() else None
    found = "rounds and depth as in the file"
    if training is not None:
        classifier.learning_rate, classifier.reg_lambda = training
        found = (
            f"rounds and depth as in the file, the learning rate {training[0]:g} and the L2 penalty "
            f"{training[1]:g}, as its trees show,"
        )
    remark = (
        "The file holds the trees and none of the settings that they were trained with. Reference models "
        f"are trained with {found} and XGBoost's defaults for all else. The pickle of an XGBClassifier "
        "holds the settings."
    )
    return classifier, (remark,)


def from_pickle(name: str, state: object) -> Any:
    """The classifier that a pickle describes.

    Parameters
    ----------
    name
        the class that the pickle names: `Booster`, `XGBClassifier` or `XGBRFClassifier`.
    state
        what it keeps of the object.

    Raises
    ------
    UnsupportedModel
        what `xgboost_reading.loads` raises; `damaged_booster`.
    """
    if type(state) is not dict:
        raise refusals.damaged(LIBRARY, "an object has no state")
    if name == "Booster":
        handle = state.get("handle")
        if not isinstance(handle, bytes | bytearray):
            raise refusals.damaged(LIBRARY, "a booster has no model")
        model = loads(bytes(handle), installed=xgboost.__version__)
        return _fitted(XGBoostClassifier, _configured(model), model)
    kind: Any = XGBoostForestClassifier if name == "XGBRFClassifier" else XGBoostClassifier
    settings = plain_settings(state, _OF_THE_CLASS, library=LIBRARY)
    settings |= {
        key: value
        for key, value in plain_settings(state.get("kwargs"), _FURTHER, library=LIBRARY).items()
        if value is not None
    }
    held = state.get("_Booster")
    if held is None:
        return kind(**settings, n_jobs=1, verbosity=0)
    if type(held) is not XGBoostClassifier:
        raise refusals.damaged(LIBRARY, "a classifier holds something else than a booster")
    model = held._read_model()
    stated = plain(state.get("n_classes_"))
    if stated is not None and stated != model.n_classes:
        raise refusals.damaged(LIBRARY, "n_classes_ and the booster differ")
    if settings.get("early_stopping_rounds") is not None:
        settings["early_stopping_rounds"] = None
        settings["n_estimators"] = model.rounds if model.best_iteration is None else model.best_iteration + 1
    return _fitted(kind, settings, model)


def _fitted(kind: Any, settings: Mapping[str, Any], model: XGBoostModel) -> Any:
    classifier = kind(**settings, n_jobs=1, verbosity=0)
    classifier.objective = model.objective
    classifier.booster = "gbtree" if model.weight_drop is None else "dart"
    classifier.n_classes_ = model.n_classes
    classifier._model = model
    classifier._Booster = _booster(model)
    holds_covers = bool(model.trees[0].cover.any())
    classifier._training = training_of(model) if holds_covers else _stated_training(classifier)
    return classifier


def _booster(model: XGBoostModel) -> xgboost.Booster:
    try:
        return xgboost.Booster({"nthread": 1, "verbosity": 0}, model_file=bytearray(model.dumps()))
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        raise refusals.damaged(LIBRARY, "XGBoost itself refuses it") from error


def _configured(model: XGBoostModel) -> dict[str, Any]:
    """Settings of training, from the configuration where the file holds it, else from the trees."""
    settings: dict[str, Any] = {
        "n_estimators": model.rounds,
        "num_parallel_tree": model.parallel,
        "scale_pos_weight": None if model.groups > 1 else float(model.scale_pos_weight),
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
