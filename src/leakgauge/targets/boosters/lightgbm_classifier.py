"""LightGBM's classifier over a checked model, as a scikit-learn estimator.

What a pickle says of an estimator are settings and labels; what it says of a booster is a text,
which `lightgbm_reading` takes apart. Both are made anew here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import LabelEncoder

from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.classifier import BoosterClassifier, Curvature, Floats, HeldTree
from leakgauge.targets.boosters.lightgbm_model import LIBRARY, LightGBMModel, Tree
from leakgauge.targets.boosters.lightgbm_reading import loads
from leakgauge.targets.boosters.settings import number_in, plain, plain_settings

_ROUNDS_AT_ONCE: Final = 64
_OF_THE_CLASS: Final = frozenset(inspect.signature(lightgbm.LGBMClassifier.__init__).parameters) - {
    *("self", "kwargs", "n_jobs", "importance_type"),
}
"""Settings of the scikit-learn estimator that are taken from a file."""
_NAMES: Final[Mapping[str, str]] = {
    "boosting": "boosting_type",
    "num_iterations": "n_estimators",
    "min_data_in_leaf": "min_child_samples",
    "min_sum_hessian_in_leaf": "min_child_weight",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "feature_fraction": "colsample_bytree",
    "lambda_l1": "reg_alpha",
    "lambda_l2": "reg_lambda",
    "min_gain_to_split": "min_split_gain",
    "bin_construct_sample_cnt": "subsample_for_bin",
    "learning_rate": "learning_rate",
    "num_leaves": "num_leaves",
    "max_depth": "max_depth",
}
"""LightGBM's own names of settings, and the estimator's."""
_TRUTHS: Final = frozenset(
    (
        *("bagging_by_query", "boost_from_average", "deterministic", "enable_bundle", "extra_trees"),
        *("feature_pre_filter", "force_col_wise", "force_row_wise", "is_unbalance", "uniform_drop"),
        *("use_missing", "use_quantized_grad", "xgboost_dart_mode", "zero_as_missing"),
    )
)
_FURTHER: Final = _TRUTHS | frozenset(
    (
        *("cat_l2", "cat_smooth", "data_sample_strategy", "drop_rate", "feature_fraction_bynode", "max_bin"),
        *("max_cat_threshold", "max_cat_to_onehot", "max_delta_step", "max_drop", "min_data_in_bin"),
        *("min_data_per_group", "monotone_constraints", "monotone_constraints_method", "monotone_penalty"),
        *("neg_bagging_fraction", "other_rate", "path_smooth", "pos_bagging_fraction", "scale_pos_weight"),
        *("sigmoid", "skip_drop", "top_rate"),
    )
)
"""Settings that LightGBM takes by its own names, the first of them true or false. None names a file."""
_TAKEN: Final = _OF_THE_CLASS | _FURTHER | _NAMES.keys() | {"n_jobs", "importance_type", "verbose"}
"""Settings that LightGBM is given, whoever sets them: a search inside a file sets some too."""
_OF_A_TEXT: Final = _FURTHER - {"monotone_constraints"}
_NO_SUMS: Final = ("use_quantized_grad", "is_unbalance")
_NO_STEPS: Final = ("lambda_l1", "max_delta_step", "path_smooth", "monotone_constraints")
"""Settings after which a leaf's weight, or its answer, is not the plain sum, or step."""


class _Sums(NamedTuple):
    """Which sums of a round say something of each record."""

    counts: bool
    derivatives: bool


class LightGBMClassifier(BoosterClassifier, lightgbm.LGBMClassifier):
    """An `LGBMClassifier` of one thread."""

    _stands_for = lightgbm.LGBMClassifier
    _not_saved = ("_model",)
    library = LIBRARY
    sums_kept = "numbers of records and sums of second derivatives (leaf_count, leaf_weight)"
    distributions = ("lightgbm",)

    def _process_params(self, stage: str) -> dict[str, Any]:
        """What LightGBM is told; `fit` and `predict` ask here."""
        _check_settings(self.get_params())
        settings: dict[str, Any] = super()._process_params(stage)
        return settings

    def input_categories(self) -> tuple[tuple[Any, ...] | None, ...]:
        """As in `BoosterClassifier`."""
        model: LightGBMModel | None = vars(self).get("_model")
        if model is None:
            model = loads(self.booster_.model_to_string())
        categories = dict(zip(model.categorical, model.categories or (), strict=True))
        return tuple(categories.get(place) for place in range(model.n_features))

    def starting_scores(self) -> Floats | None:
        """As in `BoosterClassifier`: the constant that training adds to the trees of the first round."""
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

    def curvature(self) -> Curvature:
        """As in `BoosterClassifier`."""
        model = self._read_model()
        if model.groups > 1:
            return Curvature(factor=model.n_classes / (model.n_classes - 1))
        positive = number_in(self._settings().get("scale_pos_weight")) or 1.0
        return Curvature(positive=positive, sharpness=model.sharpness)

    def share_of_records(self) -> float:
        """As in `BoosterClassifier`."""
        settings = self._settings()
        share, every = (number_in(settings.get(name)) for name in ("bagging_fraction", "bagging_freq"))
        return min(max(share, 0.01), 1.0) if share and every and not _is_goss(settings) else 1.0

    def held_rounds(self, x: Any) -> Iterator[tuple[HeldTree, ...]]:
        """As in `BoosterClassifier`."""
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
        # the constant of the first round is read from its root, which may be stripped, or with other weights
        # answers more
        positive = number_in(settings.get("scale_pos_weight")) or 1.0
        first = self._read_model().trees[: self._read_model().groups]
        stripped = not any(tree.leaf_count.any() for tree in first)
        skewed = number == 0 and (positive != 1.0 or stripped)
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
        are_steps = sums.derivatives and not (tree.sets or any(map(settings.get, _NO_STEPS)))
        if are_steps and rate and penalty is not None and len(value) > 1:
            slope = value / rate
        return HeldTree(place, leaf, value, cover, count, slope, penalty or 0.0)

    def without_training(self) -> Self:
        """As in `BoosterClassifier`."""
        bare = self.__copy__()
        bare._model = self._read_model().without_training()
        bare._Booster = _booster(bare._model, best_iteration=self.booster_.best_iteration)
        bare.random_state = None
        bare._evals_result, bare._best_score = {}, {}
        return bare  # type: ignore[no-any-return]  # no types

    def thresholds(self) -> Floats:
        """As in `BoosterClassifier`."""
        trees = self._read_model().trees
        return np.concatenate([np.empty(0), *(tree.threshold for tree in trees)])

    def file_like(self, source: bytes) -> bytes:  # noqa: ARG002 (there is one form)
        """As in `BoosterClassifier`."""
        return self._read_model().dumps().encode()

    def questions(self) -> bytes:
        """As in `BoosterClassifier`."""
        return self._read_model().without_training().dumps().encode()

    def _settings(self) -> Mapping[str, str]:
        """What training was told: of the file where it tells, else of the estimator."""
        model = self._read_model()
        if model.config:
            return {name: value for name, value in model.config.items() if value not in ("0", "")} | {
                "lambda_l2": model.config.get("lambda_l2", "0")
            }
        stated = {ours: getattr(self, name) for ours, name in _NAMES.items()}
        stated |= {name: vars(self).get(name) for name in _FURTHER}
        kept = {"learning_rate", "lambda_l2"}
        return {name: str(value) for name, value in stated.items() if value or name in kept}

    def _read_model(self) -> LightGBMModel:
        model: LightGBMModel | None = vars(self).get("_model")
        if model is None:
            raise NotFittedError("the classifier was not read from a file")
        return model


def _is_goss(settings: Mapping[str, str]) -> bool:
    return "goss" in (settings.get("data_sample_strategy"), settings.get("boosting"))


def read_file(data: bytes) -> tuple[LightGBMClassifier, tuple[str, ...]]:
    """A fitted classifier of the model in a file, and sentences on what the file does not tell.

    Raises
    ------
    UnsupportedModel
        what `lightgbm_reading.loads` raises.
    """
    try:
        model = loads(data.decode())
    except UnicodeDecodeError as error:
        raise refusals.damaged(LIBRARY, "it is no text") from error
    classifier = _of_booster(model, best_iteration=-1)
    if model.config:
        return classifier, ()
    remark = (
        "The file does not hold the settings that its trees were trained with. Reference models are trained "
        f"for {model.rounds} rounds, as in the file, and with LightGBM's defaults for all else."
    )
    return classifier, (remark,)


def from_pickle(name: str, state: object) -> LightGBMClassifier:
    """The classifier that a pickle describes.

    Parameters
    ----------
    name
        the class that the pickle names: `Booster` or `LGBMClassifier`.
    state
        what it keeps of the object.

    Raises
    ------
    UnsupportedModel
        what `lightgbm_reading.loads` raises; `damaged_booster`.
    """
    if type(state) is not dict:
        raise refusals.damaged(LIBRARY, "an object has no state")
    if name == "Booster":
        text = state.get("_handle", state.get("handle"))
        if not isinstance(text, str):
            raise refusals.damaged(LIBRARY, "a booster has no model")
        best = plain(state.get("best_iteration"))
        return _of_booster(loads(text), best_iteration=best if type(best) is int else -1)
    settings = plain_settings(state, _OF_THE_CLASS, library=LIBRARY)
    further = plain_settings(state.get("_other_params"), _FURTHER, library=LIBRARY)
    settings |= {key: value for key, value in further.items() if value is not None}
    _check_settings(settings)
    held = state.get("_Booster")
    if held is None:
        return LightGBMClassifier(**settings, n_jobs=1, verbose=-1)
    if type(held) is not LightGBMClassifier:
        raise refusals.damaged(LIBRARY, "a classifier holds something else than a booster")
    model, best = held._read_model(), int(held.booster_.best_iteration)
    classes = _labels(state.get("_classes"), model)
    if best > 0:
        settings["n_estimators"] = best
    return _fitted(settings, model, classes, best_iteration=best)


def _check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings that LightGBM is not given, which may name files, and texts that hold such settings.

    LightGBM is told all settings in one text, with spaces between them.

    Raises
    ------
    UnsupportedModel
        `unsupported_booster`.
    """
    for name, value in settings.items():
        parts = value if isinstance(value, list | tuple) else (value,)
        is_several = any(isinstance(part, str) and re.search(r"[\s=]", part) for part in parts)
        if name not in _TAKEN or (is_several and name != "class_weight"):
            raise refusals.unsupported(
                LIBRARY,
                f"The LightGBM classifier has a setting that is not passed on ({name})",
                "Train it without that setting, or with a single word for it.",
            )


def _labels(classes: object, model: LightGBMModel) -> NDArray[Any]:
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or len(classes) != model.n_classes:
        raise refusals.damaged(LIBRARY, "its labels and the booster differ")
    if not all(isinstance(label, str | int | float | bool) for label in classes.tolist()):
        raise refusals.damaged(LIBRARY, "its labels are neither texts nor numbers")
    return classes


def _of_booster(model: LightGBMModel, *, best_iteration: int) -> LightGBMClassifier:
    settings = _configured(model)
    if best_iteration > 0:
        settings["n_estimators"] = best_iteration
    return _fitted(settings, model, np.arange(model.n_classes), best_iteration=best_iteration)


def _fitted(
    settings: Mapping[str, Any], model: LightGBMModel, classes: NDArray[Any], *, best_iteration: int
) -> LightGBMClassifier:
    if best_iteration > model.rounds:
        raise refusals.damaged(LIBRARY, "best_iteration is beyond its rounds")
    classifier = LightGBMClassifier(**settings, n_jobs=1, verbose=-1)
    classifier._model = model
    classifier._Booster = _booster(model, best_iteration=best_iteration)
    classifier._le = LabelEncoder()
    classifier._le.classes_ = classes
    classifier._classes = classes
    classifier._class_map = {label: place for place, label in enumerate(classes.tolist())}
    classifier._n_classes = model.n_classes
    classifier._n_features = classifier._n_features_in = model.n_features
    classifier._fitted_with_feature_names = model.feature_names is not None
    classifier._best_iteration = best_iteration
    classifier._objective = "binary" if model.n_classes == 2 else "multiclass"
    classifier._evals_result = {}
    classifier._best_score = {}
    classifier.fitted_ = True
    return classifier


def _booster(model: LightGBMModel, *, best_iteration: int) -> lightgbm.Booster:
    try:
        booster = lightgbm.Booster(model_str=model.dumps())
    except lightgbm.basic.LightGBMError as error:
        raise refusals.damaged(LIBRARY, "LightGBM itself refuses it") from error
    booster.best_iteration = best_iteration
    booster.pandas_categorical = None if model.categories is None else [list(one) for one in model.categories]
    return booster


def _configured(model: LightGBMModel) -> dict[str, Any]:
    """Settings of training, from the end of the text."""
    settings: dict[str, Any] = {"n_estimators": model.rounds}
    for name, value in model.config.items():
        if name in _NAMES and name != "num_iterations":
            settings[_NAMES[name]] = _typed(value)
        elif name in _TRUTHS:
            settings[name] = value == "1"
        elif name in _OF_A_TEXT and value:
            settings[name] = _typed(value)
    return settings


def _typed(text: str) -> Any:
    number = number_in(text)
    if number is None:
        return text if text.replace("_", "").isalpha() and len(text) < 40 else None
    return int(number) if number.is_integer() and "." not in text else number
