"""LightGBM's models, whatever file they come in, answer as LightGBM itself does."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
from cases import audited
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
from leakgauge.targets.boosters.lightgbm_estimators import LightGBMClassifier
from leakgauge.targets.boosters.lightgbm_opening import read_file
from leakgauge.targets.formats import sanitizer_of
from leakgauge.targets.opening import open_table_model

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "slow": {"learning_rate": 0.05, "reg_lambda": 4.0, "subsample": 0.5, "subsample_freq": 1},
    "dart": {"boosting_type": "dart"},
    "forest": {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1},
    "goss": {"boosting_type": "goss"},
    "weighted": {"class_weight": "balanced"},
    "stumps": {"min_child_samples": 10_000},
    "own settings": {"max_bin": 15, "extra_trees": True, "path_smooth": 0.5},
}
NAMES = np.array(["no", "perhaps", "yes"])


def fitted(x: Any, y: Any, kind: Any = lightgbm.LGBMClassifier, **settings: Any) -> Any:
    settings = {"n_estimators": 5, "num_leaves": 6, "n_jobs": 1, "verbose": -1, "random_state": 7} | settings
    return kind(**settings).fit(x, y)


@functools.cache
def model(data: str, name: str = "plain") -> Any:
    frame, y = categories() if data == "categories" else numbers()
    if data == "two classes":
        return fitted(frame, y > 0, **SETTINGS[name])
    return fitted(frame, NAMES[y], **SETTINGS[name])


def rows(data: str) -> pd.DataFrame:
    return categories()[0] if data == "categories" else numbers()[0]


def content(classifier: Any, form: str) -> bytes:
    match form:
        case "text":
            return classifier.booster_.model_to_string().encode()
        case "booster":
            return pickle.dumps(classifier.booster_)
    return pickle.dumps(classifier, protocol=int(form[-1]))


@pytest.mark.parametrize("form", ["text", "booster", "pickle 2", "pickle 5"])
@pytest.mark.parametrize("data", ["numbers", "two classes", "categories"])
def test_every_file_answers_to_the_last_bit(data, form, tmp_path):
    (tmp_path / "model").write_bytes(content(model(data), form))
    target = open_table_model(tmp_path / "model")
    own = model(data).predict_proba(rows(data))
    assert np.abs(target.probabilities(rows(data)) - own).max() < 1e-6
    assert np.array_equal(target.estimator.predict_proba(rows(data)), own)
    if form.startswith("pickle"):
        assert target.classes.tolist() == model(data).classes_.tolist()
    else:  # the text does not hold the labels
        assert target.classes.tolist() == list(range(own.shape[1]))
    assert target.type_name == "LGBMClassifier"
    assert target.feature_names == tuple(rows(data).columns)
    assert target.packages == ("lightgbm",)


@pytest.mark.parametrize("form", ["text", "pickle 5"])
@pytest.mark.parametrize("name", SETTINGS)
def test_every_kind_of_training_answers_and_is_trained_again_to_the_last_bit(name, form, tmp_path):
    frame, y = numbers()
    made = model("numbers", name)
    (tmp_path / "model").write_bytes(content(made, form))
    estimator = open_table_model(tmp_path / "model").estimator
    assert np.array_equal(estimator.predict_proba(frame), made.predict_proba(frame))
    if (name, form) == ("weighted", "text"):
        return  # weights of classes are no setting of the text
    again = clone(estimator).set_params(random_state=7).fit(frame, y)
    assert np.array_equal(again.predict_proba(frame), made.predict_proba(frame))


def test_models_of_arrays_have_no_names(tmp_path):
    frame, y = numbers()
    made = fitted(frame.to_numpy(), y)
    (tmp_path / "model").write_bytes(content(made, "text"))
    target = open_table_model(tmp_path / "model")
    assert target.n_features == frame.shape[1]
    assert np.array_equal(target.labels(target.as_input(frame)), made.predict(frame.to_numpy()))


def test_a_model_that_stopped_early_answers_from_its_best_round_and_is_trained_that_long(tmp_path):
    x, y, others, of_others = halves(*numbers())
    made = lightgbm.LGBMClassifier(n_estimators=60, learning_rate=0.9, n_jobs=1, verbose=-1)
    stop = lightgbm.early_stopping(2, verbose=False)
    made.fit(x, y, eval_X=others, eval_y=of_others, callbacks=[stop])
    assert made.best_iteration_ < 60
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made))
    estimator = open_table_model(tmp_path / "model.pkl").estimator
    assert np.array_equal(estimator.predict_proba(others), made.predict_proba(others))
    assert clone(estimator).fit(x, y).n_estimators == made.best_iteration_


WRAPPERS = {
    "pipeline": lambda one: make_pipeline(StandardScaler().set_output(transform="pandas"), one),
    "vote": lambda one: VotingClassifier([("a", one), ("b", GaussianNB())], voting="soft"),
    "calibration": lambda one: CalibratedClassifierCV(one, cv=2),
    "search": lambda one: GridSearchCV(one, {"max_depth": [1, 3]}, cv=2),
}


@pytest.mark.parametrize(
    "wrapper", ["pipeline", *(pytest.param(name, marks=pytest.mark.slow) for name in list(WRAPPERS)[1:])]
)
def test_inside_other_estimators_too(wrapper, tmp_path):
    frame, y = numbers()
    x, of_members, others, _ = halves(frame, NAMES[y])
    one = lightgbm.LGBMClassifier(n_estimators=5, num_leaves=6, n_jobs=1, verbose=-1)
    made = WRAPPERS[wrapper](one).fit(x, of_members)
    folder = bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(made), frame, NAMES[y])
    target = open_table_model(folder / "model.pkl")
    assert np.abs(target.probabilities(others) - made.predict_proba(others)).max() < 1e-6
    assert all(attack.status == "measured" for attack in audited(folder).attacks)


@pytest.mark.parametrize("name", ["model.txt", "model.lgb", "model.pkl"])
def test_texts_of_every_name_are_audited_with_reference_models(name, tmp_path):
    x, y, *_ = halves(*numbers())
    folder = bundle_of(tmp_path / "bundle", name, content(fitted(x, y), "text"), *numbers())
    report = audited(folder)
    assert all(attack.status == "measured" for attack in report.attacks)
    assert "lightgbm" in report.versions


@pytest.mark.parametrize("form", ["text", "pickle 5"])
def test_categories_of_a_csv_are_those_of_the_training(form, tmp_path):
    frame, y = categories()
    x, of_members, *_ = halves(frame, y)
    made = fitted(x, of_members, min_data_per_group=1, cat_smooth=1.0)
    folder = bundle_of(tmp_path / "bundle", "model.pkl", content(made, form), frame, y)
    report = audited(folder)
    assert report.target.train_accuracy.value == pytest.approx((made.predict(x) == of_members).mean())
    assert all(attack.status == "measured" for attack in report.attacks)


def test_a_column_of_one_category_is_still_one():
    frame, y = categories()
    frame = frame.assign(country=pd.Categorical(["Germany"] * len(frame)))
    made = fitted(frame, y)
    estimator, _ = read_file(content(made, "text"))
    assert estimator.input_categories()[-1] == ("Germany",)
    assert np.array_equal(estimator.predict_proba(frame), made.predict_proba(frame))
    bare, _ = read_file(estimator.without_training().file_like(b""))
    assert bare.input_categories() == estimator.input_categories()


@pytest.mark.parametrize("form", ["text", "pickle 5"])
@pytest.mark.parametrize("data", ["numbers", "categories"])
def test_a_sanitised_file_answers_to_the_last_bit_and_holds_no_sums(data, form, tmp_path):
    (tmp_path / "model").write_bytes(content(model(data), form))
    (tmp_path / "scratch").mkdir()
    sanitized = sanitizer_of(tmp_path / "model")(tmp_path / "model", tmp_path / "scratch", Silent())
    (tmp_path / "new").write_bytes(sanitized.content)
    estimator = open_table_model(tmp_path / "new").estimator
    assert np.array_equal(estimator.predict_proba(rows(data)), model(data).predict_proba(rows(data)))
    for tree in estimator._model.trees:
        assert not any(map(np.any, (tree.leaf_count, tree.leaf_weight, tree.inner_count, tree.gain)))
    if form == "text":
        own = lightgbm.Booster(model_str=sanitized.content.decode()).predict(rows(data))
        theirs = model(data).booster_.predict(rows(data))
    else:
        own, theirs = (
            one.predict_proba(rows(data)) for one in (pickle.loads(sanitized.content), model(data))
        )
    assert np.array_equal(own, theirs)


def test_a_missing_library_is_told_by_name(tmp_path, monkeypatch):
    for module in ("formats", "libraries"):
        monkeypatch.setattr(f"leakgauge.targets.{module}.find_spec", lambda _module: None)
    for form in ("text", "pickle 5"):
        (tmp_path / "model").write_bytes(content(model("numbers"), form))
        with pytest.raises(UnsupportedModel) as caught:
            open_table_model(tmp_path / "model")
        assert caught.value.problem == "lightgbm_not_installed"


def test_copies_and_pickles_of_the_classifier_are_lightgbms_own(tmp_path):
    joblib.dump(model("numbers"), tmp_path / "model.joblib", compress=3)
    estimator = open_table_model(tmp_path / "model.joblib").estimator
    assert type(pickle.loads(pickle.dumps(estimator))) is lightgbm.LGBMClassifier
    assert type(clone(estimator)) is LightGBMClassifier
