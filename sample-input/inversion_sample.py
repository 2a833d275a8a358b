"""The inversion sample: a small Keras classifier of digits, one of its training images, parameters.

Everything but the training is the same on every machine. Training runs on one
thread with every seed fixed, so that one machine with one TensorFlow gives the
same bytes again; another processor may round sums differently, and the weights,
with the digest of the bundle, then differ in their last digits.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

NAME = "inversion.zip"
TARGET_CLASS = 0
PARAMETERS = {
    "class_to_attack": TARGET_CLASS,
    "learning_rate": 0.1,
    "iterations": [150, 300, 600],
    "initialization": "white",
    "seeds": 4,
}
EPOCHS = 40
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name


def build(folder: Path) -> Path:
    """Write the bundle into `folder` and return its path."""
    images, labels = _training_half()
    members = {
        "input_image.png": _png(images[labels == TARGET_CLASS][0]),
        "model.h5": _model_file(_train(images, labels), folder),
        "parameters.json": (json.dumps(PARAMETERS, indent=2) + "\n").encode(),
    }
    bundle = folder / NAME
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, date_time=_EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return bundle


def _training_half() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(n, 8, 8, 1) digits between 0 and 1 with their labels: every second one."""
    digits = load_digits()
    images = (digits.images[::2, :, :, None] / 16.0).astype(np.float32)
    return images, digits.target[::2].astype(np.int64)


def _train(images: NDArray[np.float32], labels: NDArray[np.int64]) -> keras.Model:
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            keras.layers.Conv2D(16, 3, activation="relu", name="edges"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(32, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=EPOCHS, batch_size=64, verbose=0)
    return model


def _model_file(model: keras.Model, folder: Path) -> bytes:
    """The model as HDF5, without the optimizer: an audit needs none, and the file is a third of the size."""
    path = folder / "model.h5"
    model.save(path, include_optimizer=False)
    content = path.read_bytes()
    path.unlink()
    return content


def _png(image: NDArray[np.float32]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.round(image[..., 0] * 255).astype(np.uint8)).save(stream, format="PNG")
    return stream.getvalue()
