"""The lines that refusals give, run as they stand: what they export is audited."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases import CASES, audited, refusal
from table_bundles import table_bundle

from leakgauge.report.model import MembershipReport
from leakgauge.targets.exports import KERAS, KERAS_FOLDER, SAVED_MODEL, TORCH, WITH_KERAS, WITH_TORCH

pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
TABLE = pd.DataFrame(X, columns=list("abcd")).assign(label=Y)


def report_on(folder: Path, model: Path | bytes, name: str = "model.onnx") -> MembershipReport:
    return audited(
        table_bundle(folder / "bundle", model, TABLE[:100], TABLE[100:], name=name), attacks=["gap", "loss"]
    )


def torch_network() -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(16, 3)
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(100):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.tensor(X)), torch.tensor(Y)).backward()
        optimiser.step()
    return model


def run_torch_line(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **names: Any) -> Path:
    """What the line writes, with the number of columns where it asks for it."""
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(folder)
    exec(line.replace("COLUMNS", "4"), {"torch": torch, **names})
    return folder / "model.onnx"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["whole", "weights", "script", "trace"])
def test_what_pytorch_saved_is_refused_with_a_line_that_works(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch, model = pytest.importorskip("torch"), torch_network()
    save = {
        "whole": lambda path: torch.save(model, path),
        "weights": lambda path: torch.save(model.state_dict(), path),
        "script": lambda path: torch.jit.script(model).save(path),
        "trace": lambda path: torch.jit.trace(model.eval(), torch.zeros(1, 4)).save(path),
    }
    path = tmp_path / "model.pt"
    save[form](path)
    for name in ("model.pt", "model.pth", "model.pkl"):
        folder = table_bundle(tmp_path / "bundles" / name, path, TABLE[:100], TABLE[100:], name=name)
        error = refusal(folder)
        assert error.code == "unsupported_model.not_a_model"
        assert error.hint == WITH_TORCH
    line = TORCH.format(model="model")
    assert line in WITH_TORCH
    if form in ("script", "trace"):
        monkeypatch.chdir(tmp_path)
        assert 'model = torch.jit.load("model.pt")' in WITH_TORCH
        names: dict[str, Any] = {"torch": torch}
        exec('model = torch.jit.load("model.pt")', names)
        model = names["model"]
    elif form == "weights":
        monkeypatch.chdir(tmp_path)
        assert 'model.load_state_dict(torch.load("model.pt"))' in WITH_TORCH
        exec('model.load_state_dict(torch.load("model.pt"))', {"torch": torch, "model": model})
    exported = run_torch_line(line, tmp_path, monkeypatch, model=model)
    report = report_on(tmp_path, exported)
    answers = model.eval()(torch.tensor(X[:100])).argmax(dim=1).numpy()
    assert report.target.train_accuracy.value == pytest.approx((answers == Y[:100]).mean())
    assert any("logits" in notice.message for notice in report.warnings)


@pytest.mark.slow
def test_the_line_for_skorch_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library itself: the line takes the network that its classifier keeps as `module_`."""
    error = refusal(CASES / "models" / "skorch_pickle.zip")
    line = TORCH.format(model="model.module_")
    assert line in error.hint

    class Net:
        module_ = torch_network()

    report = report_on(tmp_path, run_torch_line(line, tmp_path, monkeypatch, model=Net()))
    assert report.target.type == "ONNX graph"


def keras_network() -> Any:
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    model.fit(X, Y, epochs=3, verbose=0)
    return model


def keras_network_that_keeps_values() -> Any:
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    scale, find = keras.layers.Normalization(), keras.layers.StringLookup(output_mode="one_hot")
    scale.adapt(X[:, :3])
    find.adapt(np.array(["1", "2"]))
    numbers = keras.Input((3,), name="numbers")
    text = keras.Input((1,), name="text", dtype="string")
    joined = keras.layers.Concatenate()([scale(numbers), find(text)])
    return keras.Model([numbers, text], keras.layers.Dense(3, activation="softmax")(joined))


def alike(one: MembershipReport, other: MembershipReport) -> None:
    assert one.target.train_accuracy == other.target.train_accuracy
    for first, second in zip(one.attacks, other.attacks, strict=True):
        assert first.metrics.auc.value == pytest.approx(second.metrics.auc.value, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("loaded", [False, True])
def test_the_line_for_keras_works(loaded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    model = keras_network()
    monkeypatch.chdir(tmp_path)
    model.save("model.keras")
    if loaded:
        model = keras.saving.load_model("model.keras")
        assert "model.predict(x[:1])" in WITH_KERAS
        model.predict(X[:1], verbose=0)
    exec(KERAS.format(model="model"), {"model": model})
    of_keras = report_on(tmp_path / "keras", tmp_path / "model.keras", "model.keras")
    alike(report_on(tmp_path, tmp_path / "model.onnx"), of_keras)


@pytest.mark.slow
def test_both_steps_for_keras_layers_that_keep_values_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = keras_network_that_keeps_values()
    monkeypatch.chdir(tmp_path)
    model.save("model.keras")
    exec(KERAS_FOLDER.format(model="model"), {"model": model})
    command = [sys.executable, *SAVED_MODEL.split()[1:]]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=os.environ)
    table = TABLE[["a", "b", "c"]].assign(text=np.where(TABLE["d"] > 0, "1", "other"), label=Y)
    sides = table[:100], table[100:]
    of_graph = audited(table_bundle(tmp_path / "a", tmp_path / "model.onnx", *sides), attacks=["gap", "loss"])
    of_keras = audited(
        table_bundle(tmp_path / "b", tmp_path / "model.keras", *sides, name="model.keras"),
        attacks=["gap", "loss"],
    )
    alike(of_graph, of_keras)


@pytest.mark.slow
def test_a_graph_that_lost_what_its_layers_kept_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    scale = keras.layers.Normalization()
    scale.adapt(X)
    model = keras.Sequential([keras.Input((4,)), scale, keras.layers.Dense(3, activation="softmax")])
    model.predict(X[:1], verbose=0)
    monkeypatch.chdir(tmp_path)
    exec(KERAS.format(model="model"), {"model": model})
    error = refusal(table_bundle(tmp_path / "b", tmp_path / "model.onnx", TABLE[:100], TABLE[100:]))
    assert error.problem == "onnx_lost_constants"
    assert SAVED_MODEL in error.hint
