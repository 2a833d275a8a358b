"""CatBoost's models, whatever file they come in, answer as CatBoost itself does."""

from __future__ import annotations

import functools
import json
import pickle
from pathlib import Path
from typing import Any

import catboost
import joblib
import numpy as np
import pandas as pd
import pytest
from cases import audited, refusal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from boosters import bundle_of, categories, halves, numbers
from leakgauge.errors import UnsupportedModel
from leakgauge.progress import Silent
from leakgauge.targets.boosters.catboost_estimator import CatBoostClassifier
from leakgauge.targets.formats import sanitizer_of
from leakgauge.targets.opening import open_table_model

NAMES = np.array(["no", "perhaps", "yes"])
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "slow": {"learning_rate": 0.05, "l2_leaf_reg": 7.0, "subsample": 0.5, "bootstrap_type": "Bernoulli"},
    "ordered": {"boosting_type": "Ordered"},
    "leaf by leaf": {"grow_policy": "Lossguide", "max_leaves": 9},
    "level by level": {"grow_policy": "Depthwise", "min_data_in_leaf": 5},
    "weighted": {"auto_class_weights": "Balanced"},
    "weights": {"class_weights": [1.0, 2.0, 0.5]},
    "stumps": {"depth": 1, "random_strength": 0.0},
    "no question": {"min_data_in_leaf": 10_000, "grow_policy": "Depthwise"},
    "few borders": {"border_count": 4, "nan_mode": "Max", "ignored_features": [3, 27]},
}
STATISTICS: dict[str, dict[str, Any]] = {
    "plain": {},
    "compared": {"one_hot_max_size": 50},
    "combined": {"max_ctr_complexity": 3, "iterations": 30, "depth": 5},
    "buckets": {"simple_ctr": ["Buckets"], "combinations_ctr": ["Buckets"]},
    "means": {"simple_ctr": ["BinarizedTargetMeanValue"], "combinations_ctr": ["BinarizedTargetMeanValue"]},
    "counters": {"simple_ctr": ["Counter"], "combinations_ctr": ["Counter"]},
    "leaf by leaf": {"grow_policy": "Lossguide"},
}
TEXTS = ["town", "size"]


def fitted(x: Any, y: Any, kind: Any = catboost.CatBoostClassifier, **settings: Any) -> Any:
    settings = {"iterations": 5, "depth": 3, "random_state": 7, "learning_rate": 0.5} | settings
    return kind(**settings, thread_count=1, verbose=0, allow_writing_files=False).fit(x, y)


@functools.cache
def texts() -> tuple[pd.DataFrame, np.ndarray]:
    """Rows with two columns of texts, one of them of numbers' digits, and labels of three classes."""
    frame, y = categories()
    frame = frame.assign(town=frame["town"].astype(str), size=frame["size"].astype(str))
    return frame, y + (frame["town"] == "Celle").to_numpy()


@functools.cache
def model(data: str, name: str = "plain") -> Any:
    if data == "categories":
        frame, y = texts()
        return fitted(frame, NAMES[y], cat_features=TEXTS, **STATISTICS[name])
    frame, y = numbers()
    if data == "two classes":
        return fitted(frame, y > 0, **SETTINGS[name])
    return fitted(frame, NAMES[y], **SETTINGS[name])


def rows(data: str) -> pd.DataFrame:
    return texts()[0] if data == "categories" else numbers()[0]


def content(classifier: Any, form: str, folder: Path) -> bytes:
    """The classifier in a file."""
    if form.startswith("pickle"):
        return pickle.dumps(classifier, protocol=int(form[-1]))
    pool = catboost.Pool(texts()[0], cat_features=TEXTS) if classifier.get_cat_feature_indices() else None
    classifier.save_model(folder / "saved", format=form, pool=pool)
    return (folder / "saved").read_bytes()


FORMS = ["cbm", "json", "pickle 2", "pickle 5"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("data", ["numbers", "two classes", "categories"])
def test_every_file_answers_as_catboost_does(data, form, tmp_path):
    (tmp_path / "model").write_bytes(content(model(data), form, tmp_path))
    target = open_table_model(tmp_path / "model")
    own = model(data).predict_proba(rows(data))
    assert np.abs(target.probabilities(rows(data)) - own).max() < 1e-6
    if form != "json":  # where the library itself loses digits
        assert np.array_equal(target.estimator.predict_proba(rows(data)), own)
    assert target.classes.tolist() == model(data).classes_.tolist()
    assert np.array_equal(target.classes[target.labels(rows(data))], model(data).predict(rows(data)).ravel())
    assert target.type_name == "CatBoostClassifier"
    assert target.feature_names == tuple(rows(data).columns)
    assert target.packages == ("catboost",)


@pytest.mark.parametrize("form", ["cbm", "json", "pickle 5"])
@pytest.mark.parametrize("name", SETTINGS)
def test_every_kind_of_training_answers_and_is_trained_again_to_the_last_bit(name, form, tmp_path):
    frame, y = numbers()
    made = model("numbers", name)
    (tmp_path / "model").write_bytes(content(made, form, tmp_path))
    estimator = open_table_model(tmp_path / "model").estimator
    assert np.abs(estimator.predict_proba(frame) - made.predict_proba(frame)).max() < 1e-12
    again = clone(estimator).set_params(random_state=7).fit(frame, NAMES[y])
    assert np.array_equal(again.predict_proba(frame), made.predict_proba(frame))
    assert again.classes_.tolist() == NAMES.tolist()


@pytest.mark.parametrize("form", ["cbm", "json", "pickle 5"])
@pytest.mark.parametrize("name", STATISTICS)
def test_every_kind_of_statistic_answers_and_is_trained_again(name, form, tmp_path):
    frame, y = texts()
    made = model("categories", name)
    (tmp_path / "model").write_bytes(content(made, form, tmp_path))
    if (name, form) == ("means", "json"):
        with pytest.raises(UnsupportedModel, match="does not read back from JSON"):
            open_table_model(tmp_path / "model")
        return
    estimator = open_table_model(tmp_path / "model").estimator
    assert np.abs(estimator.predict_proba(frame) - made.predict_proba(frame)).max() < 1e-12
    unseen = frame.assign(town="Emden")
    assert np.abs(estimator.predict_proba(unseen) - made.predict_proba(unseen)).max() < 1e-12
    told = {} if form == "pickle 5" else STATISTICS[name]  # files spell them in another way
    again = clone(estimator).set_params(random_state=7, **told).fit(frame, NAMES[y])
    assert np.array_equal(again.predict_proba(frame), made.predict_proba(frame))


def test_models_of_arrays_have_no_names(tmp_path):
    frame, y = numbers()
    made = fitted(frame.to_numpy(), y)
    (tmp_path / "model").write_bytes(content(made, "cbm", tmp_path))
    target = open_table_model(tmp_path / "model")
    assert target.feature_names is None
    assert target.n_features == frame.shape[1]
    assert np.array_equal(target.labels(target.as_input(frame)), made.predict(frame.to_numpy()).ravel())


@pytest.mark.parametrize(
    "labels", [np.array([0.5, 2.0]), np.array([False, True]), np.array(["a", "b"]), np.array([3, 7])], ids=str
)
def test_labels_of_every_kind_come_back(labels, tmp_path):
    frame, y = numbers()
    made = fitted(frame, labels[(y > 0).astype(int)])
    for form in ("cbm", "json"):
        (tmp_path / "model").write_bytes(content(made, form, tmp_path))
        target = open_table_model(tmp_path / "model")
        assert target.classes.tolist() == labels.tolist()
        assert np.array_equal(target.labels(frame), (made.predict_proba(frame)[:, 1] > 0.5).astype(int))
        assert (
            clone(target.estimator).fit(frame, labels[(y > 0).astype(int)]).classes_.tolist()
            == labels.tolist()
        )


def test_a_model_that_stopped_early_is_trained_as_long_as_it_answers(tmp_path):
    x, y, others, of_others = halves(*numbers())
    made = catboost.CatBoostClassifier(
        iterations=80, learning_rate=0.9, thread_count=1, verbose=0, allow_writing_files=False
    )
    made.fit(x, y, eval_set=(others, of_others), early_stopping_rounds=2)
    assert made.tree_count_ < 80
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made))
    estimator = open_table_model(tmp_path / "model.pkl").estimator
    assert np.array_equal(estimator.predict_proba(others), made.predict_proba(others))
    assert clone(estimator).fit(x, y).tree_count_ == made.tree_count_


def test_a_probability_of_ones_own_decides(tmp_path):
    frame, y = numbers()
    made = fitted(frame, y > 0)
    made.set_probability_threshold(0.9)
    (tmp_path / "model").write_bytes(content(made, "cbm", tmp_path))
    target = open_table_model(tmp_path / "model")
    assert np.array_equal(target.labels(frame), made.predict(frame).astype(int))
    assert not np.array_equal(target.labels(frame), target.probabilities(frame).argmax(axis=1))


WRAPPERS = {
    "pipeline": lambda one: make_pipeline(StandardScaler().set_output(transform="pandas"), one),
    "vote": lambda one: VotingClassifier([("a", one), ("b", GaussianNB())], voting="soft"),
    "calibration": lambda one: CalibratedClassifierCV(one, cv=2),
    "search": lambda one: GridSearchCV(one, {"depth": [1, 3]}, cv=2),
}


@pytest.mark.parametrize(
    "wrapper", ["pipeline", *(pytest.param(name, marks=pytest.mark.slow) for name in list(WRAPPERS)[1:])]
)
def test_inside_other_estimators_too(wrapper, tmp_path):
    frame, y = numbers()
    x, of_members, others, _ = halves(frame, NAMES[y])
    one = catboost.CatBoostClassifier(5, depth=3, thread_count=1, verbose=0, allow_writing_files=False)
    made = WRAPPERS[wrapper](one).fit(x, of_members)
    folder = bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(made), frame, NAMES[y])
    target = open_table_model(folder / "model.pkl")
    assert np.abs(target.probabilities(others) - made.predict_proba(others)).max() < 1e-6
    assert all(attack.status == "measured" for attack in audited(folder).attacks)


@pytest.mark.parametrize(
    ("name", "form"), [("model.cbm", "cbm"), ("model.json", "json"), ("model.pkl", "cbm")]
)
def test_files_of_every_name_are_audited_with_reference_models(name, form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y, *_ = halves(*numbers())
    folder = bundle_of(tmp_path / "bundle", name, content(fitted(x, y), form, tmp_path), *numbers())
    report = audited(folder)
    status = {attack.name: attack.status for attack in report.attacks}
    assert set(status.values()) == {"measured"}, status
    assert "catboost" in report.versions
    assert not (tmp_path / "catboost_info").exists()


@pytest.mark.parametrize("form", ["cbm", "json", "pickle 5"])
def test_categories_of_a_csv_are_read_as_they_are_spelled(form, tmp_path):
    frame, y = texts()
    frame = frame.assign(size=frame["size"].map({"3": "03", "5": "05", "9": "NA"}))
    x, of_members, *_ = halves(frame, y)
    made = fitted(x, of_members, cat_features=TEXTS, iterations=20)
    folder = bundle_of(tmp_path / "bundle", "model", content(made, form, tmp_path), frame, y)
    (folder / "model").rename(folder / "model.pkl")
    report = audited(folder)
    assert report.target.train_accuracy.value == pytest.approx((made.predict(x).ravel() == of_members).mean())
    assert all(attack.status == "measured" for attack in report.attacks)


def test_a_category_without_a_value_is_what_pandas_makes_a_text_of(tmp_path):
    frame, y = texts()
    frame = frame.assign(town=frame["town"].where(frame["town"] != "Bonn", "nan"))
    made = fitted(frame, y, cat_features=TEXTS)
    (tmp_path / "model").write_bytes(content(made, "cbm", tmp_path))
    estimator = open_table_model(tmp_path / "model").estimator
    gaps = frame.assign(town=frame["town"].where(frame["town"] != "nan"))
    assert gaps["town"].isna().any()
    assert np.array_equal(estimator.predict_proba(gaps), made.predict_proba(frame))


@pytest.mark.parametrize("form", ["cbm", "json", "pickle 5"])
@pytest.mark.parametrize(
    ("data", "name"), [("numbers", "plain"), ("numbers", "leaf by leaf"), ("categories", "combined")]
)
def test_a_sanitised_file_answers_to_the_last_bit_and_holds_no_sums(data, name, form, tmp_path):
    (tmp_path / "model").write_bytes(content(model(data, name), form, tmp_path))
    (tmp_path / "scratch").mkdir()
    before = open_table_model(tmp_path / "model").estimator
    sanitized = sanitizer_of(tmp_path / "model")(tmp_path / "model", tmp_path / "scratch", Silent())
    (tmp_path / "new").write_bytes(sanitized.content)
    estimator = open_table_model(tmp_path / "new").estimator
    assert np.array_equal(estimator.predict_proba(rows(data)), before.predict_proba(rows(data)))
    assert not len(estimator._model.leaf_weights)
    assert estimator._model.parameters.keys() == {"loss_function"}
    assert any("leaf_weights" in what for what in sanitized.removed)
    assert any("one_hot_max_size" in what for what in sanitized.remaining) == (data == "categories")
    for word in (b"leaf_weights", b"flat_params", b"random_seed", b"learning_rate"):
        assert word not in (sanitized.content if form != "pickle 5" else b"")
    own = catboost.CatBoostClassifier()
    if form == "pickle 5":
        own = pickle.loads(sanitized.content)
    else:
        own.load_model(tmp_path / "new", format=form)
    assert np.abs(own.predict_proba(rows(data)) - before.predict_proba(rows(data))).max() < 1e-6


def test_what_has_no_error_is_refused_with_a_way_in(tmp_path):
    frame, y = numbers()
    ranker = catboost.CatBoostRanker(iterations=2, thread_count=1, verbose=0, allow_writing_files=False)
    ranker.fit(frame, y, group_id=np.zeros(len(y), dtype=int))
    folder = bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(ranker), frame, y)
    assert "CatBoostRanker" in str(refusal(folder))
    one_against_all = fitted(frame, y, loss_function="MultiClassOneVsAll")
    for form, made in (("cbm", ranker), ("json", ranker), ("pickle 5", one_against_all)):
        (tmp_path / "model").write_bytes(content(made, form, tmp_path))
        with pytest.raises(UnsupportedModel) as caught:
            open_table_model(tmp_path / "model")
        assert caught.value.problem == "unsupported_booster"
        assert "leakgauge.audit(" in caught.value.hint
    smaller = fitted(frame, y)
    smaller.drop_unused_features()
    (tmp_path / "model").write_bytes(content(smaller, "cbm", tmp_path))
    with pytest.raises(UnsupportedModel, match="drop_unused_features"):
        open_table_model(tmp_path / "model")


def test_texts_and_embeddings_are_refused_with_a_way_in(tmp_path):
    rng = np.random.default_rng(0)
    words = np.array(["a good day", "a bad day", "no day at all", "rain"])[rng.integers(0, 4, 200)]
    frame = pd.DataFrame({"text": words, "number": rng.normal(size=200)})
    made = fitted(frame, rng.integers(0, 2, 200), text_features=["text"])
    (tmp_path / "model").write_bytes(content(made, "cbm", tmp_path))
    with pytest.raises(UnsupportedModel, match="texts or of embeddings") as caught:
        open_table_model(tmp_path / "model")
    assert "leakgauge.audit(" in caught.value.hint


@pytest.mark.parametrize("form", ["cbm", "pickle 5"])
def test_without_catboost_a_way_that_works_is_told(form, tmp_path, monkeypatch):
    frame, _ = numbers()
    for module in ("formats", "libraries"):
        monkeypatch.setattr(f"leakgauge.targets.{module}.find_spec", lambda _module: None)
    (tmp_path / "model").write_bytes(content(model("numbers"), form, tmp_path))
    with pytest.raises(UnsupportedModel) as caught:
        open_table_model(tmp_path / "model")
    assert caught.value.problem == "catboost_not_installed"
    assert "leakgauge[catboost]" in caught.value.hint
    assert 'model.save_model("model.onnx", format="onnx")' in caught.value.hint
    monkeypatch.undo()
    model("numbers").save_model(tmp_path / "model.onnx", format="onnx")
    target = open_table_model(tmp_path / "model.onnx")
    answers = target.probabilities(target.as_input(frame))
    assert np.abs(answers - model("numbers").predict_proba(frame)).max() < 1e-5


def test_copies_and_pickles_of_the_classifier_are_catboosts_own(tmp_path):
    joblib.dump(model("numbers"), tmp_path / "model.joblib", compress=3)
    estimator = open_table_model(tmp_path / "model.joblib").estimator
    assert type(pickle.loads(pickle.dumps(estimator))) is catboost.CatBoostClassifier
    assert type(clone(estimator)) is CatBoostClassifier


def test_json_of_any_layout_is_read(tmp_path):
    whole = json.loads(content(model("numbers"), "json", tmp_path))
    for keys in (list(whole), list(whole)[::-1]):
        (tmp_path / "model.json").write_text(json.dumps({key: whole[key] for key in keys}, indent=2))
        open_table_model(tmp_path / "model.json")
