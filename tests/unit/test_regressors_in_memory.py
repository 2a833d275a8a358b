"""Regressors in the caller's memory: boosters with their trees, functions of numbers, whatever predicts."""

from __future__ import annotations

import pickle
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.support.cases import audited

import leakgauge
from leakgauge.errors import InputError
from regressors import numbers

X, Y = numbers(240, seed=5)
SIDES = (X[:120], Y[:120], X[120:], Y[120:])
ATTACKS = ["gap", "loss", "rmia", "leaf_counts", "boosting_equations"]
SETTINGS: dict[str, Any] = {"attacks": ATTACKS, "reference_models": 4, "tradeoffs": False}


pytestmark = pytest.mark.usefixtures("few_trees")


def areas(report: Any) -> dict[str, float]:
    return {one.name: one.metrics.auc.value for one in report.attacks if one.status == "measured"}


def of(model: Any, **settings: Any) -> Any:
    return leakgauge.audit(model, *SIDES, **(SETTINGS | settings))


BOOSTERS = {
    "XGBoost": xgboost.XGBRegressor(n_estimators=12, max_depth=3, n_jobs=1),
    "LightGBM": lightgbm.LGBMRegressor(n_estimators=12, num_leaves=8, n_jobs=1, verbose=-1),
    "a Pipeline": make_pipeline(StandardScaler(), xgboost.XGBRegressor(n_estimators=12, n_jobs=1)),
}


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_booster_in_memory_gives_the_figures_of_its_file(name, tmp_path):
    model = BOOSTERS[name].fit(*SIDES[:2])
    before = pickle.dumps(model)
    report = of(model)
    (tmp_path / "model.pkl").write_bytes(before)
    for file, (x, y) in (("train.csv", SIDES[:2]), ("test.csv", SIDES[2:])):
        pd.DataFrame(x).assign(label=y).to_csv(tmp_path / file, index=False)
    assert areas(report) == pytest.approx(areas(audited(tmp_path, **SETTINGS)), abs=1e-6)
    assert set(areas(report)) == set(ATTACKS)
    assert report.target.errors is not None
    assert np.array_equal(pickle.loads(before).predict(X), model.predict(X))


def test_a_search_over_a_booster_shows_its_trees():
    search = GridSearchCV(xgboost.XGBRegressor(n_estimators=10, n_jobs=1), {"max_depth": [2, 4]}, cv=2)
    report = of(search.fit(*SIDES[:2]))
    assert {"leaf_counts", "boosting_equations"} <= set(areas(report))
    assert type(search.best_estimator_) is xgboost.XGBRegressor


def test_an_objective_of_ones_own_is_audited_by_its_answers():
    def squares(y: Any, predicted: Any) -> Any:
        return predicted - y, np.ones(len(y))

    model = xgboost.XGBRegressor(n_estimators=10, n_jobs=1, objective=squares).fit(*SIDES[:2])
    assert set(areas(of(model))) >= {"gap", "loss", "rmia"}


FOREST = RandomForestRegressor(10, random_state=0).fit(*SIDES[:2])


class Predicts:
    """Neither an estimator of scikit-learn nor a function."""

    def __init__(self) -> None:
        self.weights = np.linalg.lstsq(*SIDES[:2], rcond=None)[0]

    def predict(self, x: Any) -> Any:
        return x @ self.weights


def test_functions_of_numbers_answer_as_the_estimator_does():
    settings = {"attacks": ["gap", "loss"]}
    expected = areas(of(FOREST, **settings))
    assert areas(of(FOREST.predict, **settings)) == expected
    assert areas(of(lambda x: FOREST.predict(x)[:, None], **settings)) == expected
    report = of(FOREST.predict, **settings)
    assert "no_recipe" in {warning.code for warning in report.warnings}


def test_fit_trains_models_like_a_function_of_numbers():
    def fit(x: Any, y: Any) -> Any:
        return RandomForestRegressor(10, random_state=0).fit(x, y).predict

    assert areas(of(FOREST.predict, attacks=["rmia"], fit=fit))["rmia"] > 0.6


def test_whatever_predicts_numbers_is_asked():
    report = of(Predicts(), attacks=["gap", "loss"])
    assert report.target.type == "Predicts"
    assert report.target.errors is not None


def counts(x: Any) -> Any:
    return np.abs(x[:, 0]).round()


def test_counts_are_numbers_where_the_answers_lie_between_them():
    y = np.abs(X[:, 0]).round()
    sides = (X[:120], y[:120], X[120:], y[120:])
    between = leakgauge.audit(lambda x: counts(x) + 0.25, *sides, attacks=["gap", "loss"])
    assert between.target.errors is not None
    labels = leakgauge.audit(counts, *sides, attacks=["gap"])
    assert labels.target.errors is None
    whole = (X[:120], y[:120].astype(int), X[120:], y[120:].astype(int))
    with pytest.raises(InputError, match="shape") as caught:
        leakgauge.audit(lambda x: counts(x) + 0.25, *whole, attacks=["gap"])
    assert "floats" in (caught.value.hint or "")


def test_a_probability_of_the_second_class_is_no_predicted_number():
    y = (np.median(Y) < Y).astype(int)
    with pytest.raises(InputError) as caught:
        leakgauge.audit(lambda x: 1 / (1 + np.exp(-x[:, 0])), X[:120], y[:120], X[120:], y[120:])
    assert caught.value.problem == "answer_shape"
    assert "column_stack" in (caught.value.hint or "")


def test_numbers_that_go_wrong_late_are_refused_by_name():
    def late(x: Any) -> Any:
        answer = x[:, 0].copy()
        answer[25:] = np.nan
        return answer

    with pytest.raises(InputError) as caught:
        of(late, attacks=["loss"])
    assert caught.value.problem == "not_finite"


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_bare_booster_is_refused_with_a_way_in_that_works(library):
    if library == "xgboost":
        booster: Any = xgboost.XGBRegressor(n_estimators=5, n_jobs=1).fit(*SIDES[:2]).get_booster()
        asked: Any = lambda x: booster.predict(xgboost.DMatrix(x))  # noqa: E731 -- as the hint has it
    else:
        booster = lightgbm.LGBMRegressor(n_estimators=5, n_jobs=1, verbose=-1).fit(*SIDES[:2]).booster_
        asked = lambda x: booster.predict(x)  # noqa: E731 -- as the hint has it
    with pytest.raises(InputError) as caught:
        of(booster)
    assert caught.value.problem == "not_a_model"
    assert "Regressor" in (caught.value.hint or "")
    assert set(areas(of(asked, attacks=["loss"]))) == {"loss"}
