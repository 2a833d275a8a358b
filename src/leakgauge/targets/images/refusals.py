"""What kind of model file it is: told by its bytes, not by its name."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Literal

from leakgauge.errors import UnsupportedModel

ModelFormat = Literal["keras", "hdf5", "onnx"]

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_EXPORT = 'Load it where it was made and export it with model.save("model.keras") or to ONNX.'


def sniff(path: Path) -> ModelFormat:
    """The format of a model file, told by its first bytes and, for archives, by its members.

    Raises
    ------
    UnsupportedModel
        for every other kind of file, with how to export from it.
    """
    if path.is_dir():
        raise unsupported(
            "saved_model", "The model is a folder (a TensorFlow SavedModel?), not a model file."
        )
    with path.open("rb") as stream:
        head = stream.read(16)
    if not head:
        raise unsupported("model_empty", "The model file is empty.")
    if head.startswith(HDF5_SIGNATURE):
        return "hdf5"
    if head.startswith(b"PK"):
        return _sniff_archive(path)
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise unsupported("pickled_model", "The model file is a pickle; it was not opened.")
    if head[4:8] == b"TFL3":
        raise unsupported("tflite_model", "The model file is a TensorFlow Lite model.")
    return "onnx"


def _sniff_archive(path: Path) -> Literal["keras"]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError) as error:
        raise unsupported("keras_archive_damaged", "The model archive is damaged or cut short.") from error
    if "config.json" in names:
        return "keras"
    if any(name.endswith("saved_model.pb") for name in names):
        raise unsupported("saved_model", "The model file is a zipped TensorFlow SavedModel.")
    if any(name.endswith("data.pkl") for name in names):
        raise unsupported("torch_model", "The model file is a PyTorch archive.")
    raise unsupported("not_a_model", "The model file is a zip archive without a Keras model in it.")


def unsupported(problem: str, message: str) -> UnsupportedModel:
    """The error `problem` with the hint that belongs to it."""
    return UnsupportedModel(problem, message, hint=_HINTS.get(problem, _EXPORT))


def not_finite() -> UnsupportedModel:
    """The error for a model that answers with NaN or infinity."""
    return unsupported("outputs_not_finite", "The model answers with values that are not finite.")


_ONE_CLASSIFIER = "The audit takes classifiers with one picture in and one row of class scores out."
_HINTS = {
    "several_inputs": _ONE_CLASSIFIER,
    "several_outputs": _ONE_CLASSIFIER,
    "not_a_classifier": _ONE_CLASSIFIER,
    "regression_head": _ONE_CLASSIFIER,
    "text_model": "The audit takes image classifiers.",
    "not_an_image_model": "Give the model an input of shape (height, width, channels) with a Reshape layer.",
    "channels": "The audit takes grey, RGB and RGBA pictures.",
    "keras_not_installed": 'Where the model was made, export it with model.export("model.onnx", '
    'format="onnx"), for which tf2onnx has to be installed, and send model.onnx in its place; or run the '
    "audit where the extra is installed: pip install 'leakgauge[inversion]'.",
    "model_empty": "Upload the file again, whole.",
    "keras_archive_damaged": "Upload the file again, whole.",
    "outputs_not_finite": "Check the weights for NaN, and input_range for the range that training used.",
    "model_does_not_run": "Check that model.predict works on a batch of pictures of its input shape.",
    "onnx_input_type": "Export the model with a float32 input.",
    "onnx_fixed_batch": "Export the model with a free batch axis.",
}
