"""CatBoost's models from files and pickles.

What a pickle says of an estimator are settings; what it says of a model are the bytes of a file, which
`catboost_cbm` takes apart. Both are made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leakgauge.targets.boosters import catboost_cbm, catboost_json, refusals
from leakgauge.targets.boosters.catboost_cbm import damaged
from leakgauge.targets.boosters.catboost_checks import check
from leakgauge.targets.boosters.catboost_estimator import (
    KNOWN,
    LOSS,
    OURS,
    RATE,
    ROUNDS,
    CatBoostClassifier,
    CatBoostEstimator,
    CatBoostRegressor,
    library_model,
    options_in,
    real,
)
from leakgauge.targets.boosters.catboost_model import CatBoostModel
from leakgauge.targets.boosters.catboost_objectives import LIBRARY
from leakgauge.targets.boosters.settings import plain_settings

_KINDS: Mapping[str, type[CatBoostEstimator]] = {
    "CatBoostClassifier": CatBoostClassifier,
    "CatBoostRegressor": CatBoostRegressor,
}


def read_file(data: bytes) -> tuple[CatBoostEstimator, tuple[str, ...]]:
    """A fitted estimator of the model in a file, and sentences on what the file does not tell.

    Raises
    ------
    UnsupportedModel
        `damaged_booster`, `unsupported_booster`.
    """
    reader = catboost_cbm if data.startswith(catboost_cbm.SIGN) else catboost_json
    model = check(reader.loads(data))
    estimator = _fitted(_stated(options_in(model.parameters, "flat_params")), model)
    if model.parameters.get("boosting_options"):
        return estimator, ()
    remark = (
        "The file does not hold the settings that its trees were trained with. Reference models are trained "
        f"for {len(model.sizes)} rounds, as in the file, and with CatBoost's defaults for all else."
    )
    return estimator, (remark,)


def from_pickle(name: str, state: object) -> CatBoostEstimator:
    """The estimator that a pickle describes.

    Parameters
    ----------
    name
        the class that the pickle names: `CatBoost`, `CatBoostClassifier` or `CatBoostRegressor`.
    state
        what it keeps of the object: its settings, and beside them the bytes of its model.

    Raises
    ------
    UnsupportedModel
        `damaged_booster`, `unsupported_booster`.
    """
    if type(state) is not dict:
        raise damaged("an object has no state")
    settings = _stated(state)
    content = state.get("__model")
    if content is None:
        if name == "CatBoost":
            raise damaged("it holds no model")
        return _KINDS[name](**settings, **OURS)
    if not isinstance(content, bytes) or not content.startswith(catboost_cbm.SIGN):
        raise damaged("an estimator holds something else than a model")
    estimator = _fitted(settings, check(catboost_cbm.loads(content)))
    if not isinstance(estimator, _KINDS.get(name, CatBoostEstimator)):
        raise refusals.unsupported(
            LIBRARY,
            f"The {name} holds a model with the loss {estimator.get_params()['loss_function']}, which "
            "answers with another kind of thing than its name says",
            "Fit a CatBoostClassifier to classes and a CatBoostRegressor to numbers, or send the file that "
            "model.save_model writes.",
        )
    return estimator


def _stated(state: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of known names, each of them a number, a text or several of these."""
    found = plain_settings({**state}, KNOWN, library=LIBRARY)
    if "random_seed" in state or "random_state" in state:
        found["random_state"] = 0  # so that reference models get seeds of their own
    return {name: value for name, value in found.items() if value is not None}


def _fitted(settings: Mapping[str, Any], model: CatBoostModel) -> CatBoostEstimator:
    """An estimator of the model that is trained again as it was."""
    given = {name: value for name, value in settings.items() if name not in (*ROUNDS, *RATE, *LOSS)}
    given |= {"iterations": len(model.sizes), "loss_function": str(model.objective), "random_state": 0}
    rate = real(options_in(model.parameters, "boosting_options"), "learning_rate")
    if rate is not None:
        given["learning_rate"] = rate
    given |= {"cat_features": [column.place for column in model.categories]} if model.categories else {}
    kind = CatBoostClassifier if model.labels else CatBoostRegressor
    estimator = kind(**given, **OURS)
    estimator.__dict__.update({**vars(library_model(model)), "_init_params": estimator.get_params()})
    estimator._model = model
    return estimator
