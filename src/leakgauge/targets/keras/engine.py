"""How a Keras model answers as fast as one core allows.

It is converted to ONNX once, its answers on a probe batch are compared, and where
they part a compiled `tf.function` answers instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from leakgauge.targets.images.pixels import as_type
from leakgauge.targets.images.probing import CHUNK
from leakgauge.targets.images.target import Engine
from leakgauge.targets.onnx.engine import OnnxEngine

FUNCTION_BATCH = 64
PARITY_TOLERANCE = 1e-4
OPERATOR_SET = 17


class FunctionEngine:
    """A Keras model as a compiled TensorFlow function with a free batch axis."""

    name = "TensorFlow function"

    def __init__(self, function: Callable[[Any], Any], dtype: np.dtype[Any]) -> None:
        self._function = function
        self._dtype = dtype

    def outputs(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, n_outputs) raw outputs, asked for 64 at a time."""
        asked = as_type(images, self._dtype)
        answers = [
            np.asarray(self._function(asked[at : at + FUNCTION_BATCH]), dtype=np.float32)
            for at in range(0, len(images), FUNCTION_BATCH)
        ]
        return np.concatenate(answers)


def engine_for_keras(
    model: Any, shape: tuple[int, ...], probe: NDArray[np.float32], *, chunk: int = CHUNK
) -> Engine:
    """The fastest engine that answers as the model does.

    Parameters
    ----------
    model
        a built Keras model with one input and one output.
    shape
        the input shape without the batch axis, no free dimension left.
    probe
        (n, *shape) images on which both engines must agree within `PARITY_TOLERANCE`.
    """
    function, signature = _function_of(model, shape)
    plain = FunctionEngine(function, _input_type(model))
    expected = plain.outputs(probe)
    try:
        converted = OnnxEngine(_convert(function, signature), chunk=chunk)
        found = converted.outputs(probe)
    except Exception:  # noqa: BLE001 - a conversion may fail in any way; the function above needs none
        return plain
    agree = found.shape == expected.shape and np.allclose(
        found, expected, rtol=PARITY_TOLERANCE, atol=PARITY_TOLERANCE, equal_nan=True
    )
    return converted if agree else plain


def exported(model: Any, shape: tuple[int, ...]) -> onnx.ModelProto:
    """A built Keras model with one input and one output as an ONNX model with a free batch axis.

    Parameters
    ----------
    shape
        the input shape without the batch axis, no free dimension left.
    """
    return _convert(*_function_of(model, shape))


def _function_of(model: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The model as a compiled function, and the signature of its input."""
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *shape), _input_type(model).name, name="image")]
    function = tf.function(
        lambda image: model(image, training=False), input_signature=signature, autograph=False
    )
    return function, signature


def _input_type(model: Any) -> np.dtype[Any]:
    return np.dtype(str(model.inputs[0].dtype))


def _convert(function: Any, signature: Any) -> onnx.ModelProto:
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    # from_keras breaks on Keras 3; from_function needs the input named in both signatures
    model: onnx.ModelProto
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPERATOR_SET)
    return model


def one_thread() -> None:
    """TensorFlow on one thread, so that sums run in one order and results repeat."""
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        # TensorFlow is already at work in this process, with the threads that it was started with
        return
