"""Opens what holds a model of LightGBM: its own texts and its objects in pickles.

What a pickle says of an estimator are settings and labels; what it says of a booster is a text,
which `lightgbm_reading` takes apart. Both are made anew here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelEncoder

from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.lightgbm_estimators import (
    LightGBMClassifier,
    LightGBMEstimator,
    LightGBMRegressor,
    booster_of,
)
from leakgauge.targets.boosters.lightgbm_model import LightGBMModel
from leakgauge.targets.boosters.lightgbm_objectives import LIBRARY
from leakgauge.targets.boosters.lightgbm_reading import loads
from leakgauge.targets.boosters.lightgbm_settings import (
    FURTHER,
    NAMES,
    OF_A_TEXT,
    OF_THE_CLASS,
    TRUTHS,
    check_settings,
)
from leakgauge.targets.boosters.settings import number_in, plain, plain_settings


def read_file(data: bytes) -> tuple[LightGBMEstimator, tuple[str, ...]]:
    """A fitted estimator of the model in a file, and sentences on what the file does not tell.

    Raises
    ------
    UnsupportedModel
        what `lightgbm_reading.loads` raises.
    """
    try:
        model = loads(data.decode())
    except UnicodeDecodeError as error:
        raise refusals.damaged(LIBRARY, "it is no text") from error
    estimator = _of_booster(model, best_iteration=-1)
    if model.config:
        return estimator, ()
    remark = (
        "The file does not hold the settings that its trees were trained with. Reference models are trained "
        f"for {model.rounds} rounds, as in the file, and with LightGBM's defaults for all else."
    )
    return estimator, (remark,)


def from_pickle(name: str, state: object) -> LightGBMEstimator:
    """The estimator that a pickle describes.

    Parameters
    ----------
    name
        the class that the pickle names: `Booster`, `LGBMClassifier` or `LGBMRegressor`.
    state
        what it keeps of the object.

    Raises
    ------
    UnsupportedModel
        what `lightgbm_reading.loads` raises; `damaged_booster`, `unsupported_booster`.
    """
    if type(state) is not dict:
        raise refusals.damaged(LIBRARY, "an object has no state")
    if name == "Booster":
        text = state.get("_handle", state.get("handle"))
        if not isinstance(text, str):
            raise refusals.damaged(LIBRARY, "a booster has no model")
        best = plain(state.get("best_iteration"))
        return _of_booster(loads(text), best_iteration=best if type(best) is int else -1)
    settings = plain_settings(state, OF_THE_CLASS, library=LIBRARY)
    further = plain_settings(state.get("_other_params"), FURTHER, library=LIBRARY)
    settings |= {key: value for key, value in further.items() if value is not None}
    check_settings(settings)
    held = state.get("_Booster")
    kind: Any = LightGBMRegressor if name == "LGBMRegressor" else LightGBMClassifier
    if held is None:
        return kind(**settings, n_jobs=1, verbose=-1)  # type: ignore[no-any-return]  # no types
    if not isinstance(held, LightGBMEstimator):
        raise refusals.damaged(LIBRARY, "an estimator holds something else than a booster")
    model, best = held._read_model(), int(held.booster_.best_iteration)
    if _kind_of(model) is not kind:
        raise refusals.unsupported(
            LIBRARY,
            f"The {name} was trained with the objective {model.objective}, which is not one of its kind",
            "Fit an LGBMClassifier to classes and an LGBMRegressor to numbers, or send the text that "
            "model.booster_.save_model writes, which is read by its objective.",
        )
    classes = np.empty(0) if model.regression else _labels(state.get("_classes"), model)
    if best > 0:
        settings["n_estimators"] = best
    return _fitted(settings, model, classes, best_iteration=best)


def _labels(classes: object, model: LightGBMModel) -> NDArray[Any]:
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or len(classes) != model.n_classes:
        raise refusals.damaged(LIBRARY, "its labels and the booster differ")
    if not all(isinstance(label, str | int | float | bool) for label in classes.tolist()):
        raise refusals.damaged(LIBRARY, "its labels are neither texts nor numbers")
    return classes


def _of_booster(model: LightGBMModel, *, best_iteration: int) -> LightGBMEstimator:
    settings = _configured(model)
    if best_iteration > 0:
        settings["n_estimators"] = best_iteration
    return _fitted(settings, model, np.arange(model.n_classes), best_iteration=best_iteration)


def _kind_of(model: LightGBMModel) -> Any:
    return LightGBMClassifier if model.regression is None else LightGBMRegressor


def _fitted(
    settings: Mapping[str, Any], model: LightGBMModel, classes: NDArray[Any], *, best_iteration: int
) -> LightGBMEstimator:
    if best_iteration > model.rounds:
        raise refusals.damaged(LIBRARY, "best_iteration is beyond its rounds")
    objective = model.objective.partition(" ")[0]
    estimator: Any = _kind_of(model)(**settings, n_jobs=1, verbose=-1)
    estimator._model = model
    estimator._Booster = booster_of(model, best_iteration=best_iteration)
    estimator._n_features = estimator._n_features_in = model.n_features
    estimator._fitted_with_feature_names = model.feature_names is not None
    estimator._best_iteration = best_iteration
    estimator._objective = objective
    estimator._evals_result = {}
    estimator._best_score = {}
    estimator.fitted_ = True
    if model.regression is not None:
        estimator.objective = objective
        return estimator  # type: ignore[no-any-return]  # no types
    estimator._le = LabelEncoder()
    estimator._le.classes_ = classes
    estimator._classes = classes
    estimator._class_map = {label: place for place, label in enumerate(classes.tolist())}
    estimator._n_classes = model.n_classes
    return estimator  # type: ignore[no-any-return]  # no types


def _configured(model: LightGBMModel) -> dict[str, Any]:
    """Settings of training, from the end of the text."""
    settings: dict[str, Any] = {"n_estimators": model.rounds}
    for name, value in model.config.items():
        if name in NAMES and name != "num_iterations":
            settings[NAMES[name]] = _typed(value)
        elif name in TRUTHS:
            settings[name] = value == "1"
        elif name in OF_A_TEXT and value:
            settings[name] = _typed(value)
    return settings


def _typed(text: str) -> Any:
    number = number_in(text)
    if number is None:
        return text if text.replace("_", "").isalpha() and len(text) < 40 else None
    return int(number) if number.is_integer() and "." not in text else number
