"""Models saved by scikit-learn 0.24 to today's answer as their own version did."""

from __future__ import annotations

import importlib.util
import json
import pickle
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.special
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import KernelPCA
from sklearn.ensemble import AdaBoostClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

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
    today: Any = next(kind for kind in type(model).__mro__ if kind.__module__.startswith("sklearn."))
    reference = today(**model.get_params()).fit(x, y).predict_proba(x)
    np.testing.assert_allclose(answers, reference, rtol=0, atol=1e-12)


def _as_earlier(model: Any, version: str) -> bytes:
    """A pickle of today's model that says an earlier version saved it."""
    current = sklearn.__version__.encode()
    return pickle.dumps(model).replace(
        b"\x8c" + bytes([len(current)]) + current, b"\x8c" + bytes([len(version)]) + version.encode()
    )


def test_document_frequencies_of_before_1_5_are_carried_over(tmp_path: Path) -> None:
    """Until then a diagonal matrix held them; today's version would weigh nothing, without a word."""
    texts = ["good film good", "bad film", "good play", "bad bad play"] * 3
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0] * 3)
    expected = model.predict_proba(texts)
    weights = model[0]._tfidf.idf_
    vars(model[0]._tfidf).update(_idf_diag=sparse.diags(weights, format="csr"))
    del vars(model[0]._tfidf)["idf_"]
    (tmp_path / "model.pkl").write_bytes(_as_earlier(model, "1.2.2"))
    np.testing.assert_array_equal(load_model(tmp_path / "model.pkl").estimator.predict_proba(texts), expected)


def test_a_kernels_width_of_before_1_3_is_carried_over(tmp_path: Path) -> None:
    x, y = MAKE.data(True)
    x = np.asarray(x, dtype=float)
    model = make_pipeline(KernelPCA(3, kernel="rbf"), LogisticRegression()).fit(x, y)
    expected = model.predict_proba(x)
    del vars(model[0])["gamma_"]
    (tmp_path / "model.pkl").write_bytes(_as_earlier(model, "1.2.2"))
    np.testing.assert_array_equal(load_model(tmp_path / "model.pkl").estimator.predict_proba(x), expected)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("cpandas.core.indexes.numeric\nInt64Index\n", [0, 1]),
        ("cpandas.core.indexes.numeric\nUInt64Index\n", [0, 1]),
        ("cpandas.core.indexes.base\nIndex\n", [0, 1]),
        ("cpandas\nIndex\n", [0, 1]),
    ],
)
def test_columns_in_a_pandas_index_are_a_list(labels: str, expected: list[int], tmp_path: Path) -> None:
    data = pickle.dumps(np.array(expected), 2)[2:-1]
    body = b"\x80\x02cpandas.core.indexes.base\n_new_Index\n" + labels.encode() + b"}X\x04\x00\x00\x00data"
    (tmp_path / "model.pkl").write_bytes(body + data + b"s\x86R.")
    assert load_model(tmp_path / "model.pkl").estimator == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((0, 3, 1), [0, 1, 2]),
        ((4, 0, -2), [4, 2]),
        ((0, 10**12, 1), None),
        ((0, 3, 0), None),
        (("a", 3, 1), None),
    ],
)
def test_a_range_of_columns_is_a_short_list(numbers: Any, expected: Any, tmp_path: Path) -> None:
    state = dict(zip(("start", "stop", "step"), numbers, strict=True))
    kind = b"cpandas.core.indexes.range\nRangeIndex\n"
    body = b"\x80\x02cpandas.core.indexes.base\n_new_Index\n" + kind + pickle.dumps(state, 2)[2:-1]
    (tmp_path / "model.pkl").write_bytes(body + b"\x86R.")
    if expected is None:
        with pytest.raises(UnsupportedModel):
            load_model(tmp_path / "model.pkl")
    else:
        assert load_model(tmp_path / "model.pkl").estimator == expected


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("numpy", np.log1p),
        ("numpy.core._multiarray_umath", np.log1p),
        ("numpy.core.umath", np.log1p),
        ("scipy.special._ufuncs", scipy.special.expit),
        ("scipy.special._special_ufuncs", scipy.special.expit),
    ],
)
def test_a_function_is_known_by_all_its_homes(module: str, function: Any, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(f"c{module}\n{function.__name__}\n.".encode())
    assert load_model(tmp_path / "model.pkl").estimator is function
