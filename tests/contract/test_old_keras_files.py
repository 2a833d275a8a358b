"""Files saved by TensorFlow 1.15 to today's answer as their own version did."""

from __future__ import annotations

import json
import tarfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow's own imports warn about is not ours to fix
    from leakgauge.targets.keras.file import open_archive, open_hdf5

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.opening import open_image_model

pytestmark = pytest.mark.filterwarnings("ignore")

FOLDER = Path(__file__).parent.parent / "data" / "keras"
ARCHIVES = sorted(FOLDER.glob("*.tar.xz"))
QUICK = {
    "1.15.5": ("rows_lstm.h5", "partly_frozen.h5"),
    "2.4.4": ("nested_twice.h5", "arithmetic.h5"),
    "2.8.4": ("normalization.h5", "slices.h5"),
    "2.12.1": ("partly_frozen.keras", "activations.keras", "caffe_input.h5"),
    "2.15.1": ("attention.keras", "arithmetic_turned.keras", "mixed_precision.h5", "sequences.keras"),
    "2.21.0": ("arithmetic.h5", "nested_deep.keras"),
}
"""Files that are tried each time; all of them among the slow tests."""
REQUIRED = {
    "no_input_layer", "initializers", "conv_bn", "depthwise", "separable", "transpose", "nested", "shared",
    "normalization", "mixed_precision", "uint8", "uint8_cast", "arithmetic", "rescaling", "flatten_first",
}  # fmt: skip
GRAPHS = {
    f"{kind}.h5"
    for kind in (
        "arithmetic", "arithmetic_turned", "arithmetic_between", "uint8_cast", "mobilenet_input",
        "caffe_input", "slices",
    )
}  # fmt: skip
"""Of TensorFlow 1.15: the files that hold graphs of TensorFlow, which are refused."""


@cache
def contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        return {name: opened.extractfile(name).read() for name in opened.getnames()}  # type: ignore[union-attr]


@cache
def answers(archive: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(contents(archive)["answers.json"])
    return found


def cases() -> list[Any]:
    found = []
    for archive in ARCHIVES:
        version = archive.name.removesuffix(".tar.xz")
        for name in answers(archive):
            if version == "1.15.5" and name in GRAPHS:
                continue
            slow = () if name in QUICK[version] else (pytest.mark.slow,)
            found.append(pytest.param(archive, name, id=f"{version}-{name}", marks=slow))
    return found


def saved(archive: Path, name: str, folder: Path) -> Path:
    (folder / name).write_bytes(contents(archive)[name])
    return folder / name


def images(model: Any, name: str) -> np.ndarray:
    """The images that `make.py` asked about."""
    shape = tuple(model.inputs[0].shape)[1:]
    found = np.random.RandomState(7).randint(0, 256, (4, *shape))
    if "int" in str(model.inputs[0].dtype):
        return found.astype(np.uint8)
    return found.astype(np.float32) / np.float32(1 if "rescaling" in name else 255)


def test_the_versions_and_kinds_that_must_be_there() -> None:
    assert {archive.name.removesuffix(".tar.xz") for archive in ARCHIVES} == set(QUICK)
    for archive in ARCHIVES:
        kinds = {Path(name).stem for name in answers(archive)}
        version = archive.name.removesuffix(".tar.xz")
        if version not in ("1.15.5", "2.21.0"):
            assert kinds >= REQUIRED
        assert set(QUICK[version]) <= set(answers(archive))
    assert sum(archive.stat().st_size for archive in ARCHIVES) < 400_000


@pytest.mark.parametrize(("archive", "name"), cases())
def test_an_old_file_answers_as_its_own_version_did(archive: Path, name: str, tmp_path: Path) -> None:
    path = saved(archive, name, tmp_path)
    model = (open_hdf5 if name.endswith(".h5") else open_archive)(path)
    found = np.asarray(model(images(model, name), training=False))
    assert np.abs(found - np.array(answers(archive)[name])).max() <= 1e-5


def test_a_hard_sigmoid_of_keras_2_is_not_that_of_today(tmp_path: Path) -> None:
    """Its slope is 0.2 there and 1/6 here: taken for each other, they would change answers without a word."""
    archive = FOLDER / "1.15.5.tar.xz"
    model = open_hdf5(saved(archive, "rows_lstm.h5", tmp_path))
    named = json.dumps(model.get_config(), default=str)
    assert '"hard_sigmoid"' not in named
    assert "hard_sigmoid_of_keras_2" in named


def test_graphs_of_tensorflow_are_refused_with_the_way_in(tmp_path: Path) -> None:
    archive = FOLDER / "1.15.5.tar.xz"
    assert set(answers(archive)) >= GRAPHS
    with pytest.raises(UnsupportedModel) as caught:
        open_hdf5(saved(archive, "arithmetic.h5", tmp_path))
    assert caught.value.problem == "keras_2_operation_layer"
    assert "tf2onnx" in str(caught.value.hint)


def test_a_function_that_is_not_translated_is_named(tmp_path: Path) -> None:
    import h5py

    path = saved(FOLDER / "2.8.4.tar.xz", "arithmetic.h5", tmp_path)
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"]
        file.attrs["model_config"] = text.replace("math.truediv", "math.bessel_i0")
    with pytest.raises(UnsupportedModel) as caught:
        open_hdf5(path)
    assert caught.value.problem == "keras_2_operation_layer"
    assert "tf.math.bessel_i0" in str(caught.value)


def test_what_keras_says_last_is_in_the_error_with_the_version(tmp_path: Path) -> None:
    import h5py

    path = saved(FOLDER / "2.8.4.tar.xz", "conv_bn.h5", tmp_path)
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"]
        file.attrs["model_config"] = text.replace('"momentum"', '"no_such_setting": 3, "momentum"')
    with pytest.raises(UnsupportedModel) as caught:
        open_hdf5(path)
    assert caught.value.problem == "cannot_be_rebuilt"
    assert "no_such_setting" in str(caught.value)
    assert "saved with Keras 2.8.0" in str(caught.value)
    assert "tf2onnx.convert --keras" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["uint8.h5", "uint8_cast.h5", "nested.h5", "rescaling.h5"])
def test_an_old_file_is_an_image_classifier(name: str, tmp_path: Path) -> None:
    archive = FOLDER / "2.15.1.tar.xz"
    target = open_image_model(saved(archive, name, tmp_path), image_size=(8, 8))
    expected = np.array(answers(archive)[name])
    found = np.random.RandomState(7).randint(0, 256, (4, 8, 8, 3)) / np.float32(255)
    assert np.abs(target.probabilities(found) - expected).max() <= 1e-4


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_how_a_model_was_compiled_does_not_matter(name: str, tmp_path: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable("own")
    class OwnLoss(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return keras.ops.mean((y_true - y_pred) ** 2)

    inside = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3)])
    inside.compile(optimizer="adam", loss="mse", metrics=["mae"])
    model = keras.Sequential([keras.Input((4, 4, 1)), inside, keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss=OwnLoss(), metrics=["accuracy"])
    model.fit(np.zeros((2, 4, 4, 1)), np.zeros((2, 3)), verbose=0)
    model.save(tmp_path / name)
    opened = (open_archive if name.endswith("keras") else open_hdf5)(tmp_path / name)
    images = np.random.default_rng(0).random((5, 4, 4, 1), dtype=np.float32)
    assert np.allclose(opened.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-6)
