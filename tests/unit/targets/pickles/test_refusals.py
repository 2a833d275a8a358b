"""A refusal is true: it names what the file asks for, whose it is, and what works in its place."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import DBSCAN
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from leakgauge.errors import UnsafeModel
from leakgauge.targets.pickles.allow_list import CONDITIONAL, is_allowed
from leakgauge.targets.pickles.refusals import LIBRARIES, REFUSED_PARTS, kind_of, refused
from leakgauge.targets.sklearn.reading import load_model

X = np.random.default_rng(0).random((30, 3))
Y = np.tile([0, 1], 15)


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [
        ("os", "system", "code"),
        ("posix", "system", "code"),
        ("builtins", "eval", "code"),
        ("__builtin__", "eval", "code"),
        ("subprocess", "Popen", "code"),
        ("numpy", "load", "code"),
        ("numpy.core.multiarray", "fromfile", "code"),
        ("numpy.f2py.crackfortran", "myeval", "code"),
        ("sklearn.datasets._base", "fetch_file", "code"),
        ("sklearn.tree._classes", "numbers.sys", "code"),
        ("joblib.numpy_pickle", "load", "code"),
        ("pandas.io.pickle", "read_pickle", "code"),
        ("xgboost.sklearn", "XGBRanker", "library"),
        ("torch.storage", "_load_from_bytes", "library"),
        ("torch.nn.modules.container", "Sequential", "library"),
        ("imblearn.keras._generator", "BalancedBatchGenerator", "library"),
        ("__main__", "Clean", "own"),
        ("__main__", "make.<locals>.Clean", "own"),
        ("features.text", "Clean", "own"),
        ("cloudpickle.cloudpickle", "_make_function", "own"),
        ("dill._dill", "_create_function", "own"),
        ("functools", "partial", "python"),
        ("builtins", "getattr", "python"),
        ("_io", "BytesIO", "python"),
        ("datetime", "date", "python"),
        ("sklearn.cluster._dbscan", "DBSCAN", "scikit-learn"),
        ("numpy", "einsum", "scikit-learn"),
        ("scipy.spatial._ckdtree", "cKDTree", "scikit-learn"),
        ("pandas", "DataFrame", "scikit-learn"),
    ],
)
def test_a_name_belongs_to_its_kind(module: str, name: str, kind: str) -> None:
    assert not is_allowed(module, name) or (module, name) in CONDITIONAL
    assert kind_of(module, name) == kind


@pytest.mark.parametrize(
    ("pairs", "first"),
    [
        ([("__main__", "A"), ("os", "system")], "os.system"),
        ([("__main__", "A"), ("xgboost.core", "Booster")], "XGBoost"),
        ([("functools", "partial"), ("__main__", "A")], "__main__.A"),
        ([("sklearn.cluster._dbscan", "DBSCAN"), ("functools", "partial")], "functools.partial"),
    ],
)
def test_what_matters_most_is_told_and_all_is_listed(pairs: list[tuple[str, str]], first: str) -> None:
    error = refused(pairs)
    assert first in error.message
    assert error.details["globals"] == [".".join(pair) for pair in pairs]


@pytest.mark.parametrize("package", sorted(LIBRARIES))
def test_every_library_is_told_by_its_name_with_a_way_in(package: str) -> None:
    library = LIBRARIES[package]
    error = refused([(f"{package}.inner", "Model")])
    assert library.way_in == error.hint
    assert "{name}" not in library.way_in
    assert "{export}" not in library.way_in
    if package not in ("cloudpickle", "dill"):
        assert library.name in error.message


def test_no_refusal_says_what_a_model_needs() -> None:
    for pairs in ([("os", "system")], [("xgboost", "A")], [("__main__", "A")], [("sklearn.x", "A")]):
        assert "needs" not in refused(pairs).message.replace("needs code of your own", "")


@pytest.mark.parametrize("name", sorted(REFUSED_PARTS))
def test_a_refused_part_is_told_with_its_reason(name: str) -> None:
    error = refused([("sklearn.somewhere", name)])
    assert REFUSED_PARTS[name] in error.message
    assert "scikit-learn" in error.message


def problem_of(data: bytes, folder: Path) -> UnsafeModel:
    (folder / "model.pkl").write_bytes(data)
    with pytest.raises(UnsafeModel) as caught:
        load_model(folder / "model.pkl")
    assert caught.value.problem == "refused_globals"
    return caught.value


class Mine(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A transformer class of one's own."""

    def fit(self, _x: Any, _y: Any = None) -> Mine:
        return self

    def transform(self, x: Any) -> Any:
        return x


def test_a_transformer_class_of_ones_own_is_told_as_that(tmp_path: Path) -> None:
    error = problem_of(pickle.dumps(make_pipeline(Mine(), LogisticRegression()).fit(X, Y)), tmp_path)
    assert "code of your own" in error.message
    assert f"{__name__}.Mine" in error.message
    assert "tables before the audit" in (error.hint or "")


def test_a_lambda_by_cloudpickle_is_told_as_stored_code(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(lambda x: x + 1), LogisticRegression()).fit(X, Y)
    error = problem_of(cloudpickle.dumps(model), tmp_path)
    assert "stored as code" in error.message
    assert "cloudpickle" in error.message


def test_a_class_that_cloudpickle_stores_is_told_as_stored_code(tmp_path: Path) -> None:
    module = ModuleType("workbook")
    exec("class Clean:\n    pass\n", vars(module))
    module.Clean.__module__ = "__main__"
    sys.modules["workbook"] = module
    try:
        error = problem_of(cloudpickle.dumps(module.Clean()), tmp_path)
    finally:
        del sys.modules["workbook"]
    assert "of your own" in error.message


@pytest.mark.parametrize("model", [DBSCAN(), TSNE()])
def test_a_part_of_scikit_learn_is_told_with_its_reason(model: Any, tmp_path: Path) -> None:
    error = problem_of(pickle.dumps(model), tmp_path)
    assert REFUSED_PARTS[type(model).__name__] in error.message
