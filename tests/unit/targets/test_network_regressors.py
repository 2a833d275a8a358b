"""Networks and graphs that predict one number: told by the labels, asked, and audited."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import helper
from onnx_tables import graph, network, value
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from tests.support.cases import audited, refusal

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.tables.regressor import NetworkRegressor

FEATURES = 4
ATTACKS = ["gap", "loss", "learned_rf", "rmia", "leaf_counts"]
WEIGHTS = np.array([[2.0], [-1.0], [0.5], [0.0]], dtype=np.float32)


def rows(n: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a noisy number to predict."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, FEATURES)).astype(np.float32)
    return x, (2.0 * x[:, 0] - x[:, 1] + rng.normal(size=n)).round(3)


def bundle(folder: Path, name: str, content: bytes, y: Any = None, label: str = "label") -> Path:
    x, own = rows()
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    table = pd.DataFrame(x, columns=[f"f{place}" for place in range(FEATURES)])
    table[label] = own if y is None else y
    half = len(x) // 2
    table.iloc[:half].to_csv(folder / "train.csv", index=False)
    table.iloc[half:].to_csv(folder / "test.csv", index=False)
    return folder


def exported(model: Any) -> bytes:
    skl2onnx = pytest.importorskip("skl2onnx")
    x, _ = rows()
    content: bytes = skl2onnx.to_onnx(model, x[:1]).SerializeToString()
    return content


MODELS = {
    "forest": RandomForestRegressor(15, random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=15, random_state=0),
    "line": LinearRegression(),
    "scaled SVR": make_pipeline(StandardScaler(), SVR()),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_a_regressor_that_was_exported_is_audited_by_its_errors(model, tmp_path):
    x, y = rows()
    half = len(x) // 2
    model.fit(x[:half], y[:half])
    report = audited(bundle(tmp_path / "b", "model.onnx", exported(model)), attacks=ATTACKS, proportions=[90])
    own = model.predict(x[:half].astype(np.float64))
    assert report.target.errors is not None
    assert report.target.errors.train_rmse.value == pytest.approx(
        np.sqrt(np.mean((own - y[:half]) ** 2)), rel=0.02
    )
    outcomes = {attack.name: attack.status for attack in report.attacks}
    assert outcomes == dict.fromkeys(("gap", "loss", "learned_rf"), "measured") | dict.fromkeys(
        ("rmia", "leaf_counts"), "not_applicable"
    )
    assert {attack.threat_model for attack in report.attacks} >= {"predictions"}
    assert [warning.code for warning in report.warnings].count("read_as_regressor") == 1


def test_an_exported_forest_that_learned_its_records_by_heart_is_found(tmp_path):
    x, y = rows()
    model = RandomForestRegressor(15, bootstrap=False, random_state=0).fit(x[:120], y[:120])
    report = audited(bundle(tmp_path / "b", "model.onnx", exported(model)), attacks=["loss"])
    assert report.verdict.severity.value in {"high", "critical"}


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (lambda y: y, "numbers"),
        (lambda y: (y > 0).astype(int), "classes"),
        (lambda y: np.where(y > 0, "1", "0.0"), "classes"),
        (lambda y: np.clip(y.round(), 0, 3).astype(int), "numbers"),
        (lambda y: np.where(y > 0, "7", "0"), "numbers"),
    ],
)
def test_the_labels_tell_a_logit_from_a_number(labels: Callable[[Any], Any], kind, tmp_path):
    report = audited(
        bundle(tmp_path / "b", "model.onnx", network(WEIGHTS, ending=None), labels(rows()[1])),
        attacks=["gap", "loss"],
    )
    assert (report.target.errors is not None) == (kind == "numbers")
    assert bool(report.target.classes) == (kind == "classes")


def test_words_are_still_told_to_be_no_classes_of_a_network(tmp_path):
    y = np.where(rows()[1] > 0, "yes", "no")
    error = refusal(bundle(tmp_path / "b", "model.onnx", network(WEIGHTS, ending=None), y))
    assert error.problem == "unknown_labels"


def test_a_label_column_of_another_name_is_found(tmp_path):
    folder = bundle(tmp_path / "b", "model.onnx", network(WEIGHTS, ending=None), label="price")
    assert audited(folder, label_column="price", attacks=["loss"]).target.errors is not None
    assert audited(folder, attacks=["loss"]).target.errors is not None


def test_several_scores_stay_a_classifier(tmp_path):
    (tmp_path / "model.onnx").write_bytes(network(np.ones((FEATURES, 3), dtype=np.float32)))
    target: Any = open_table_model(tmp_path / "model.onnx")
    assert target.predicting_numbers() is None


def regressor(content: bytes, folder: Path) -> NetworkRegressor:
    (folder / "model.onnx").write_bytes(content)
    target: Any = open_table_model(folder / "model.onnx")
    found = target.predicting_numbers()
    assert isinstance(found, NetworkRegressor)
    return found


def divided(shape: list[int | None]) -> bytes:
    """The first column over the second, whatever that comes to."""
    nodes = [
        helper.make_node("Split", ["x"], ["a", "b"], axis=1),
        helper.make_node("Div", ["a", "b"], ["y"]),
    ]
    return graph(nodes, [value("x", [None, 2])], [value("y", shape)])


@pytest.mark.parametrize("shape", [[None, 1], [None, None]])
def test_answers_that_are_no_numbers_are_refused_by_name(shape, tmp_path):
    target = regressor(divided(shape), tmp_path)
    assert target.predictions(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [0.5, 0.75]
    assert target.queries == 2
    for row, problem in (((1.0, 0.0), "not_finite"), ((0.0, 0.0), "outputs_not_finite")):
        with pytest.raises(UnsupportedModel) as caught:
            target.predictions(np.array([row, (1.0, 1.0)]))
        assert caught.value.problem == problem
    with pytest.raises(UnsupportedModel) as caught:
        target.predictions(np.array([[np.nan, 1.0]]))
    assert caught.value.problem == "prediction_failed"
    for asked in (target.labels, target.probabilities):
        with pytest.raises(UnsupportedModel, match="numbers"):
            asked(np.ones((1, 2)))
    assert target.predictions(np.empty((0, 2))).shape == (0,)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_regressor_of_keras_is_audited(suffix, tmp_path):
    x, y = rows()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TensorFlow's own imports, and of Keras about its older format
        keras = pytest.importorskip("keras")
        model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(1)])
        model.layers[0].set_weights([WEIGHTS, np.zeros(1)])
        model.save(tmp_path / f"model{suffix}")
    content = (tmp_path / f"model{suffix}").read_bytes()
    report = audited(bundle(tmp_path / "b", f"model{suffix}", content), attacks=["gap", "loss"])
    half = len(x) // 2
    own = (x[:half] @ WEIGHTS)[:, 0]
    assert report.target.errors is not None
    assert report.target.errors.train_rmse.value == pytest.approx(
        np.sqrt(np.mean((own - y[:half]) ** 2)), rel=1e-3
    )
    assert report.target.type == "Sequential"
