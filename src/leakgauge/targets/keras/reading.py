"""Keras files as image classifiers: opened and checked, with their engine and the network itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from leakgauge.targets.images.facts import InputSettings
from leakgauge.targets.images.probing import (
    CHUNK,
    check_ends,
    check_output,
    does_not_run,
    probed,
    read_input,
)
from leakgauge.targets.images.ranges import range_of
from leakgauge.targets.images.refusals import unsupported
from leakgauge.targets.images.target import ImageTarget
from leakgauge.targets.keras.engine import engine_for_keras, one_thread
from leakgauge.targets.keras.entrance import entrance_of
from leakgauge.targets.keras.file import activations, open_archive, open_hdf5
from leakgauge.targets.keras.network import KerasNetwork

PACKAGES = ("onnxruntime", "pillow", "keras", "tensorflow-cpu", "tf2onnx")
_CHUNK_NUMBERS = 64_000_000
"""Activations that one chunk may hold at a time, in numbers; a quarter of a gigabyte."""


def open_keras_model(path: Path, settings: InputSettings) -> ImageTarget:
    """The classifier in a native `.keras` archive; see `formats.Format`."""
    return _target(open_archive, path, settings, format_name="keras")


def open_hdf5_model(path: Path, settings: InputSettings) -> ImageTarget:
    """The classifier in an HDF5 file of Keras 2 or 3; see `formats.Format`."""
    return _target(open_hdf5, path, settings, format_name="hdf5")


def _target(
    read: Callable[[Path], keras.Model], path: Path, settings: InputSettings, *, format_name: str
) -> ImageTarget:
    one_thread()
    model = read(path)
    check_ends(len(model.inputs), len(model.outputs))
    entry, end = model.inputs[0], model.outputs[0]
    if not re.fullmatch(r"float(16|32|64)|u?int(8|16|32|64)", str(entry.dtype)):
        raise unsupported("text_model", "The model takes text or truth values, not images.")
    dtype = np.dtype(str(entry.dtype))
    found = read_input(tuple(entry.shape)[1:], settings)
    check_output(tuple(end.shape)[1:])
    range_found = range_of(settings, dtype=dtype, entrance=entrance_of(model))
    probes = found.probes(range_found.input_range)
    chunk = int(np.clip(_CHUNK_NUMBERS // max(activations(model), 1), 1, CHUNK))
    try:
        engine = engine_for_keras(model, found.arranged, probes, chunk=chunk)
    except Exception as error:
        # TensorFlow raises anything at all for a model that does not run
        raise does_not_run() from error
    target = probed(
        engine,
        found,
        kind=type(model).__name__,
        format=format_name,
        range_found=range_found,
        packages=PACKAGES,
        asked=2 * len(probes),  # the engines were compared on the probes: two answers to each
    )
    if dtype.kind == "f":  # whole numbers have no gradient
        target.network = KerasNetwork(model, target.facts, found.layout)
    return target
