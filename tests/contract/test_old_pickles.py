"""Models saved by scikit-learn 0.24 to today's answer as their own version did."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier

from leakgauge.targets.sklearn_pickle import load_model
from leakgauge.targets.sklearn_target import SklearnTarget

FOLDER = Path(__file__).parent.parent / "data" / "pickles"
ARCHIVES = sorted(FOLDER.glob("*.zip"))
REQUIRED = {
    "tree.pkl",
    "forest.pkl",
    "ada_boost.pkl",
    "gradient_boosting.pkl",
    "gradient_boosting_binary.pkl",
}


def _make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pickles", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE = _make()


def _cases() -> list[Any]:
    cases = []
    for archive in ARCHIVES:
        with zipfile.ZipFile(archive) as opened:
            files = json.loads(opened.read("probabilities.json"))
        cases += [pytest.param(archive, file, id=f"{archive.stem}-{file}") for file in files]
    return cases


def _extract(archive: Path, file: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    with zipfile.ZipFile(archive) as opened:
        (folder / file).write_bytes(opened.read(file))
        return folder / file, json.loads(opened.read("probabilities.json"))[file]


def test_the_versions_and_kinds_that_must_be_there() -> None:
    assert {archive.stem for archive in ARCHIVES} == {
        "0.24.2", "1.0.2", "1.1.3", "1.2.2", "1.3.2", "1.5.2", "1.7.2"
    }  # fmt: skip
    for archive in ARCHIVES:
        with zipfile.ZipFile(archive) as opened:
            assert set(opened.namelist()) >= REQUIRED
    assert sum(archive.stat().st_size for archive in ARCHIVES) < 600_000


@pytest.mark.parametrize(("archive", "file"), _cases())
def test_an_old_model_answers_as_its_own_version_did(archive: Path, file: str, tmp_path: Path) -> None:
    path, expected = _extract(archive, file, tmp_path)
    loaded = load_model(path)
    x, _ = MAKE.data(expected["binary"])
    answers = SklearnTarget(loaded.estimator).probabilities(x[::5])
    np.testing.assert_allclose(answers, expected["probabilities"], rtol=0, atol=1e-9)
    assert loaded.saved_by == archive.stem
    warning, *remarks = loaded.warnings
    assert len(remarks) == ("radius_neighbors" in file)
    assert archive.stem in warning
    assert sklearn.__version__ in warning


@pytest.fixture(scope="module")
def todays(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("today")
    return folder, MAKE.write(folder)


@pytest.mark.parametrize("name", sorted(MAKE.kinds()))
def test_todays_model_answers_as_it_did(name: str, todays: tuple[Path, dict[str, Any]]) -> None:
    folder, expected = todays
    file = f"{name}.joblib" if name in MAKE.JOBLIB_COMPRESSIONS else f"{name}.pkl"
    loaded = load_model(folder / file)
    x, _ = MAKE.data(expected[file]["binary"])
    answers = SklearnTarget(loaded.estimator).probabilities(x[::5])
    np.testing.assert_allclose(answers, expected[file]["probabilities"], rtol=0, atol=1e-9)
    assert len(loaded.warnings) == (name == "radius_neighbors")
    assert loaded.saved_by == sklearn.__version__


def test_the_upgrade_is_needed(tmp_path: Path) -> None:
    """Were today's version to read the old file by itself, the answers would be wrong without a word."""
    archive = FOLDER / "1.3.2.zip"
    path, expected = _extract(archive, "ada_boost.pkl", tmp_path)
    model = load_model(path).estimator
    x, _ = MAKE.data(expected["binary"])
    model.__class__ = AdaBoostClassifier
    assert np.abs(model.predict_proba(x[::5]) - expected["probabilities"]).max() > 0.01


@pytest.mark.parametrize(
    "file", ["ada_boost.pkl", "logistic_one_vs_rest.pkl", "gradient_boosting_binary.pkl"]
)
def test_a_clone_of_an_old_model_fits_and_answers_as_todays(file: str, tmp_path: Path) -> None:
    path, expected = _extract(FOLDER / "1.2.2.zip", file, tmp_path)
    model = load_model(path).estimator
    x, y = MAKE.data(expected["binary"])
    twin = clone(model)
    for name in ("algorithm", "multi_class"):
        assert name not in twin.get_params()
    answers = twin.fit(x, y).predict_proba(x)
    today = type(model).__mro__[1] if file != "logistic_one_vs_rest.pkl" else type(model).__mro__[2]
    reference = today(**model.get_params()).fit(x, y).predict_proba(x)
    np.testing.assert_allclose(answers, reference, rtol=0, atol=1e-12)
