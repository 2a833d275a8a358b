from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow's own imports warn about is not ours to fix
    import keras

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.images.target import ImageTarget
from leakgauge.targets.opening import open_image_model

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

layers = keras.layers
IMAGES = np.random.default_rng(0).random((300, 8, 8, 1)).astype(np.float32)


def opened(model: Any, folder: Path, **told: Any) -> ImageTarget:
    path = folder / "model.keras"
    model.save(path)
    return open_image_model(path, image_size=(8, 8), **told)


def stack(*parts: Any, shape: tuple[int | None, ...] = (8, 8, 1)) -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape), *parts])


def test_softmax_is_taken_as_it_is(tmp_path: Path) -> None:
    model = stack(layers.Flatten(), layers.Dense(3, activation="softmax"))
    target = opened(model, tmp_path)
    assert target.facts.output == "probabilities"
    assert target.facts.engine == "ONNX Runtime"
    assert np.allclose(target.probabilities(IMAGES), model.predict_on_batch(IMAGES), atol=1e-5)


def test_logits_become_probabilities(tmp_path: Path) -> None:
    model = stack(layers.Flatten(), layers.Dense(3))
    target = opened(model, tmp_path)
    assert target.facts.output == "logits"
    logits = model.predict_on_batch(IMAGES)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(target.probabilities(IMAGES), expected, atol=1e-5)


def test_logits_that_happen_to_lie_between_0_and_1_are_still_logits(tmp_path: Path) -> None:
    model = stack(layers.Flatten(), layers.Dense(3))
    weights, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([weights * 1e-3, bias + 0.5])
    assert opened(model, tmp_path).facts.output == "logits"


def test_one_sigmoid_is_two_classes(tmp_path: Path) -> None:
    target = opened(stack(layers.Flatten(), layers.Dense(1, activation="sigmoid")), tmp_path)
    answer = target.probabilities(IMAGES)
    assert answer.shape == (300, 2)
    assert np.allclose(answer.sum(axis=1), 1.0)


def test_a_sigmoid_for_each_class_is_normalised(tmp_path: Path) -> None:
    target = opened(stack(layers.Flatten(), layers.Dense(4, activation="sigmoid")), tmp_path)
    assert target.facts.rows == "independent"
    assert np.allclose(target.probabilities(IMAGES).sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("rescaling", "expected"),
    [((1 / 255, 0.0), (0.0, 255.0)), ((1 / 127.5, -1.0), (0.0, 255.0)), ((2.0, -1.0), (0.0, 1.0))],
)
def test_a_rescaling_layer_tells_the_range(
    rescaling: tuple[float, float], expected: tuple[float, float], tmp_path: Path
) -> None:
    model = stack(layers.Rescaling(*rescaling), layers.Flatten(), layers.Dense(3, activation="softmax"))
    target = opened(model, tmp_path)
    assert target.facts.input_range == expected
    assert target.facts.range_source == "rescaling layer"
    low, high = expected
    answer = model.predict_on_batch(low + (high - low) * IMAGES)
    assert np.allclose(target.probabilities(IMAGES), answer, atol=1e-4)


def test_an_asked_range_wins(tmp_path: Path) -> None:
    model = stack(layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3, activation="softmax"))
    target = opened(model, tmp_path, input_range=(-1.0, 1.0))
    assert target.facts.input_range == (-1.0, 1.0)
    assert np.allclose(target.probabilities(IMAGES), model.predict_on_batch(IMAGES * 2 - 1), atol=1e-5)


def test_a_model_without_a_channel_axis_takes_grey_images(tmp_path: Path) -> None:
    model = stack(layers.Flatten(), layers.Dense(3, activation="softmax"), shape=(8, 8))
    target = opened(model, tmp_path)
    assert target.facts.shape == (8, 8, 1)
    assert np.allclose(target.probabilities(IMAGES), model.predict_on_batch(IMAGES[..., 0]), atol=1e-5)


def test_a_free_input_size_is_that_of_the_image(tmp_path: Path) -> None:
    model = stack(
        layers.Conv2D(4, 3),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax"),
        shape=(None, None, 3),
    )
    assert opened(model, tmp_path).facts.shape == (8, 8, 3)


def test_what_onnx_cannot_say_tensorflow_answers(tmp_path: Path) -> None:
    model = stack(layers.Flatten(), layers.Dense(4, activation="gelu"), layers.Dense(3, activation="softmax"))
    target = opened(model, tmp_path)
    assert np.allclose(target.probabilities(IMAGES), model.predict_on_batch(IMAGES), atol=1e-5)


def test_operations_of_the_functional_api_are_honest(tmp_path: Path) -> None:
    entry = keras.Input((8, 8, 1))
    end = layers.Dense(3, activation="softmax")(layers.Flatten()(entry / 255.0 - 0.5))
    model = keras.Model(entry, end)
    target = opened(model, tmp_path)
    assert target.facts.input_range == (0.0, 255.0)
    assert target.facts.range_source == "rescaling layer"
    assert np.allclose(target.probabilities(IMAGES), model.predict_on_batch(255 * IMAGES), atol=1e-5)


def test_every_image_is_counted_probes_included(tmp_path: Path) -> None:
    target = opened(stack(layers.Flatten(), layers.Dense(3, activation="softmax")), tmp_path)
    before = target.queries
    assert before > 0
    target.probabilities(IMAGES)
    target.labels(IMAGES[:7])
    assert target.queries == before + 307


def test_answers_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    target = opened(
        stack(layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3, activation="softmax")), tmp_path
    )
    whole = target.probabilities(IMAGES)
    single = np.concatenate([target.probabilities(IMAGES[place : place + 1]) for place in range(10)])
    assert np.allclose(whole[:10], single, atol=1e-6)


def test_rounded_answers_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    weights = np.random.default_rng(0).standard_normal((64, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["z"]),
            helper.make_node("Softmax", ["z"], ["p"]),
            helper.make_node("Mul", ["p", "hundred"], ["scaled"]),
            helper.make_node("Round", ["scaled"], ["whole"]),
            helper.make_node("Div", ["whole", "hundred"], ["y"]),
        ],
        "rounded",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [
            numpy_helper.from_array(weights * 0.2, "w"),
            numpy_helper.from_array(np.float32(100.0), "hundred"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    target = open_image_model(path, image_size=(8, 8))
    assert target.facts.rows == "complete"
    assert target.facts.shape == (8, 8, 1)  # channels first, turned
    assert target.probabilities(IMAGES).shape == (300, 3)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_model_that_answers_probes_and_then_with_no_numbers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: float
) -> None:
    target = opened(stack(layers.Flatten(), layers.Dense(3)), tmp_path)
    outputs = np.zeros((4, 3), dtype=np.float32)
    outputs[2, 1] = broken
    monkeypatch.setattr(target._engine, "outputs", lambda _: outputs)
    with pytest.raises(UnsupportedModel) as caught:
        target.labels(IMAGES[:4])
    assert caught.value.problem == "outputs_not_finite"
