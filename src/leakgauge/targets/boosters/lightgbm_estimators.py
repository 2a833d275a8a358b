"""LightGBM's classifiers and regressors over a checked model, as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.estimator import BoosterEstimator, HeldTree
from leakgauge.targets.boosters.lightgbm_model import LightGBMModel, Tree
from leakgauge.targets.boosters.lightgbm_objectives import LIBRARY
from leakgauge.targets.boosters.lightgbm_reading import loads
from leakgauge.targets.boosters.lightgbm_settings import FURTHER, NAMES, check_settings
from leakgauge.targets.boosters.losses import CrossEntropy, Floats, Loss
from leakgauge.targets.boosters.settings import number_in

_ROUNDS_AT_ONCE: Final = 64
_NO_SUMS: Final = ("use_quantized_grad", "is_unbalance")
_NO_STEPS: Final = ("lambda_l1", "max_delta_step", "path_smooth", "monotone_constraints")
"""Settings after which a leaf's weight, or its answer, is not the plain sum, or step."""


class _Sums(NamedTuple):
    """Which sums of a round say something of each record."""

    counts: bool
    derivatives: bool


class LightGBMEstimator(BoosterEstimator):
    """What an estimator of one thread has, whatever it predicts."""

    _not_saved = ("_model",)
    library = LIBRARY
    sums_kept = "numbers of records and sums of second derivatives (leaf_count, leaf_weight)"
    distributions = ("lightgbm",)
    # what the class of LightGBM beside this one has
    booster_: Any
    class_weight: Any
    get_params: Any

    def _process_params(self, stage: str) -> dict[str, Any]:
        """What LightGBM is told; `fit` and `predict` ask here."""
        check_settings(self.get_params())
        settings: dict[str, Any] = super()._process_params(stage)  # type: ignore[misc]  # likewise
        return settings

    def input_categories(self) -> tuple[tuple[Any, ...] | None, ...]:
        """As in `BoosterEstimator`."""
        model: LightGBMModel | None = vars(self).get("_model")
        if model is None:
            model = loads(self.booster_.model_to_string())
        categories = dict(zip(model.categorical, model.categories or (), strict=True))
        return tuple(categories.get(place) for place in range(model.n_features))

    def starting_scores(self) -> Floats | None:
        """As in `BoosterEstimator`: the constant that training adds to the trees of the first round."""
        model = self._read_model()
        if model.averages or self._settings().get("boosting", "gbdt") in ("rf", "random_forest", "dart"):
            return None
        first = model.trees[: model.groups]
        # a shrinkage of 1 marks trees to whose answers the constant was added
        return np.array(
            [
                float(tree.leaf_value[0] if not len(tree.inner_value) else tree.inner_value[0])
                if tree.shrinkage == 1.0
                else 0.0
                for tree in first
            ]
        )

    def loss(self) -> Loss:
        """As in `BoosterEstimator`."""
        model, settings = self._read_model(), self._settings()
        if model.regression is not None:
            return model.regression.loss_with(settings)
        if model.groups > 1:
            return CrossEntropy(factor=model.n_classes / (model.n_classes - 1))
        positive = number_in(settings.get("scale_pos_weight")) or 1.0
        return CrossEntropy(positive=positive, sharpness=model.sharpness)

    def share_of_records(self) -> float:
        """As in `BoosterEstimator`."""
        settings = self._settings()
        share, every = (number_in(settings.get(name)) for name in ("bagging_fraction", "bagging_freq"))
        return min(max(share, 0.01), 1.0) if share and every and not _is_goss(settings) else 1.0

    def held_rounds(self, x: Any) -> Iterator[tuple[HeldTree, ...]]:
        """As in `BoosterEstimator`."""
        model, start = self._read_model(), self.starting_scores()
        settings = self._settings()
        for first in range(0, model.rounds, _ROUNDS_AT_ONCE):
            end = min(first + _ROUNDS_AT_ONCE, model.rounds)
            leaves = self.booster_.predict(
                x, start_iteration=first, num_iteration=end - first, pred_leaf=True, num_threads=1
            )
            leaves = np.asarray(leaves).reshape(x.shape[0], -1)
            for one in range(first, end):
                constant = start if one == 0 and start is not None else np.zeros(model.groups)
                sums = self._sums_of_round(one, settings)
                yield tuple(
                    self._held(
                        model.trees[one * model.groups + place],
                        place,
                        leaves[:, (one - first) * model.groups + place].astype(np.int64),
                        float(constant[place]),
                        settings,
                        sums,
                    )
                    for place in range(model.groups)
                )

    def _sums_of_round(self, number: int, settings: Mapping[str, str]) -> _Sums:
        """Which of the sums in a round's trees are over all of the records, and unweighted."""
        rate = number_in(settings.get("learning_rate")) or 1.0
        if _is_goss(settings) and number >= int(1.0 / rate):
            return _Sums(counts=False, derivatives=False)  # until then every record is seen
        weighted = self.class_weight is not None or any(map(settings.get, _NO_SUMS))
        regression = self._read_model().regression
        # the constant of the first round is read from its root, which may be stripped, or with other weights
        # or another constant than the best answers more
        best = regression is None or regression.starts_at_best
        positive = number_in(settings.get("scale_pos_weight")) or 1.0
        first = self._read_model().trees[: self._read_model().groups]
        stripped = not any(tree.leaf_count.any() for tree in first)
        skewed = number == 0 and (positive != 1.0 or stripped or not best)
        return _Sums(counts=True, derivatives=not (weighted or skewed))

    def _held(
        self,
        tree: Tree,
        place: int,
        leaf: NDArray[np.int64],
        constant: float,
        settings: Mapping[str, str],
        sums: _Sums,
    ) -> HeldTree:
        cover = tree.leaf_weight if sums.derivatives and tree.leaf_weight.any() else None
        count = tree.leaf_count.astype(np.float64) if sums.counts and tree.leaf_count.any() else None
        value, slope = tree.leaf_value - constant, None
        rate, penalty = (number_in(settings.get(name)) for name in ("learning_rate", "lambda_l2"))
        regression = self._read_model().regression
        others = tree.sets or (regression is not None and regression.renews)
        are_steps = sums.derivatives and not (others or any(map(settings.get, _NO_STEPS)))
        if are_steps and rate and penalty is not None and len(value) > 1:
            slope = value / rate
        return HeldTree(place, leaf, value, cover, count, slope, penalty or 0.0)

    def without_training(self) -> Self:
        """As in `BoosterEstimator`."""
        bare = self.__copy__()
        bare._model = self._read_model().without_training()
        bare._Booster = booster_of(bare._model, best_iteration=self.booster_.best_iteration)
        bare.random_state = None
        bare._evals_result, bare._best_score = {}, {}
        return bare  # type: ignore[no-any-return]  # no types

    def thresholds(self) -> Floats:
        """As in `BoosterEstimator`."""
        trees = self._read_model().trees
        return np.concatenate([np.empty(0), *(tree.threshold for tree in trees)])

    def kept_ranges(self) -> Floats:
        """As in `BoosterEstimator`."""
        return self._read_model().kept_ranges()

    def file_like(self, source: bytes) -> bytes:  # noqa: ARG002 (there is one form)
        """As in `BoosterEstimator`."""
        return self._read_model().dumps().encode()

    def questions(self) -> bytes:
        """As in `BoosterEstimator`."""
        return self._read_model().without_training().dumps().encode()

    def _settings(self) -> Mapping[str, str]:
        """What training was told: of the file where it tells, else of the estimator."""
        model = self._read_model()
        if model.config:
            return {name: value for name, value in model.config.items() if value not in ("0", "")} | {
                "lambda_l2": model.config.get("lambda_l2", "0")
            }
        stated = {ours: getattr(self, name) for ours, name in NAMES.items()}
        stated |= {name: vars(self).get(name) for name in FURTHER}
        kept = {"learning_rate", "lambda_l2"}
        return {name: str(value) for name, value in stated.items() if value or name in kept}

    def _read_model(self) -> LightGBMModel:
        model: LightGBMModel | None = vars(self).get("_model")
        if model is None:
            raise NotFittedError("the estimator was not read from a file")
        return model


class LightGBMClassifier(LightGBMEstimator, lightgbm.LGBMClassifier):
    """An `LGBMClassifier`."""

    _stands_for = lightgbm.LGBMClassifier


class LightGBMRegressor(LightGBMEstimator, lightgbm.LGBMRegressor):
    """An `LGBMRegressor`."""

    _stands_for = lightgbm.LGBMRegressor


def booster_of(model: LightGBMModel, *, best_iteration: int) -> lightgbm.Booster:
    """LightGBM's own object of a checked model.

    Raises
    ------
    UnsupportedModel
        `damaged_booster` where LightGBM finds something that is not looked for here.
    """
    try:
        booster = lightgbm.Booster(model_str=model.dumps())
    except lightgbm.basic.LightGBMError as error:
        raise refusals.damaged(LIBRARY, "LightGBM itself refuses it") from error
    booster.best_iteration = best_iteration
    booster.pandas_categorical = None if model.categories is None else [list(one) for one in model.categories]
    return booster


def _is_goss(settings: Mapping[str, str]) -> bool:
    return "goss" in (settings.get("data_sample_strategy"), settings.get("boosting"))
