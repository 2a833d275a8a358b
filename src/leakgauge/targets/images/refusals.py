"""The errors that readers of image classifiers share, each with its hint."""

from __future__ import annotations

from leakgauge.errors import UnsupportedModel

_EXPORT = 'Load it where it was made and export it with model.save("model.keras") or to ONNX.'


def unsupported(problem: str, message: str) -> UnsupportedModel:
    """The error `problem` with the hint that belongs to it."""
    return UnsupportedModel(problem, message, hint=_HINTS.get(problem, _EXPORT))


def not_finite() -> UnsupportedModel:
    """The error for a model that answers with NaN or infinity."""
    return unsupported("outputs_not_finite", "The model answers with values that are not finite.")


_ONE_CLASSIFIER = "The audit takes classifiers with one image in and one row of class scores out."
_HINTS = {
    "several_inputs": _ONE_CLASSIFIER,
    "several_outputs": _ONE_CLASSIFIER,
    "not_a_classifier": _ONE_CLASSIFIER,
    "regression_head": _ONE_CLASSIFIER,
    "text_model": "The audit takes image classifiers.",
    "not_an_image_model": "Give the model an input of shape (height, width, channels) with a Reshape layer.",
    "channels": "The audit takes grey, RGB and RGBA images.",
    "model_empty": "Upload the file again, whole.",
    "keras_archive_damaged": "Upload the file again, whole.",
    "outputs_not_finite": "Check the weights for NaN, and input_range for the range that training used.",
    "model_does_not_run": "Check that model.predict works on a batch of images of its input shape.",
    "onnx_input_type": "Export the model with an input of float32 or uint8.",
    "onnx_fixed_batch": "Export the model with a free batch axis.",
}
