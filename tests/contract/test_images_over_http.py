"""Networks through the doors of the membership audit, with Keras installed and without."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import keras
import pytest
from bundle_files import laid_out, zipped
from cases import CASES
from doors import as_training_job, by_command_line, run_training_job
from image_bundles import CLASSES, SIDE, N, arrays, bundle, folders, onnx_model, weights
from served import ROOT, Server, running

# What the membership image does not hold; see tests/images/test_contents.py for the image itself.
WITHOUT_KERAS = """
import sys
sys.modules |= dict.fromkeys(("keras", "tensorflow", "h5py", "tf2onnx", "skimage"))
"""
FIGURES = ("verdict", "attacks", "table", "slices", "records", "warnings")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    """The membership service as in its image, where nothing of Keras can be imported."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "path").mkdir()
    (folder / "path" / "sitecustomize.py").write_text(WITHOUT_KERAS)
    paths = (folder / "path", ROOT / "src", ROOT / "tests" / "support")
    environment = {"PYTHONPATH": ":".join(map(str, paths)), "LEAKGAUGE_AUDIT": "membership"}
    with running(folder, app=None, **environment) as up:
        yield up


def keras_files(folder: Path) -> dict[str, bytes]:
    """The classifier of `image_bundles` in both forms that Keras writes, by name."""
    matrix, offsets = weights()
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.layers[-1].set_weights([matrix, offsets])
    names = ("model.keras", "model.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras's own way with NumPy, and of its older format
        for name in names:
            model.save(folder / name)
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def in_keras(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return keras_files(tmp_path_factory.mktemp("keras"))


def test_every_door_gives_the_same_report_of_an_onnx_classifier(server: Server, tmp_path: Path) -> None:
    sent = zipped(bundle())
    source = tmp_path / "bundle.zip"
    source.write_bytes(sent)
    first = server.invoke(sent, Accept="application/json").body
    assert json.loads(first)["target"]["members"] == N
    # with Keras installed, and without
    assert (by_command_line(source, tmp_path / "cli") / "report.json").read_bytes() == first
    model, log = as_training_job(source, tmp_path / "ml", LEAKGAUGE_AUDIT="membership")
    assert (model / "report.json").read_bytes() == first
    assert (model / "output.csv").exists()
    assert "attack_accuracy=" in log


def test_images_in_folders_are_served(server: Server) -> None:
    reply = server.invoke(zipped({"model.onnx": onnx_model(), **folders()}), Accept="text/csv")
    assert reply.status == 200, reply.body
    assert reply.body.startswith(b"Percentage Data,")


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_where_keras_is_not_installed_its_owner_learns_how_to_export(
    server: Server, in_keras: dict[str, bytes], name: str
) -> None:
    reply = server.invoke(zipped({name: in_keras[name], **arrays()}))
    assert (reply.status, reply.code) == (422, "unsupported_model.keras_not_installed")
    assert 'model.export("model.onnx", format="onnx")' in reply.json["error"]["hint"]


def test_networks_on_tables_are_audited_as_onnx_and_told_how_to_become_that(server: Server) -> None:
    models = CASES / "models"
    audited = server.invoke((models / "skl2onnx_csv.zip").read_bytes(), Accept="application/json")
    assert json.loads(audited.body)["target"]["type"] == "ONNX graph"
    refused = server.invoke((models / "keras_tabular_csv.zip").read_bytes())
    assert (refused.status, refused.code) == (422, "unsupported_model.keras_not_installed")
    assert "tf2onnx.convert --saved-model" in refused.json["error"]["hint"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's own way with NumPy
def test_the_command_line_unpacks_the_vocabularies_of_a_keras_network(tmp_path: Path) -> None:
    """In the locked-down process, where little may be written."""
    find = keras.layers.StringLookup(output_mode="one_hot")
    find.adapt(["oslo", "rome"])
    entry = keras.Input((1,), dtype="string")
    model = keras.Model(entry, keras.layers.Dense(2, activation="softmax")(find(entry)))
    model.save(tmp_path / "model.keras")
    table = "".join(f"{city}{number},{number % 2}\n" for number in range(40) for city in ("oslo", "x"))
    files = {"model.keras": (tmp_path / "model.keras").read_bytes()}
    files |= {name: f"city,label\n{table}".encode() for name in ("train_mia.csv",)}
    files["test_mia.csv"] = files["train_mia.csv"].replace(b"x", b"rome")
    files["parameters.json"] = json.dumps({"attacks": ["gap", "loss"]}).encode()
    report = by_command_line(laid_out(files, tmp_path / "bundle"), tmp_path / "report")
    assert json.loads((report / "report.json").read_bytes())["target"]["type"] == "Functional"


@pytest.mark.slow
def test_the_command_line_takes_the_keras_file_and_finds_what_it_finds_in_the_onnx_file(
    in_keras: dict[str, bytes], tmp_path: Path
) -> None:
    files = bundle(model__onnx=None)
    found = {}
    for name, content in (("model.keras", in_keras["model.keras"]), ("model.onnx", onnx_model())):
        folder = laid_out({name: content, **files}, tmp_path / name)
        report = by_command_line(folder, tmp_path / f"report of {name}")
        found[name] = json.loads((report / "report.json").read_bytes())
    keras_report, onnx_report = found.values()
    assert keras_report["target"]["type"] == "Sequential"
    assert "keras" in keras_report["versions"]
    for part in FIGURES:
        assert keras_report[part] == onnx_report[part], part


def test_an_installation_for_inversion_sends_image_sets_elsewhere(tmp_path: Path) -> None:
    source = tmp_path / "bundle.zip"
    source.write_bytes(zipped(bundle()))
    done = run_training_job(source, tmp_path / "ml", LEAKGAUGE_AUDIT="inversion")
    assert done.returncode != 0
    assert "leakgauge-membership" in (tmp_path / "ml" / "output" / "failure").read_text()
