"""Engines: how an array of images becomes raw outputs, as fast as one core allows.

ONNX Runtime answers about thirty times as fast as `model.predict`. A Keras
model is converted once, its answers on a probe batch are compared, and where
they part a compiled `tf.function` answers instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel

Images: TypeAlias = NDArray[np.float32]
Outputs: TypeAlias = NDArray[np.float32]

CHUNK = 256
FUNCTION_BATCH = 64
PARITY_TOLERANCE = 1e-4
OPERATOR_SET = 17


class Engine(Protocol):
    """Answers images in the model's own layout and range."""

    name: str

    def outputs(self, images: Images) -> Outputs:
        """(n, n_outputs) raw outputs for (n, ...) images."""


class OnnxEngine:
    """One ONNX Runtime session on one thread, so that equal questions get equal answers."""

    name = "ONNX Runtime"

    def __init__(self, model: onnx.ModelProto, *, chunk: int = CHUNK) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # an error is raised as well; its text would go to standard error
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises classes of its own that share no base
            raise UnsupportedModel(
                "onnx_cannot_be_opened",
                "ONNX Runtime cannot open the model.",
                hint="Check the file with onnx.checker.check_model, or export it at a newer operator set.",
            ) from error
        self._input = self._session.get_inputs()[0].name
        self._chunk = chunk

    def outputs(self, images: Images) -> Outputs:
        """(n, n_outputs) raw outputs, asked for in chunks so that memory stays small."""
        if len(images) <= self._chunk:
            return self._answer(images)
        return np.concatenate(
            [self._answer(images[at : at + self._chunk]) for at in range(0, len(images), self._chunk)]
        )

    def _answer(self, images: Images) -> Outputs:
        answer: Outputs = self._session.run(None, {self._input: np.ascontiguousarray(images)})[0]
        return answer


class FunctionEngine:
    """A Keras model as a compiled TensorFlow function with a free batch axis."""

    name = "TensorFlow function"

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def outputs(self, images: Images) -> Outputs:
        """(n, n_outputs) raw outputs, asked for 64 at a time."""
        answers = [
            np.asarray(self._function(images[at : at + FUNCTION_BATCH]), dtype=np.float32)
            for at in range(0, len(images), FUNCTION_BATCH)
        ]
        return np.concatenate(answers)


def engine_for_keras(model: Any, shape: tuple[int, ...], probe: Images, *, chunk: int = CHUNK) -> Engine:
    """The fastest engine that answers as the model does.

    Parameters
    ----------
    model: a built Keras model with one input and one output.
    shape: the input shape without the batch axis, no free dimension left.
    probe: (n, *shape) images on which both engines must agree within `PARITY_TOLERANCE`.
    """
    function, signature = _function_of(model, shape)
    plain = FunctionEngine(function)
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
    shape: the input shape without the batch axis, no free dimension left.
    """
    return _convert(*_function_of(model, shape))


def _function_of(model: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The model as a compiled function, and the signature of its input."""
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *shape), tf.float32, name="image")]
    function = tf.function(
        lambda image: model(image, training=False), input_signature=signature, autograph=False
    )
    return function, signature


def _convert(function: Any, signature: Any) -> onnx.ModelProto:
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    # from_keras breaks on Keras 3; from_function needs the input named in both signatures
    model: onnx.ModelProto
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPERATOR_SET)
    return model
