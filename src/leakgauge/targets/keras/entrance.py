"""The constant arithmetic that a Keras model does to an image before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import keras
import numpy as np

from leakgauge.targets.images.ranges import Entrance

_PASS_ON: Final = (
    "InputLayer", "Cast", "GetItem", "Resizing", "CenterCrop", "Resize", "Reshape", "ZeroPadding2D",
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
    "RandomCrop", "Dropout", "GaussianNoise", "StopGradient",
)  # fmt: skip


def entrance_of(model: keras.Model) -> Entrance | None:
    """What happens to a pixel first: Rescaling, Normalization, `x / 127.5 - 1`; None where nothing does."""
    factor, offset = np.ones(1), np.zeros(1)
    does_something = False
    for operation in _operations(model):
        name = type(operation).__name__
        if name in _PASS_ON:
            continue
        step = _step(operation, name)
        if step is None:
            break
        times, plus = step
        if len(np.ravel(times)) not in (1, 3, 4) or len(np.ravel(plus)) not in (1, 3, 4):
            break
        factor, offset = factor * np.ravel(times), offset * np.ravel(times) + np.ravel(plus)
        does_something = True
    return Entrance.of(factor, offset) if does_something else None


def _operations(model: keras.Model) -> Iterator[Any]:
    """The operations of a model, and of the models in it, in the order of the graph."""
    for operation in getattr(model, "operations", model.layers):
        if isinstance(operation, keras.Model):
            yield from _operations(operation)
        else:
            yield operation


def _step(operation: Any, name: str) -> tuple[Any, Any] | None:
    """The factor and the offset of one operation, None for one that is more than that."""
    if name == "Rescaling":
        return np.asarray(operation.scale, np.float64), np.asarray(operation.offset, np.float64)
    if name == "Normalization":
        mean, variance = np.ravel(operation.mean), np.ravel(operation.variance)
        spread = np.sqrt(np.maximum(variance, 1e-12))
        return (spread, mean) if operation.invert else (1 / spread, -mean / spread)
    arguments: tuple[Any, ...] = (
        operation._inbound_nodes[-1].arguments.args if operation._inbound_nodes else ()
    )
    if len(arguments) != 2:
        return None
    constant = next((np.asarray(one) for one in arguments if isinstance(one, int | float | np.ndarray)), None)
    if constant is None:
        return None
    first = isinstance(arguments[0], keras.KerasTensor)
    match name:
        case "Add":
            return 1.0, constant
        case "Subtract":
            return (1.0, -constant) if first else (-1.0, constant)
        case "Multiply":
            return constant, 0.0
        case "TrueDivide" | "Divide" if first and constant.all():
            return 1.0 / constant, 0.0
    return None
