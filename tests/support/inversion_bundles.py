"""Inversion bundles around an ONNX classifier that likes what resembles known images."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from template_target import SIDE, templates

QUICK = {"class_to_attack": 0, "iterations": [20, 200], "seeds": 3}


def template_model() -> bytes:
    """An ONNX classifier that likes what resembles its templates, with logits for a head."""
    flat = templates().reshape(3, -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    weights = (40 * centred / np.linalg.norm(centred, axis=1, keepdims=True) / SIDE).T.astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])],
        "templates",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", SIDE, SIDE, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(weights, "w")],
    )
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    return bytes(model.SerializeToString())


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray((image[..., 0] * 255).round().astype(np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


def write_bundle(folder: Path, parameters: Mapping[str, object], **more: bytes) -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(template_model())
    (folder / "input_image.png").write_bytes(png(templates()[0]))
    (folder / "parameters.json").write_text(json.dumps(parameters))
    for name, content in more.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".png").write_bytes(content)
    return folder
