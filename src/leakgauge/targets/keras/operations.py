"""The operations that Keras' functional API records between layers, such as `x / 255.0`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import keras

_CONTROL_FLOW: Final = frozenset(
    {"Map", "Scan", "AssociativeScan", "WhileLoop", "ForiLoop", "Cond", "VectorizedMap", "Switch"}
)
_OF_CORE: Final = frozenset({"Cast", "StopGradient"})


@cache
def operation_modules() -> Mapping[str, str]:
    """By the class of an operation that may be used, the module that it is in."""
    return {
        name: module.__name__
        for module in _modules()
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, keras.Operation)
        and value.__module__ == module.__name__
        and name not in _CONTROL_FLOW
        and (name in _OF_CORE or not module.__name__.endswith(".core"))
    }


def _modules() -> list[Any]:
    # keras.ops exports functions only; the classes that a saved graph names live beside them
    from keras.src.ops import core, image, nn, numpy

    return [numpy, nn, image, core]
