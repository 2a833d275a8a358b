"""XGBoost's classifiers and regressors over a checked model, as scikit-learn estimators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import xgboost
from sklearn.exceptions import NotFittedError

from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.estimator import BoosterEstimator, HeldTree
from leakgauge.targets.boosters.losses import Floats, Loss
from leakgauge.targets.boosters.xgboost_fields import LIBRARY
from leakgauge.targets.boosters.xgboost_model import Tree, XGBoostModel

_ROUNDS_AT_ONCE = 64


class XGBoostEstimator(BoosterEstimator):
    """What an estimator of one thread has, whatever it predicts."""

    _not_saved = ("_model", "_labels", "_training")
    library = LIBRARY
    sums_kept = "sums of second derivatives (sum_hessian)"
    distributions = ("xgboost-cpu", "xgboost")
    # what the class of XGBoost beside this one has
    get_booster: Callable[[], Any]
    subsample: float | None
    missing: float
    enable_categorical: bool
    _training: tuple[float, float] | None

    def input_categories(self) -> tuple[tuple[Any, ...] | None, ...]:
        """As in `BoosterEstimator`."""
        booster = self.get_booster()
        types = booster.feature_types or [""] * booster.num_features()
        model: XGBoostModel | None = vars(self).get("_model")
        known = model.categories if model is not None else None
        return tuple(
            (() if known is None else known[place]) if kind == "c" else None
            for place, kind in enumerate(types)
        )

    def starting_scores(self) -> Floats | None:
        """As in `BoosterEstimator`."""
        model = self._read_model()
        return None if model.weight_drop is not None else model.starting_scores

    def loss(self) -> Loss:
        """As in `BoosterEstimator`."""
        return self._read_model().loss

    def share_of_records(self) -> float:
        """As in `BoosterEstimator`."""
        return 1.0 if self.subsample is None else float(self.subsample)

    def held_rounds(self, x: Any) -> Iterator[tuple[HeldTree, ...]]:
        """As in `BoosterEstimator`."""
        model, booster = self._read_model(), self.get_booster()
        rows = xgboost.DMatrix(
            x, missing=self.missing, nthread=1, enable_categorical=bool(self.enable_categorical)
        )
        per_round = model.parallel * model.groups
        training, are_counts = vars(self).get("_training"), model.covers_are_counts
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
                        training,
                        model.parallel,
                        are_counts=are_counts,
                    )
                    for tree in trees
                )

    def without_training(self) -> Self:
        """As in `BoosterEstimator`."""
        bare = self.__copy__()
        bare._model = self._read_model().without_training()
        bare._Booster = booster_of(bare._model)
        bare.random_state = None
        bare.__dict__.pop("evals_result_", None)
        return bare  # type: ignore[no-any-return]  # no types

    def questions(self) -> bytes:
        """As in `BoosterEstimator`."""
        return self._read_model().without_training().dumps()

    def thresholds(self) -> Floats:
        """As in `BoosterEstimator`."""
        found = [tree.condition[~tree.is_leaf] for tree in self._read_model().trees]
        return np.concatenate(found).astype(np.float64)

    def file_like(self, source: bytes) -> bytes:
        """As in `BoosterEstimator`."""
        if source.startswith(b"{L"):
            return self._read_model().dumps()
        return bytes(self.get_booster().save_raw("json"))

    def _read_model(self) -> XGBoostModel:
        model: XGBoostModel | None = vars(self).get("_model")
        if model is None:
            raise NotFittedError("the estimator was not read from a file")
        return model


class XGBoostClassifier(XGBoostEstimator, xgboost.XGBClassifier):
    """An `XGBClassifier` whose clones know the labels that they were fitted on."""

    _stands_for = xgboost.XGBClassifier

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


class XGBoostForestClassifier(XGBoostClassifier, xgboost.XGBRFClassifier):
    """An `XGBRFClassifier`: one round of many trees."""

    _stands_for = xgboost.XGBRFClassifier


class XGBoostRegressor(XGBoostEstimator, xgboost.XGBRegressor):
    """An `XGBRegressor`."""

    _stands_for = xgboost.XGBRegressor


class XGBoostForestRegressor(XGBoostRegressor, xgboost.XGBRFRegressor):
    """An `XGBRFRegressor`: one round of many trees."""

    _stands_for = xgboost.XGBRFRegressor


def booster_of(model: XGBoostModel) -> xgboost.Booster:
    """XGBoost's own object of a checked model.

    Raises
    ------
    UnsupportedModel
        `damaged_booster` where XGBoost finds something that is not looked for here.
    """
    try:
        return xgboost.Booster({"nthread": 1, "verbosity": 0}, model_file=bytearray(model.dumps()))
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        raise refusals.damaged(LIBRARY, "XGBoost itself refuses it") from error


def _held(
    tree: Tree,
    place: int,
    node: Any,
    training: tuple[float, float] | None,
    parallel: int,
    *,
    are_counts: bool,
) -> HeldTree:
    cover = tree.cover.astype(np.float64) if tree.cover.any() else None
    value = tree.condition.astype(np.float64)
    rate, penalty = training or (math.nan, math.nan)
    slope = None if training is None else value * parallel / rate
    count, curvature = (cover, None) if are_counts else (None, cover)
    return HeldTree(place, node, value, curvature, count, slope, penalty)
