"""Reference models: fair halves, faithful clones, one training for all, and a reason where there are none."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pools import inputs_of, records
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from leakgauge.attacks.row import Unsuited
from leakgauge.exhaustion import NOT_AUDITED, OutOfTime
from leakgauge.membership.pool import Pool
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.training_sets import TrainingData
from leakgauge.progress import Calling, Silent
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

PICKLES = Path(__file__).parents[2] / "data" / "pickles"


class ScriptedClock:
    """Every look at it is ten seconds later."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10.0
        return self.now


def pool_of(x, y, classes) -> Pool:
    n = len(y)
    return Pool(x, np.searchsorted(classes, y).astype(np.int64), np.arange(n) < n // 2, np.arange(n) + 1)


def references(estimator, x, y, *, models=4, seed=0, **more) -> ReferenceModels:
    plan = Plan(estimator, estimator.classes_, models=models, seed=seed)
    return ReferenceModels(plan, TrainingData.of(pool_of(x, y, estimator.classes_)), **more)


@pytest.mark.parametrize("n", [120, 121])
def test_every_record_is_in_the_training_data_of_half_of_the_models(n: int) -> None:
    x, y = records(n, seed=0)
    answers = references(LogisticRegression().fit(x, y), x, y, models=6)(Silent())
    assert answers.p_y.shape == answers.trained_on.shape == (6, n)
    assert answers.p_y.dtype == np.float64
    assert (answers.trained_on.sum(axis=0) == 3).all()
    for first in (0, 2, 4):
        assert (answers.trained_on[first] ^ answers.trained_on[first + 1]).all()
    for label in range(3):
        per_half = answers.trained_on[:, y == label].sum(axis=1)
        assert per_half.max() - per_half.min() <= 1
    assert len({row.tobytes() for row in answers.trained_on}) == 6


def test_a_clone_knows_what_it_was_trained_on() -> None:
    x, y = records(200, seed=0)
    answers = references(DecisionTreeClassifier(random_state=0).fit(x, y), x, y)(Silent())
    assert (answers.p_y[answers.trained_on] == 1.0).all()
    assert answers.p_y[~answers.trained_on].mean() < 0.9
    assert (answers.mean_in() == 1.0).all()
    assert np.allclose(answers.mean_out(), (answers.p_y * ~answers.trained_on).sum(axis=0) / 2)


def test_a_whole_pipeline_is_trained_again_on_text_and_numbers() -> None:
    x, y = records(150, seed=0)
    frame = pd.DataFrame({"words": np.where(x[:, 0] > 0, "up high", "down low"), "size": x[:, 1]})
    frame["town"] = np.where(x[:, 2] > 0, "Rome", "Oslo")
    model = make_pipeline(
        make_column_transformer(
            (TfidfVectorizer(), "words"), (OneHotEncoder(), ["town"]), remainder="passthrough"
        ),
        RandomForestClassifier(5, random_state=0),
    ).fit(frame, y)
    answers = references(model, frame, y)(Silent())
    assert answers.p_y[answers.trained_on].mean() > answers.p_y[~answers.trained_on].mean() + 0.1


def test_lean_numbers_change_no_answer() -> None:
    x, y = records(200, seed=0)
    model = RandomForestClassifier(10, random_state=0).fit(x, y)
    lean = references(model, x, y)(Silent()).p_y
    frame = pd.DataFrame(x).astype(object)  # keeps the rows from being made lean
    as_they_are = references(model, frame, y)(Silent()).p_y
    assert np.array_equal(lean, as_they_are)
    assert np.array_equal(model.predict_proba(x), model.predict_proba(x.astype(np.float32)))


def test_the_settings_stay_and_only_the_seeds_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = records(120, seed=0)
    seen = []
    fit = DecisionTreeClassifier.fit

    def spy(self, rows, labels, *args, **more):
        seen.append(self.get_params())
        return fit(self, rows, labels, *args, **more)

    monkeypatch.setattr(DecisionTreeClassifier, "fit", spy)
    model = DecisionTreeClassifier(max_depth=3, class_weight={0: 1.0, 1: 2.0, 2: 3.0}, random_state=7).fit(
        x, y
    )
    references(model, x, y)(Silent())
    clones = seen[1:]
    assert len(clones) == 4
    assert len({settings["random_state"] for settings in clones} - {7}) == 4
    assert all({**settings, "random_state": 7} == seen[0] for settings in clones)


def test_nested_parts_get_seeds_too() -> None:
    x, y = records(120, seed=0)
    model = StackingClassifier(
        [("trees", BaggingClassifier(DecisionTreeClassifier(splitter="random"), 3))], cv=2
    ).fit(x, y)
    first, second = (references(model, x, y)(Silent()).p_y for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, references(model, x, y, seed=1)(Silent()).p_y)


def test_warm_start_and_a_share_of_samples_are_kept() -> None:
    x, y = records(120, seed=0)
    model = RandomForestClassifier(5, warm_start=True, max_samples=0.5, random_state=0).fit(x, y)
    answers = references(model, x, y)(Silent())
    assert answers.p_y[answers.trained_on].mean() > answers.p_y[~answers.trained_on].mean()


def test_a_class_that_a_clone_never_saw_has_no_chance_there() -> None:
    x, y = records(100, seed=0)
    y = y.copy()
    y[0] = 3  # one record of its own class: one of each pair knows it
    answers = references(DecisionTreeClassifier(random_state=0).fit(x, y), x, y)(Silent())
    assert (answers.p_y[answers.trained_on[:, 0], 0] == 1.0).all()
    assert (answers.p_y[~answers.trained_on[:, 0], 0] == 0.0).all()


def test_all_attacks_share_one_training_which_reports_its_progress() -> None:
    x, y = records(80, seed=0)
    trained = references(LogisticRegression().fit(x, y), x, y)
    told: list[float] = []
    first = trained(Calling(lambda stage, fraction: told.append(fraction)))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert trained(Silent()) is first
    assert trained.notices == ()


def test_a_time_budget_stops_after_whole_pairs_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    x, y = records(80, seed=0)
    model = LogisticRegression().fit(x, y)
    short = references(model, x, y, models=16, most_seconds=lambda: 45.0, clock=ScriptedClock())
    answers = short(Silent())
    assert len(answers.p_y) == 8
    assert (answers.trained_on.sum(axis=0) == 4).all()
    (notice,) = short.notices
    assert notice.code == "fewer_reference_models"
    assert "8 of 16" in notice.message
    full = references(model, x, y, models=16)(Silent())
    assert np.array_equal(answers.p_y, full.p_y[:8])  # the models that were trained are the very same
    hurried = references(model, x, y, models=16, most_seconds=lambda: 0.001, clock=ScriptedClock())
    one_pair = hurried(Silent())
    assert len(one_pair.p_y) == 2


@pytest.mark.parametrize(("ends_after", "kept"), [(1, None), (2, 2), (3, 2), (5, 4), (8, 8)])
def test_rounds_that_are_done_are_kept_where_time_runs_out_in_the_next(
    monkeypatch: pytest.MonkeyPatch, ends_after: int, kept: int | None
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    x, y = records(80, seed=0)
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(x, y)
    told = []

    def listen(stage: str, fraction: float) -> None:
        told.append(stage)
        if len(told) == ends_after:
            raise OutOfTime(NOT_AUDITED)

    some = references(model, x, y, models=8, most_seconds=lambda: 1e9, clock=lambda: 0.0)
    if kept is None:
        with pytest.raises(OutOfTime):
            some(Calling(listen))
        return
    answers = some(Calling(listen))
    full = references(model, x, y, models=8)
    assert np.array_equal(answers.p_y, full(Silent()).p_y[:kept])
    assert (answers.cut_short is None) == (kept == 8)
    fewer = references(model, x, y, models=kept)
    fewer(Silent())
    assert some.accuracy == fewer.accuracy


class Untrainable(ClassifierMixin, BaseEstimator):
    classes_ = np.array([0, 1, 2])

    def fit(self, x, y):
        raise ZeroDivisionError("secret value 4711")


class Uncloneable(ClassifierMixin, BaseEstimator):
    classes_ = np.array([0, 1, 2])

    def __init__(self, *numbers):
        self.numbers = numbers


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (Untrainable(), "trained again.*ZeroDivisionError"),
        (Uncloneable(1), "cloned"),
    ],
)
def test_what_cannot_be_trained_again_says_why(estimator, reason: str) -> None:
    x, y = records(60, seed=0)
    trained = references(estimator, x, y)
    with pytest.raises(Unsuited, match=reason) as caught:
        trained(Silent())
    assert "4711" not in str(caught.value)
    with pytest.raises(Unsuited, match=reason):
        trained(Silent())


def test_frozen_parts_would_give_away_what_the_target_knows() -> None:
    x, y = records(90, seed=0)
    base = DecisionTreeClassifier(random_state=0).fit(x, y)
    model = CalibratedClassifierCV(FrozenEstimator(base), cv=2).fit(x, y)
    with pytest.raises(Unsuited, match="frozen"):
        references(model, x, y)(Silent())


def test_no_model_and_none_asked_for() -> None:
    x, y = records(60, seed=0)
    pool = pool_of(x, y, np.arange(3))
    for estimator, models, reason in (
        (None, 4, "cannot be trained again"),
        (LogisticRegression(), 0, "is 0"),
    ):
        plan = Plan(estimator, np.arange(3), models=models, seed=0)
        with pytest.raises(Unsuited, match=reason):
            ReferenceModels(plan, TrainingData.of(pool))(Silent())


def test_the_filters_of_warnings_are_left_as_they_were() -> None:
    x, y = records(80, seed=0)
    before = list(warnings.filters)
    answers = references(LogisticRegression(max_iter=300).fit(x, y).set_params(max_iter=1), x, y)(Silent())
    assert np.isfinite(answers.p_y).all()
    assert warnings.filters == before


@pytest.mark.parametrize(
    "file",
    [
        "ada_boost.pkl",
        "gradient_boosting.pkl",
        "forest.pkl",
        "tree.pkl",
        "hist_gradient_boosting.joblib",
        "sgd.pkl",
    ],
)
@pytest.mark.parametrize("version", ["0.24.2", "1.0.2", "1.3.2", "1.7.2"])
def test_models_of_earlier_versions_are_trained_again_as_todays(
    version: str, file: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(PICKLES / f"{version}.zip") as archive:
        archive.extract(file, tmp_path)
    target = SklearnTarget(load_model(tmp_path / file).estimator)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, target.n_features))
    y = target.classes[np.arange(60) % len(target.classes)]
    answers = references(target.estimator, x, y, models=2)(Silent())
    assert answers.p_y[answers.trained_on].mean() > answers.p_y[~answers.trained_on].mean()


def test_boosting_is_trained_again_by_way_of_the_audits_own_target() -> None:
    members = records(80, seed=0)
    model = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(*members)
    inputs = inputs_of(model, members, records(80, seed=1))
    plan = Plan(inputs.target.estimator, inputs.target.classes, models=2, seed=0)
    assert ReferenceModels(plan, TrainingData.of(inputs.pool))(Silent()).p_y.shape == (2, 160)


@pytest.mark.parametrize(
    "encoder", [OneHotEncoder(), OrdinalEncoder(), OneHotEncoder(drop="first", min_frequency=3)]
)
def test_an_encoder_that_refuses_unknown_values_knows_every_rare_one(encoder) -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"city": rng.choice(["Bern", "Basel"], 80), "age": rng.normal(size=80)})
    x.loc[[3, 70], "city"] = ["Chur", "Genf"]  # once each: in one half of every pair
    y = rng.choice(["no", "yes"], 80)
    parts = make_column_transformer((encoder, ["city"]), remainder="passthrough")
    vote = VotingClassifier(
        [("tree", make_pipeline(parts, DecisionTreeClassifier(random_state=0)))], voting="soft"
    )
    for model in (make_pipeline(parts, DecisionTreeClassifier(random_state=0)), vote):
        found = references(model.fit(x, y), x, y)(Silent())
        assert found.p_y.shape == (4, 80)
        assert (found.p_y[found.trained_on] == 1.0).all()


def test_a_clone_that_takes_other_columns_is_refused_by_name() -> None:
    rng = np.random.default_rng(0)
    trained_on = pd.DataFrame({"code": rng.choice(["1", "2"], 60), "age": rng.normal(size=60)})
    y = rng.choice(["no", "yes"], 60)
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude=np.number)),
            (StandardScaler(), make_column_selector(dtype_include=np.number)),
        ),
        DecisionTreeClassifier(),
    ).fit(trained_on, y)
    with pytest.raises(Unsuited, match=r"other columns than the model itself \(code\)"):
        references(model, trained_on.astype({"code": int}), y)(Silent())
