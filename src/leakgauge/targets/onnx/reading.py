"""ONNX files as image classifiers: opened and checked, with the engine that answers."""

from __future__ import annotations

from pathlib import Path

import onnx

from leakgauge.targets.images.facts import InputSettings
from leakgauge.targets.images.probing import CHUNK, UNIT_RANGE, check_ends, probed, read_input
from leakgauge.targets.images.refusals import unsupported
from leakgauge.targets.images.target import ImageTarget
from leakgauge.targets.onnx.engine import OnnxEngine
from leakgauge.targets.onnx.file import read_onnx

PACKAGES = ("onnxruntime", "pillow")


def open_onnx_model(path: Path, settings: InputSettings) -> ImageTarget:
    """The classifier in an ONNX file; see `formats.Format`."""
    model = read_onnx(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    entries = [entry for entry in model.graph.input if entry.name not in stored]
    check_ends(len(entries), len(model.graph.output))
    tensor = entries[0].type.tensor_type
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        raise unsupported("onnx_input_type", "The ONNX model's input is not an array of 32-bit floats.")
    dimensions = tuple(axis.dim_value or None for axis in tensor.shape.dim)
    if not dimensions or any(length is not None and length < 1 for length in dimensions):
        raise unsupported("not_an_image_model", "The model's input has no shape.")
    found = read_input(dimensions[1:], settings)
    if dimensions[0] not in (None, 1):
        raise unsupported(
            "onnx_fixed_batch", f"The ONNX model takes exactly {dimensions[0]} images at a time."
        )
    return probed(
        OnnxEngine(model, chunk=dimensions[0] or CHUNK),
        found,
        kind="ONNX graph",
        format="onnx",
        input_range=settings.input_range or UNIT_RANGE,
        range_source="asked" if settings.input_range else "assumed",
        packages=PACKAGES,
    )
