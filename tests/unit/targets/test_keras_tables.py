"""Keras classifiers of table rows answer as Keras does, and their files keep the walls of safe mode."""

from __future__ import annotations

import io
import json
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases import CASES, audited, refusal
from onnx_tables import network
from table_bundles import table_bundle

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow's own imports warn about is not ours to fix
    import keras

from leakgauge.errors import LeakgaugeError, UnsafeModel, UnsupportedModel
from leakgauge.report.model import NotApplicable
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.tables.target import NetworkTarget

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

layers = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 4)).astype(np.float32)
PEOPLE = pd.DataFrame(
    {
        "city": RNG.choice(["oslo", "rome", "wien"], 100),
        "age": RNG.integers(18, 90, 100).astype(float),
        "code": RNG.integers(0, 5, 100),
    }
)


def opened(model: Any, folder: Path, suffix: str = ".keras") -> NetworkTarget:
    path = folder / f"model{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras about its older format
        model.save(path)
    target = open_table_model(path)
    assert isinstance(target, NetworkTarget)
    return target


def stack(*parts: Any, shape: tuple[int | None, ...] = (4,), **entry: Any) -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape, **entry), *parts])


def settled(target: NetworkTarget, x: Any = X) -> NetworkTarget:
    return target.reading_scores(x, np.zeros(len(x), dtype=np.int64))


def of_people(vocabulary: list[str] | None, *, by_name: bool = False) -> Any:
    """An input for each column of `PEOPLE`, in another order, each with a layer that encodes it."""
    keras.utils.set_random_seed(0)
    age, code = keras.Input((1,), name="age"), keras.Input((1,), name="code", dtype="int64")
    city = keras.Input((1,), name="city", dtype="string")
    scale, find = layers.Normalization(), layers.StringLookup(output_mode="one_hot", vocabulary=vocabulary)
    scale.adapt(PEOPLE[["age"]].to_numpy())
    if vocabulary is None:
        find.adapt(PEOPLE[["city"]].to_numpy(dtype=str))
    flags = layers.CategoryEncoding(num_tokens=5, output_mode="one_hot")(code)
    joined = layers.Concatenate()([scale(age), find(city), flags])
    inputs = {"age": age, "code": code, "city": city} if by_name else [age, code, city]
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(joined))


@pytest.mark.parametrize(("suffix", "activation"), [(".keras", "softmax"), (".h5", None)])
def test_it_answers_as_keras_does(suffix: str, activation: str | None, tmp_path: Path) -> None:
    model = stack(layers.Dense(8, activation="gelu"), layers.Dense(3, activation=activation))
    target = settled(opened(model, tmp_path, suffix))
    expected = keras.ops.convert_to_numpy(model(X) if activation else keras.activations.softmax(model(X)))
    assert np.allclose(target.probabilities(X), expected, atol=1e-5)
    assert bool(target.remarks) == (activation is None)
    assert target.type_name == "Sequential"
    assert target.n_features == 4


def test_one_sigmoid_and_a_sigmoid_for_each_class(tmp_path: Path) -> None:
    one = stack(layers.Dense(1, activation="sigmoid"))
    target = settled(opened(one, tmp_path))
    assert np.allclose(target.probabilities(X)[:, 1:], keras.ops.convert_to_numpy(one(X)), atol=1e-6)
    several = settled(opened(stack(layers.Dense(3, activation="sigmoid")), tmp_path))
    assert np.allclose(several.probabilities(X).sum(axis=1), 1.0)
    assert "sigmoid for each class" in several.remarks[0]


@pytest.mark.parametrize(
    ("vocabulary", "suffix", "by_name"), [(None, ".keras", True), (["oslo", "rome"], ".h5", False)]
)
def test_an_input_for_each_column_with_the_layers_that_encode_it(
    by_name: bool, vocabulary: list[str] | None, suffix: str, tmp_path: Path
) -> None:
    model = of_people(vocabulary, by_name=by_name)
    target = opened(model, tmp_path, suffix)
    assert sorted(target.feature_names) == ["age", "city", "code"]
    kinds = dict(zip(target.feature_names, target.input_columns(3).columns, strict=True))
    assert (kinds["city"].kind, kinds["age"].kind, kinds["code"].is_whole) == ("text", "numbers", True)
    found = settled(target, target.as_input(PEOPLE)).probabilities(target.as_input(PEOPLE))
    feeds = {
        "age": PEOPLE[["age"]].to_numpy(),
        "code": PEOPLE[["code"]].to_numpy(),
        "city": PEOPLE[["city"]].to_numpy(dtype=str),
    }
    feeds = {name: keras.ops.convert_to_tensor(values) for name, values in feeds.items()}
    expected = model(feeds if by_name else list(feeds.values()))
    assert np.allclose(found, keras.ops.convert_to_numpy(expected), atol=1e-5)


def test_a_fixed_number_of_rows_is_asked_for_in_such_parts(tmp_path: Path) -> None:
    model = stack(layers.Dense(3, activation="softmax"), batch_size=8)
    answers = settled(opened(model, tmp_path)).probabilities(X)
    assert np.allclose(answers[:8], keras.ops.convert_to_numpy(model(X[:8])), atol=1e-5)
    assert answers.shape == (100, 3)


def test_a_bundle_is_audited(tmp_path: Path) -> None:
    report = audited(CASES / "models" / "keras_tabular_csv.zip", attacks=["gap", "loss", "rmia"])
    assert report.target.type == "Sequential"
    assert report.target.classes == ("0", "1")
    assert report.target.train_accuracy.value == pytest.approx(0.41)  # as the network itself answers
    assert {"keras", "tensorflow-cpu"} <= set(report.versions)
    reasons = {attack.name: attack.reason for attack in report.attacks if isinstance(attack, NotApplicable)}
    assert "fit=" in reasons["rmia"]


@pytest.mark.parametrize("missing", ["keras", "tensorflow", "h5py"])
def test_where_keras_is_not_installed_the_export_is_told(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    error = refusal(CASES / "models" / "keras_tabular_csv.zip")
    assert error.code == "unsupported_model.keras_not_installed"
    assert 'model.export("model.onnx", format="onnx")' in error.hint


# --- the walls ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    of_people(["oslo"]).save(path)
    return path


def changed(saved: Path, folder: Path, change: Callable[[dict[str, Any]], None], **members: bytes) -> Path:
    """A saved model with its configuration changed, and further members in the archive."""
    path = folder / "model.keras"
    content = io.BytesIO()
    with zipfile.ZipFile(saved) as read, zipfile.ZipFile(content, "w") as written:
        for name in read.namelist():
            data = read.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            written.writestr(name, data)
        for name, data in members.items():
            written.writestr(name, data)
    path.write_bytes(content.getvalue())
    return path


def lookups(config: dict[str, Any]) -> dict[str, Any]:
    (found,) = [layer for layer in config["config"]["layers"] if layer["class_name"] == "StringLookup"]
    return found


VOCABULARIES: list[Any] = [
    "/etc/passwd",
    "file:///etc/passwd",
    {"class_name": "__numpy__", "config": {}},
    ["oslo", ["rome"]],
    [{"class_name": "__tensor__"}],
]


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=str)
def test_a_vocabulary_in_another_file_is_refused(vocabulary: Any, saved: Path, tmp_path: Path) -> None:
    path = changed(saved, tmp_path, lambda config: lookups(config)["config"].update(vocabulary=vocabulary))
    with pytest.raises(UnsafeModel) as caught:
        open_table_model(path)
    assert caught.value.problem == "keras_vocabulary_file"


def test_layers_that_encode_columns_come_from_keras_alone(saved: Path, tmp_path: Path) -> None:
    path = changed(saved, tmp_path, lambda config: lookups(config).update(module="os", registered_name="x"))
    with pytest.raises(UnsafeModel) as caught:
        open_table_model(path)
    assert caught.value.problem == "foreign_module"


@pytest.mark.parametrize(
    "member",
    [
        "assets/../../vocabulary.txt",
        "assets/x/other.txt",
        "assets/vocabulary.txt",
        "/assets/x/vocabulary.txt",
    ],
)
def test_nothing_but_vocabularies_comes_along(member: str, saved: Path, tmp_path: Path) -> None:
    path = changed(saved, tmp_path, lambda config: None, **{member: b"a\n"})
    with pytest.raises(UnsupportedModel) as caught:
        open_table_model(path)
    assert caught.value.problem == "keras_extra_members"


def test_a_vocabulary_that_unpacks_without_end_is_refused(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(saved.read_bytes())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/layers/more/vocabulary.txt", bytes(65 * 1024**2))
    with pytest.raises(LeakgaugeError) as caught:
        open_table_model(path)
    assert caught.value.code == "limit_exceeded.keras_member_too_large"


def lambda_layer(config: dict[str, Any]) -> None:
    config["config"]["layers"].append(
        {
            "class_name": "Lambda",
            "module": "keras.layers",
            "config": {"name": "evil"},
            "registered_name": None,
        }
    )


def test_a_lambda_layer_is_refused(saved: Path, tmp_path: Path) -> None:
    path = changed(saved, tmp_path, lambda_layer)
    with pytest.raises(UnsafeModel) as caught:
        open_table_model(path)
    assert caught.value.problem == "lambda_layer"


def test_a_file_that_lost_its_vocabulary_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel) as caught:
        opened(of_people(None), tmp_path, ".h5")
    assert caught.value.problem == "keras_vocabulary_missing"


def test_texts_are_cut_before_the_audit(tmp_path: Path) -> None:
    model = stack(
        layers.TextVectorization(vocabulary=["a", "b"], output_mode="multi_hot"),
        layers.Dense(2, activation="softmax"),
        shape=(1,),
        dtype="string",
    )
    with pytest.raises(UnsupportedModel) as caught:
        opened(model, tmp_path)
    assert caught.value.problem == "text_model"


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (lambda: stack(layers.Flatten(), layers.Dense(3), shape=(8, 8, 1)), "not_a_table_model"),
        (lambda: stack(layers.Reshape((2, 2))), "not_a_classifier"),
        (lambda: stack(layers.Dense(20_000)), "too_many_classes"),
        (lambda: stack(layers.Dense(3, activation="softmax"), batch_size=50_000), "keras_fixed_batch"),
        (
            lambda: keras.Model(entry := keras.Input((4,)), [layers.Dense(2)(entry), layers.Dense(3)(entry)]),
            "several_outputs",
        ),
    ],
)
def test_what_is_no_classifier_of_rows_is_refused_by_name(
    model: Callable[[], Any], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(LeakgaugeError) as caught:
        opened(model(), tmp_path)
    assert caught.value.problem == problem
    assert caught.value.hint


def test_weights_that_are_no_number_are_told(tmp_path: Path) -> None:
    model = stack(layers.Dense(3, activation="softmax"))
    model.layers[-1].set_weights([np.full((4, 3), np.nan), np.zeros(3)])
    with pytest.raises(UnsupportedModel) as caught:
        settled(opened(model, tmp_path))
    assert caught.value.problem == "outputs_not_finite"


def test_a_number_that_an_embedding_does_not_know_is_a_prediction_that_failed(tmp_path: Path) -> None:
    table = pd.DataFrame({"code": RNG.permutation(100), "label": RNG.integers(0, 3, 100)})
    table.loc[3, "code"] = 999
    model = stack(layers.Embedding(100, 2), layers.Flatten(), layers.Dense(3), shape=(1,), dtype="int64")
    path = tmp_path / "model.keras"
    model.save(path)
    bundle = table_bundle(tmp_path / "b", path, table[:50], table[50:], name="model.keras")
    assert refusal(bundle).problem == "prediction_failed"


def test_an_onnx_file_that_is_called_keras_is_read_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(network(RNG.normal(size=(4, 3))))
    assert open_table_model(path).type_name == "ONNX graph"
