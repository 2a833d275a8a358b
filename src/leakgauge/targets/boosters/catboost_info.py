"""What CatBoost writes about the training: the loss, the classes and the settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.catboost_model import CatBoostModel
from leakgauge.targets.boosters.catboost_objectives import LIBRARY, MULTICLASS, Objective
from leakgauge.targets.boosters.settings import number_in

MOST_CLASSES: Final = 100_000
_THRESHOLD: Final = "binclass_probability_threshold"
_LABEL_TYPES: Final[Mapping[type, str]] = {bool: "Boolean", int: "Integer", float: "Float", str: "String"}


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of the training; attributes as in `CatBoostModel`."""

    objective: Objective
    labels: tuple[Any, ...]
    threshold: float | None
    parameters: Mapping[str, Any]


def _damaged(what: str) -> UnsupportedModel:
    return refusals.damaged(LIBRARY, what)


def read_info(info: Mapping[str, Any], dimension: int) -> Info:
    """What a file says about its training.

    Parameters
    ----------
    info
        texts by name; mappings where the file is JSON itself.
    dimension
        scores of the model.

    Raises
    ------
    UnsupportedModel
        `damaged_booster`; `unsupported_booster` for a loss that is not audited.
    """
    parameters = _mapping(info.get("params", {}), "params")
    stated = parameters.get("loss_function", info.get("loss_function", {}))
    objective = Objective.of(_mapping(stated, "loss_function"))
    if not 1 <= dimension <= MOST_CLASSES or (objective.name == MULTICLASS) == (dimension == 1):
        raise _damaged("its scores and its loss differ")
    if objective.is_of_numbers:
        return Info(objective, labels=(), threshold=None, parameters=parameters)
    return Info(
        objective=objective,
        labels=_labels(info, parameters, 2 if dimension == 1 else dimension),
        threshold=_threshold(info.get(_THRESHOLD)),
        parameters=parameters,
    )


def described(model: CatBoostModel) -> dict[str, str]:
    """What the library must be told of a checked model, and no more."""
    found = {"params": json.dumps({"loss_function": model.objective.described()})}
    if model.labels:
        found["class_params"] = json.dumps(
            {
                "class_label_type": _LABEL_TYPES[type(model.labels[0])],
                "class_names": list(model.labels),
                "class_to_label": list(range(len(model.labels))),
                "classes_count": 0,
            }
        )
    if model.threshold is not None:
        found[_THRESHOLD] = repr(model.threshold)
    return found


def _mapping(value: object, what: str) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise _damaged(f"{what} is no JSON text") from error
    if not isinstance(value, dict):
        raise _damaged(f"{what} is no mapping")
    return value


def _labels(info: Mapping[str, Any], parameters: Mapping[str, Any], n_classes: int) -> tuple[Any, ...]:
    stated = info.get("class_params", info.get("multiclass_params", {}))
    classes = _mapping(stated, "class_params")
    names = classes.get("class_names")
    if not names:
        options = parameters.get("data_processing_options")
        names = options.get("class_names") if isinstance(options, dict) else None
    if not names:
        return tuple(range(n_classes))
    if not isinstance(names, list) or len(names) != n_classes:
        raise _damaged("its labels and its scores differ")
    if classes.get("class_label_type") == "Float":
        names = [float(name) if type(name) is int else name for name in names]
    kind = type(names[0])
    if kind not in _LABEL_TYPES or not all(type(name) is kind for name in names):
        raise _damaged("its labels are neither texts nor numbers")
    if len(set(names)) != len(names):
        raise _damaged("it has a label twice")
    return tuple(names)


def _threshold(value: object) -> float | None:
    if value is None:
        return None
    number = number_in(value if isinstance(value, str) else str(value))
    if number is None or not 0.0 < number < 1.0:
        raise _damaged("its threshold is no probability")
    return number
