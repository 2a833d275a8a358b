"""Inputs of ONNX image classifiers: batches, types, and arithmetic at the entrance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from leakgauge.targets.images.target import ImageTarget
from leakgauge.targets.opening import open_image_model

IMAGES = np.random.default_rng(0).random((9, 8, 8, 3)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).standard_normal((192, 3)).astype(np.float32) / 20


def opened(
    folder: Path,
    *first: tuple[str, np.ndarray | None],
    batch: int | str = "n",
    kind: int = TensorProto.FLOAT,
    channels_first: bool = False,
    **settings: object,
) -> ImageTarget:
    """A linear classifier behind the steps `first`: an operator each, with its constant."""
    shape = [3, 8, 8] if channels_first else [8, 8, 3]
    nodes, constants, name = [], [numpy_helper.from_array(WEIGHTS, "w")], "x"
    for place, (operator, constant) in enumerate(first):
        inputs = [name]
        if constant is not None:
            constants.append(numpy_helper.from_array(constant, f"c{place}"))
            inputs.append(f"c{place}")
        more = {"to": TensorProto.FLOAT} if operator == "Cast" else {}
        nodes.append(helper.make_node(operator, inputs, [f"s{place}"], **more))
        name = f"s{place}"
    nodes += [
        helper.make_node("Flatten", [name], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", kind, [batch, *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return open_image_model(path, image_size=(8, 8), **settings)  # type: ignore[arg-type]


def expected(pixels: np.ndarray) -> np.ndarray:
    scores = pixels.reshape(len(pixels), -1) @ WEIGHTS
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("batch", [1, 2, 7, 16, 300])
def test_a_fixed_batch_of_any_size_is_filled(batch: int, tmp_path: Path) -> None:
    target = opened(tmp_path, batch=batch)
    assert np.allclose(target.probabilities(IMAGES), expected(IMAGES), atol=1e-5)
    assert np.allclose(target.probabilities(IMAGES[:1]), expected(IMAGES[:1]), atol=1e-5)


def test_channels_first_with_a_fixed_batch(tmp_path: Path) -> None:
    target = opened(tmp_path, batch=4, channels_first=True)
    assert target.facts.shape == (8, 8, 3)
    assert np.allclose(target.probabilities(IMAGES), expected(IMAGES.transpose(0, 3, 1, 2)), atol=1e-5)


def test_bytes_are_rounded_to_the_nearest(tmp_path: Path) -> None:
    target = opened(tmp_path, ("Cast", None), ("Div", np.float32(255.0)), kind=TensorProto.UINT8)
    assert target.facts.input_range == (0.0, 255.0)
    assert target.facts.range_source == "input type"
    assert np.allclose(target.probabilities(IMAGES), expected(np.rint(255 * IMAGES) / 255), atol=1e-5)


def test_halves_are_taken(tmp_path: Path) -> None:
    target = opened(tmp_path, ("Cast", None), kind=TensorProto.FLOAT16)
    halves = IMAGES.astype(np.float16).astype(np.float32)
    assert np.allclose(target.probabilities(IMAGES), expected(halves), atol=1e-5)


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ([("Div", np.float32(255.0))], (0.0, 255.0)),
        ([("Mul", np.float32(1 / 255))], (0.0, 255.0)),
        ([("Div", np.float32(127.5)), ("Sub", np.float32(1.0))], (0.0, 255.0)),
        ([("Sub", np.array([103.9, 116.8, 123.7], dtype=np.float32))], (0.0, 255.0)),
        (
            [
                ("Sub", np.array([0.485, 0.456, 0.406], dtype=np.float32)),
                ("Div", np.array([0.229, 0.224, 0.225], dtype=np.float32)),
            ],
            (0.0, 1.0),
        ),
    ],
)
def test_arithmetic_at_the_entrance_tells_the_range(
    first: list[tuple[str, np.ndarray | None]], found: tuple[float, float], tmp_path: Path
) -> None:
    facts = opened(tmp_path, *first).facts
    assert facts.input_range == found
    assert facts.range_source == "rescaling layer"


def test_without_arithmetic_the_range_is_assumed(tmp_path: Path) -> None:
    assert opened(tmp_path).facts.range_source == "assumed"
    # a constant for each pixel is no scale of a pixel
    wide = np.full((8, 8, 3), 1 / 255, dtype=np.float32)
    assert opened(tmp_path, ("Mul", wide)).facts.range_source == "assumed"


def test_the_scaling_of_imagenet_can_be_asked_for(tmp_path: Path) -> None:
    target = opened(tmp_path, input_range="imagenet")
    scaled = (IMAGES - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    assert target.facts.standardised
    assert np.allclose(target.probabilities(IMAGES), expected(scaled), atol=1e-5)


def test_scores_with_the_axes_of_a_pooling_layer_are_rows(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"]),
            helper.make_node("GlobalAveragePool", ["c"], ["y"]),
        ],
        "pooled",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5, 1, 1])],
        [numpy_helper.from_array(WEIGHTS[:15, :1].reshape(5, 3, 1, 1), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    assert open_image_model(path, image_size=(8, 8)).probabilities(IMAGES).shape == (9, 5)
