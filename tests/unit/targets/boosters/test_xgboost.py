"""XGBoost's models, whatever file they come in, answer as XGBoost itself does."""

from __future__ import annotations

import functools
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import xgboost
from cases import audited, refusal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from boosters import bundle_of, categories, halves, numbers
from leakgauge.errors import UnsupportedModel
from leakgauge.progress import Silent
from leakgauge.targets.boosters import ubjson
from leakgauge.targets.boosters.xgboost_estimators import XGBoostClassifier
from leakgauge.targets.boosters.xgboost_opening import read_file
from leakgauge.targets.boosters.xgboost_reading import loads
from leakgauge.targets.boosters.xgboost_training import training_of
from leakgauge.targets.formats import sanitizer_of
from leakgauge.targets.opening import open_table_model

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "softmax": {"objective": "multi:softmax"},
    "slow": {"learning_rate": 0.05, "reg_lambda": 4.0, "subsample": 0.5},
    "dart": {"booster": "dart", "rate_drop": 0.5},
    "pruned": {"gamma": 8.0, "tree_method": "exact"},
    "forests": {"num_parallel_tree": 3, "colsample_bynode": 0.5},
    "lossguide": {"grow_policy": "lossguide", "max_leaves": 6},
    "skewed": {"scale_pos_weight": 3.0},
}


def fitted(x: Any, y: Any, kind: Any = xgboost.XGBClassifier, **settings: Any) -> Any:
    return kind(**{"n_estimators": 5, "max_depth": 3, "n_jobs": 1} | settings).fit(x, y)


@functools.cache
def model(data: str, name: str = "plain") -> Any:
    frame, y = categories() if data == "categories" else numbers()
    if data == "two classes":
        y = y % 2
    more = {"enable_categorical": True, "max_cat_to_onehot": 1} if data == "categories" else {}
    if name == "skewed" and data == "numbers":
        y = y % 2
    return fitted(frame, y, **SETTINGS[name], **more)


def content(classifier: Any, form: str) -> bytes:
    booster = classifier.get_booster()
    match form:
        case "json" | "ubj":
            return bytes(booster.save_raw(form))
        case "booster":
            return pickle.dumps(booster)
    return pickle.dumps(classifier, protocol=int(form[-1]))


def rows(data: str) -> pd.DataFrame:
    return categories()[0] if data == "categories" else numbers()[0]


FORMS = ["json", "ubj", "booster", "pickle 2", "pickle 5"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("data", ["numbers", "two classes", "categories"])
def test_every_file_answers_to_the_last_bit(data, form, tmp_path):
    (tmp_path / "model").write_bytes(content(model(data), form))
    target = open_table_model(tmp_path / "model")
    own = model(data).predict_proba(rows(data)).astype(np.float64)
    assert np.abs(target.probabilities(rows(data)) - own).max() < 1e-6
    assert np.array_equal(target.estimator.predict_proba(rows(data)), model(data).predict_proba(rows(data)))
    assert np.array_equal(target.labels(rows(data)), model(data).predict(rows(data)))
    assert target.type_name == "XGBClassifier"
    assert target.feature_names == tuple(rows(data).columns)
    assert target.packages[0].startswith("xgboost")


@pytest.mark.parametrize("form", ["json", "ubj", "pickle 5"])
@pytest.mark.parametrize("name", SETTINGS)
def test_every_kind_of_training_answers_to_the_last_bit(name, form, tmp_path):
    made = model("numbers", name)
    (tmp_path / "model").write_bytes(content(made, form))
    estimator = open_table_model(tmp_path / "model").estimator
    assert np.array_equal(estimator.predict_proba(rows("numbers")), made.predict_proba(rows("numbers")))


def test_a_forest_of_one_round_is_read_and_trained_again_as_one(tmp_path):
    frame, y = numbers()
    made = fitted(frame, y, xgboost.XGBRFClassifier, n_estimators=7)
    joblib.dump(made, tmp_path / "model.joblib")
    estimator = open_table_model(tmp_path / "model.joblib").estimator
    assert np.array_equal(estimator.predict_proba(frame), made.predict_proba(frame))
    again = clone(estimator).fit(frame, y)
    assert np.array_equal(again.predict_proba(frame), made.predict_proba(frame))


def test_what_is_handed_to_xgboost_is_what_xgboost_would_have_written():
    raw = bytes(model("categories").get_booster().save_raw("ubj"))
    assert bytes(read_file(raw)[0].get_booster().save_raw("ubj")) == raw
    assert ubjson.loads(loads(raw, installed="3.2.0").dumps()).keys() == {"learner", "version"}


def test_a_model_that_stopped_early_answers_from_its_best_round_and_is_trained_that_long(tmp_path):
    x, y, others, of_others = halves(*numbers())
    made = xgboost.XGBClassifier(n_estimators=40, n_jobs=1, early_stopping_rounds=2, learning_rate=1.0)
    made.fit(x, y, eval_set=[(others, of_others)], verbose=False)
    assert made.best_iteration + 1 < made.get_booster().num_boosted_rounds()
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made))
    estimator = open_table_model(tmp_path / "model.pkl").estimator
    assert np.array_equal(estimator.predict_proba(others), made.predict_proba(others))
    again = clone(estimator).fit(x, y)
    assert again.get_booster().num_boosted_rounds() == made.best_iteration + 1


def test_clones_take_labels_of_any_kind_and_fewer_classes():
    frame, y = numbers()
    estimator, _ = read_file(content(model("numbers"), "json"))
    names = np.array(["no", "perhaps", "yes"])
    again = clone(estimator).fit(frame, names[y])
    assert again.classes_.tolist() == names.tolist()
    assert (again.predict(frame) == names[y]).mean() > 0.9
    two = clone(estimator).fit(frame[y != 1], names[y[y != 1]])
    assert two.classes_.tolist() == ["no", "yes"]
    assert two.predict_proba(frame).shape == (len(frame), 2)


@pytest.mark.parametrize(
    ("name", "expected"), [("plain", (0.3, 1.0)), ("slow", (0.05, 4.0)), ("forests", (0.3, 1.0))]
)
def test_the_trees_give_the_learning_rate_and_the_penalty_away(name, expected):
    assert training_of(loads(content(model("numbers", name), "json"), installed="3.2.0")) == expected


@pytest.mark.parametrize(
    "settings", [{"reg_alpha": 1.0}, {"max_delta_step": 0.5}, {"max_depth": 1, "n_estimators": 1}]
)
def test_they_do_not_where_other_settings_had_a_part(settings):
    frame, y = numbers()
    made = fitted(frame, y % 2, **settings)
    assert training_of(loads(content(made, "json"), installed="3.2.0")) is None


QUICK_WRAPPERS = ("pipeline", "calibration")
WRAPPERS = {
    "pipeline": lambda one: make_pipeline(StandardScaler(), one),
    "vote": lambda one: VotingClassifier([("a", one), ("b", GaussianNB())], voting="soft"),
    "calibration": lambda one: CalibratedClassifierCV(one, cv=2),
    "search": lambda one: GridSearchCV(one, {"max_depth": [1, 3]}, cv=2),
    "bagging": lambda one: BaggingClassifier(one, n_estimators=3, random_state=0),
}


@pytest.mark.parametrize(
    "wrapper",
    [name if name in QUICK_WRAPPERS else pytest.param(name, marks=pytest.mark.slow) for name in WRAPPERS],
)
def test_inside_other_estimators_too(wrapper, tmp_path):
    x, y, others, _ = halves(*numbers())
    made = WRAPPERS[wrapper](xgboost.XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1)).fit(x, y)
    folder = bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(made), *numbers())
    target = open_table_model(folder / "model.pkl")
    assert np.abs(target.probabilities(others) - made.predict_proba(others)).max() < 1e-6
    report = audited(folder)
    assert {attack.name: attack.status for attack in report.attacks}.items() >= {
        ("rmia", "measured"),
        ("lira", "measured"),
    }


@pytest.mark.parametrize(
    ("name", "form"), [("model.json", "json"), ("model.ubj", "ubj"), ("model.pkl", "booster")]
)
def test_files_of_every_name_are_audited_with_reference_models(name, form, tmp_path):
    x, y, *_ = halves(*numbers())
    folder = bundle_of(tmp_path / "bundle", name, content(fitted(x, y), form), *numbers())
    report = audited(folder)
    assert all(attack.status == "measured" for attack in report.attacks)
    assert any(version.startswith("xgboost") for version in report.versions)
    said = [warning.message for warning in report.warnings if warning.code == "model_file"]
    assert bool(said) == (form != "booster")


@pytest.mark.parametrize("form", ["ubj", "pickle 5"])
def test_categories_of_a_csv_are_those_of_the_training(form, tmp_path):
    frame, y = categories()
    x, of_members, *_ = halves(frame, y)
    made = fitted(x, of_members, enable_categorical=True)
    folder = bundle_of(tmp_path / "bundle", "model.pkl", content(made, form), frame, y)
    report = audited(folder)
    assert report.target.train_accuracy.value == pytest.approx((made.predict(x) == of_members).mean())
    assert all(attack.status == "measured" for attack in report.attacks)


def test_categories_that_the_file_does_not_name_are_taken_in_order(tmp_path):
    frame, y = categories()
    document: Any = ubjson.loads(content(model("categories"), "ubj"))
    del document["learner"]["gradient_booster"]["model"]["cats"]
    folder = bundle_of(tmp_path / "bundle", "model.ubj", ubjson.dumps(document), frame, y)
    report = audited(folder)
    own = (model("categories").predict(halves(frame, y)[0]) == halves(frame, y)[1]).mean()
    assert report.target.train_accuracy.value == pytest.approx(own)
    assert [warning.code for warning in report.warnings].count("categories_in_order") == 2


@pytest.mark.parametrize("form", ["json", "ubj", "pickle 5"])
@pytest.mark.parametrize("data", ["numbers", "categories"])
def test_a_sanitised_file_answers_to_the_last_bit_and_holds_no_sums(data, form, tmp_path):
    (tmp_path / "model").write_bytes(content(model(data), form))
    (tmp_path / "scratch").mkdir()
    sanitized = sanitizer_of(tmp_path / "model")(tmp_path / "model", tmp_path / "scratch", Silent())
    (tmp_path / "new").write_bytes(sanitized.content)
    assert sanitized.content[:2] == content(model(data), form)[:2]
    estimator = open_table_model(tmp_path / "new").estimator
    assert np.array_equal(estimator.predict_proba(rows(data)), model(data).predict_proba(rows(data)))
    assert not any(tree.cover.any() or tree.gain.any() for tree in estimator._model.trees)
    if form.startswith("pickle"):
        own = pickle.loads(sanitized.content)
    else:
        own = xgboost.XGBClassifier(n_jobs=1)
        own.load_model(bytearray(sanitized.content))
    assert np.array_equal(own.predict_proba(rows(data)), model(data).predict_proba(rows(data)))


def test_a_missing_library_is_told_by_name(tmp_path, monkeypatch):
    for module in ("formats", "libraries"):
        monkeypatch.setattr(f"leakgauge.targets.{module}.find_spec", lambda _module: None)
    for form in ("json", "pickle 5"):
        (tmp_path / "model").write_bytes(content(model("numbers"), form))
        with pytest.raises(UnsupportedModel) as caught:
            open_table_model(tmp_path / "model")
        assert caught.value.problem == "xgboost_not_installed"
        assert "pip install xgboost" in caught.value.hint


def test_labels_other_than_the_numbers_that_xgboost_knows_are_refused_with_its_classes(tmp_path: Path):
    frame, y = numbers()
    words = np.array(["a", "b", "c"])[y]
    folder = bundle_of(tmp_path / "bundle", "model.json", content(model("numbers"), "json"), frame, words)
    error = refusal(folder)
    assert error.problem == "unknown_labels"
    assert "0, 1, 2" in error.hint


def test_copies_and_pickles_of_the_classifier_are_xgboosts_own():
    estimator, _ = read_file(content(model("numbers"), "ubj"))
    assert type(pickle.loads(pickle.dumps(estimator))) is xgboost.XGBClassifier
    assert type(clone(estimator)) is XGBoostClassifier
