"""ONNX files as image classifiers: opened and checked, with the engine that answers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from leakgauge.targets.images.facts import InputSettings
from leakgauge.targets.images.probing import CHUNK, check_ends, probed, read_input
from leakgauge.targets.images.ranges import range_of
from leakgauge.targets.images.refusals import unsupported
from leakgauge.targets.images.target import ImageTarget
from leakgauge.targets.onnx.engine import OnnxEngine
from leakgauge.targets.onnx.entrance import entrance_of
from leakgauge.targets.onnx.file import read_onnx

PACKAGES = ("onnxruntime", "pillow")
_TYPES: dict[int, np.dtype[Any]] = {
    onnx.TensorProto.FLOAT: np.dtype(np.float32),
    onnx.TensorProto.FLOAT16: np.dtype(np.float16),
    onnx.TensorProto.DOUBLE: np.dtype(np.float64),
    onnx.TensorProto.UINT8: np.dtype(np.uint8),
    onnx.TensorProto.INT32: np.dtype(np.int32),
    onnx.TensorProto.INT64: np.dtype(np.int64),
}
_MOST_NUMBERS = 64_000_000
"""Numbers that a fixed batch may hold."""
_CHUNK_NUMBERS = 2_000_000
"""Numbers of images that are asked about at a time, as far as the model leaves that free."""


def open_onnx_model(path: Path, settings: InputSettings) -> ImageTarget:
    """The classifier in an ONNX file; see `formats.Format`."""
    model = read_onnx(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    entries = [entry for entry in model.graph.input if entry.name not in stored]
    check_ends(len(entries), len(model.graph.output))
    tensor = entries[0].type.tensor_type
    dtype = _TYPES.get(tensor.elem_type)
    if dtype is None:
        raise unsupported("onnx_input_type", "The ONNX model's input is no array of floats or of bytes.")
    dimensions = tuple(axis.dim_value if axis.dim_value > 0 else None for axis in tensor.shape.dim)
    if not dimensions:
        raise unsupported("not_an_image_model", "The model's input has no shape.")
    found = read_input(dimensions[1:], settings)
    batch = dimensions[0]
    if batch is not None and batch * math.prod(found.shape) > _MOST_NUMBERS:
        raise unsupported(
            "onnx_fixed_batch", f"The ONNX model takes exactly {batch:,} images at a time, too many to hold."
        )
    chunk = int(np.clip(_CHUNK_NUMBERS // math.prod(found.shape), 1, CHUNK))
    return probed(
        OnnxEngine(model, chunk=chunk, batch=batch),
        found,
        kind="ONNX graph",
        format="onnx",
        range_found=range_of(settings, dtype=dtype, entrance=entrance_of(model.graph, entries[0].name)),
        packages=PACKAGES,
    )
