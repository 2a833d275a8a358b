"""A dictionary, list or tuple around a model: audited where it is clear what to audit, else told of."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from cases import audited
from pools import records
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

X, Y = records(90, seed=0)
MODEL = LogisticRegression().fit(X, Y)
FOREST = RandomForestClassifier(3, random_state=0).fit(X, Y)
SCALER = StandardScaler().fit(X)
PIPELINE = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
SEARCH = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2).fit(X, Y)
NAMES = LabelEncoder().fit(["high", "low", "middle"])
CITIES = LabelEncoder().fit(["Oslo", "Rome", "Ulm", "York"])


def reloaded(container: Any, tmp_path: Path) -> Any:
    """What an audit makes of the file, which is not what it was saved from."""
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(container))
    return load_model(path).estimator


AUDITED = {
    "alone": ([MODEL], "saved[0]"),
    "with names": ({"model": MODEL, "features": ["a", "b"]}, 'saved["model"]'),
    "with figures": ((MODEL, {"auc": 0.9, "n": 90}, None, True), "saved[0]"),
    "with an array": ({"clf": FOREST, "importances": np.ones(8)}, 'saved["clf"]'),
    "with many names": ({"features": [str(n) for n in range(5000)], "model": MODEL}, 'saved["model"]'),
    "deep": ({"a": [{"b": (MODEL,)}]}, "list(list(saved.values())[0][0].values())[0][0]"),
    "in an array": ({"models": np.array([MODEL, None], dtype=object)}, 'saved["models"][0]'),
    "by number": ({7: MODEL}, "saved[7]"),
    "by pair": ({("fold", 1): MODEL}, "list(saved.values())[0]"),
    "with an untrained one": ({"model": MODEL, "template": LogisticRegression()}, 'saved["model"]'),
    "with a regressor": ({"model": MODEL, "price": LinearRegression().fit(X, Y)}, 'saved["model"]'),
    "twice": ({"model": MODEL, "best": MODEL}, 'saved["model"]'),
    "search": ({"search": SEARCH, "best": SEARCH.best_estimator_}, 'saved["search"]'),
    "Pipeline with its own steps": (
        {"pipeline": PIPELINE, "scaler": PIPELINE[0], "classifier": PIPELINE[1]},
        'saved["pipeline"]',
    ),
    "with its label encoder": ((MODEL, NAMES), "saved[0]"),
}


@pytest.mark.parametrize("name", AUDITED)
def test_the_one_model_is_audited_and_the_report_says_where_it_was(name: str, tmp_path: Path) -> None:
    container, path = AUDITED[name]
    target = SklearnTarget(reloaded(container, tmp_path))
    assert (target.classes == [0, 1, 2]).all()
    assert len(target.labels(X)) == len(X)
    (remark,) = target.remarks
    assert f"Audited was {path}," in remark
    assert len(remark) < 1000


def test_a_label_encoder_is_told_of() -> None:
    (remark,) = SklearnTarget({"model": MODEL, "encoder": NAMES}).remarks
    assert 'saved["encoder"] encodes labels' in remark
    assert SklearnTarget(MODEL).remarks == ()


REFUSED = {
    "empty": ({}, "not_a_model", "empty"),
    "nothing fitted": ({"model": LogisticRegression()}, "not_a_model", "no fitted classifier"),
    "no model": ((7, None), "not_a_model", "no fitted classifier or regressor"),
    "a regressor and a scaler": (
        (LinearRegression().fit(X, Y), SCALER),
        "preprocessing_beside_model",
        "StandardScaler",
    ),
    "regressors": ([LinearRegression().fit(X, Y), LinearRegression().fit(X, -Y)], "several_models", "2 regr"),
    "a state": ({"coef": np.ones(3), "intercept": 1.0}, "not_a_model", '"coef".* is an array'),
    "folds": ([MODEL, FOREST], "several_models", "2 classifiers"),
    "a scaler": (
        {"model": MODEL, "scaler": SCALER},
        "preprocessing_beside_model",
        '"scaler".*StandardScaler',
    ),
    "a scaler, deep": ({"model": MODEL, "prep": [{"s": SCALER}]}, "preprocessing_beside_model", "figure"),
    "an untrained scaler": ({"model": MODEL, "s": StandardScaler()}, "preprocessing_beside_model", "figure"),
    "a Pipeline and a scaler": ((PIPELINE, SCALER), "preprocessing_beside_model", "figure"),
    "an encoder": ((MODEL, OneHotEncoder().fit(X)), "preprocessing_beside_model", "OneHotEncoder"),
    "words": ({"v": CountVectorizer().fit(["a bc"]), "m": MODEL}, "preprocessing_beside_model", "Count"),
    "clusters": ((KMeans(2, n_init=1).fit(X), MODEL), "preprocessing_beside_model", "KMeans"),
    "an encoder of something else": (
        {"model": MODEL, "encoders": {"city": CITIES}},
        "preprocessing_beside_model",
        "figure",
    ),
    "text": ("model", "not_a_model", "something else"),
    "number": (7, "not_a_model", "something else"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_anything_else_is_refused_by_what_it_holds(name: str) -> None:
    container, problem, words = REFUSED[name]
    with pytest.raises(UnsupportedModel) as caught:
        SklearnTarget(container)
    assert caught.value.problem == problem
    assert re.search(words, str(caught.value))
    assert caught.value.hint


def test_the_way_out_works_as_it_is_written(tmp_path: Path) -> None:
    saved = {"model": LogisticRegression().fit(SCALER.transform(X), Y), "scaler": SCALER}
    with pytest.raises(UnsupportedModel) as caught:
        SklearnTarget(saved)
    both, alone = re.findall(r'joblib\.dump\(.+?, "model\.joblib"\)', caught.value.hint)
    names = {"joblib": joblib, "make_pipeline": make_pipeline, "saved": saved}
    path = tmp_path / "model.joblib"
    for code in (both, alone):
        exec(code.replace('"model.joblib"', repr(str(path))), names)
        target = SklearnTarget(load_model(path).estimator)
        expected = saved["model"].predict(SCALER.transform(X) if code == both else X)
        assert (target.classes[target.labels(X)] == expected).all()


def outcome_of(container: Any) -> str:
    try:
        SklearnTarget(container)
    except UnsupportedModel as refusal:
        return refusal.problem
    return "audited"


def test_crafted_estimators_beside_the_model_end_in_a_sentence() -> None:
    for steps in (5, None, [], [5], [()], [("a",)], [("a", 5, 6)], "text"):
        broken = make_pipeline(StandardScaler())
        broken.steps = steps
        for container in ({"model": MODEL, "broken": broken}, {"broken": broken}):
            assert outcome_of(container) in ("audited", "preprocessing_beside_model", "not_a_model")


def test_the_report_tells_what_the_file_holds(tmp_path: Path) -> None:
    names = [f"c{place}" for place in range(X.shape[1])]
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    container = {"model": LogisticRegression().fit(X[:45], Y[:45]), "features": names}
    joblib.dump(container, bundle / "model.joblib")
    for name, rows in (("train.csv", slice(0, 45)), ("test.csv", slice(45, 90))):
        pd.DataFrame(X[rows], columns=names).assign(label=Y[rows]).to_csv(bundle / name, index=False)
    report = audited(bundle, attacks=["gap", "rmia"], reference_models=2)
    (told,) = [notice for notice in report.warnings if notice.code == "model_file"]
    assert 'saved["features"] is a list' in told.message
    assert 'Audited was saved["model"]' in told.message


@pytest.mark.parametrize(
    "key",
    [
        "\x1b[2Jmodel",
        "a\nb",
        "\u202emodel",
        'quote"here',
        "back\\slash",
        "x" * 10_000,
        "Zaphod-7",
        "zaphod",
        b"bytes",
        None,
        True,
        10**30,
        frozenset({1}),
    ],
)
def test_keys_are_text_that_nobody_vouches_for(key: object) -> None:
    for container in ({key: MODEL}, {key: {"deeper": MODEL}}, {key: MODEL, "other": SCALER}):
        try:
            text = " ".join(SklearnTarget(container).remarks)
        except UnsupportedModel as refusal:
            text = f"{refusal} {refusal.hint}"
        assert text.isprintable()
        assert len(text) < 1000
        assert "saved" in text
        assert str(key) not in text.replace("Pipeline", "") or key is None


def test_containers_without_end_are_read_to_an_end() -> None:
    looped: list[Any] = [MODEL]
    looped.append(looped)
    assert "saved[0]" in SklearnTarget(looped).remarks[0]
    deep: Any = MODEL
    for _ in range(50_000):
        deep = [deep]
    (remark,) = SklearnTarget(deep).remarks
    assert "saved…[0]" in remark
    wide: Any = MODEL
    for _ in range(60):  # two to the sixtieth ways lead to the model
        wide = [wide, wide]
    assert SklearnTarget(wide).remarks
