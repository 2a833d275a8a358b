"""Membership bundles around a linear classifier of digits that knows its members by heart."""

from __future__ import annotations

import io
import json
import warnings
from functools import cache
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

SIDE, CLASSES, N = 8, 10, 120
QUICK = {"attacks": ["gap", "loss", "learned_gb", "rmia"], "proportions": [50]}


@cache
def sets() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Members' images (120, 8, 8) of bytes and labels, then subjects'."""
    x, y = load_digits(return_X_y=True)
    images = np.minimum(x * 16, 255).astype(np.uint8).reshape(-1, SIDE, SIDE)
    _, first = np.unique(images, axis=0, return_index=True)
    order = np.random.default_rng(0).permutation(first)
    members, subjects = order[:N], order[N : 2 * N]
    return images[members], y[members].astype(np.int64), images[subjects], y[subjects].astype(np.int64)


@cache
def weights() -> tuple[np.ndarray, np.ndarray]:
    """(64, 10) weights and (10,) biases that are right about every member, for pixels in [0, 1]."""
    x, y, *_ = sets()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = LogisticRegression(C=100.0, max_iter=300).fit(x.reshape(N, -1) / 255.0, y)
    return fitted.coef_.T.astype(np.float32), fitted.intercept_.astype(np.float32)


def onnx_model(
    *, scale: float = 1.0, bias: float = 0.0, channels_first: bool = False, channels: int = 1
) -> bytes:
    """The classifier as ONNX, its weights times `scale`; `bias` is added to every score."""
    matrix, offsets = weights()
    shape = [channels, SIDE, SIDE] if channels_first else [SIDE, SIDE, channels]
    spread = matrix.reshape(SIDE, SIDE, 1, CLASSES).repeat(channels, axis=2) / channels
    arranged = spread.transpose(2, 0, 1, 3) if channels_first else spread
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["scores"]),
            helper.make_node("Add", ["scores", "b"], ["shifted"]),
            helper.make_node("Softmax", ["shifted"], ["y"]),
        ],
        "digits",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES])],
        [
            numpy_helper.from_array((scale * arranged).reshape(-1, CLASSES).astype(np.float32), "w"),
            numpy_helper.from_array((offsets + bias).astype(np.float32), "b"),
        ],
    )
    model: Any = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def npy(array: np.ndarray) -> bytes:
    """The array as `numpy.save` writes it."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def png(pixels: np.ndarray) -> bytes:
    """(height, width) or (height, width, 3) bytes as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def arrays() -> dict[str, bytes]:
    """Both sets as arrays, by their names in a bundle."""
    names = ("training_images.npy", "training_labels.npy", "subject_images.npy", "subject_labels.npy")
    return dict(zip(names, map(npy, sets()), strict=True))


def folders() -> dict[str, bytes]:
    """Both sets as images in folders, by their names in a bundle."""
    x, y, other_x, other_y = sets()
    sides = (("training", x, y), ("subject", other_x, other_y))
    return {
        f"{folder}/{label}/{place:03d}.png": png(image)
        for folder, images, labels in sides
        for place, (image, label) in enumerate(zip(images, labels, strict=True))
    }


def bundle(**changes: Any) -> dict[str, bytes]:
    """Files of a sound bundle with parameters; `changes` replace files, None takes one out."""
    files = {"model.onnx": onnx_model(), **arrays(), "parameters.json": json.dumps(QUICK).encode()}
    for name, content in changes.items():
        key = name.replace("__", ".")
        if content is None:
            del files[key]
        else:
            files[key] = content if isinstance(content, bytes) else npy(content)
    return files
