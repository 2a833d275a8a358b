"""Activations that answer otherwise in Keras 3 than in Keras 2 under the same name."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final

import keras

_HARD_SIGMOID: Final = "hard_sigmoid"
_OLD_HARD_SIGMOID: Final = "hard_sigmoid_of_keras_2"


def as_answered(config: Any, saved_with: str | None) -> Any:
    """A checked configuration that names the activations of the version that saved it.

    Parameters
    ----------
    saved_with
        the version of Keras, None where the file does not say it.
    """
    return _renamed(config) if saved_with is not None and saved_with < "3" else config


def old_functions() -> AbstractContextManager[None]:
    """As long as it lasts, Keras knows the activations that `as_answered` names."""
    known = {_OLD_HARD_SIGMOID: hard_sigmoid_of_keras_2}
    scope: AbstractContextManager[None] = keras.saving.custom_object_scope(known)
    return scope


def _renamed(part: Any) -> Any:
    if isinstance(part, list):
        return [_renamed(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _named() if value == _HARD_SIGMOID and key.endswith("activation") else _renamed(value)
        for key, value in part.items()
    }


def _named() -> dict[str, Any]:
    return {
        "module": None,
        "class_name": "function",
        "config": _OLD_HARD_SIGMOID,
        "registered_name": _OLD_HARD_SIGMOID,
    }


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """`max(0, min(1, 0.2 x + 0.5))`; today's slope is 1/6."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)
