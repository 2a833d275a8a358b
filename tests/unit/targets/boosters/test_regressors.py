"""Boosters of numbers answer as their libraries do, are attacked by their files, and are audited."""

from __future__ import annotations

import functools
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from cases import audited, refusal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from boosters import bundle_of, halves
from leakgauge.attacks.row import Unsuited
from leakgauge.errors import UnsupportedModel
from leakgauge.membership.attacks import boosting_equations, leaf_counts
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.model_contents.leaves.booster_rounds import equations_of_rounds
from leakgauge.progress import Silent
from leakgauge.targets.boosters import catboost_opening, lightgbm_opening, xgboost_opening
from leakgauge.targets.formats import sanitizer_of
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.sklearn.target import SklearnTarget

ROWS = 300
LEAST = {"n_estimators": 6, "n_jobs": 1, "random_state": 3}
XGBOOST: dict[str, dict[str, Any]] = {
    "reg:squarederror": {},
    "reg:squaredlogerror": {},
    "reg:absoluteerror": {},
    "reg:pseudohubererror": {"huber_slope": 2.0},
    "reg:quantileerror": {"quantile_alpha": 0.3},
    "reg:gamma": {},
    "reg:tweedie": {"tweedie_variance_power": 1.3},
    "count:poisson": {},
    "reg:logistic": {},
}
LIGHTGBM: dict[str, dict[str, Any]] = {
    "regression": {},
    "regression sqrt": {"objective": "regression", "reg_sqrt": True},
    "regression_l1": {},
    "huber": {"alpha": 1.5},
    "fair": {"fair_c": 2.0},
    "poisson": {},
    "quantile": {"alpha": 0.3},
    "mape": {},
    "gamma": {},
    "tweedie": {"tweedie_variance_power": 1.3},
}
CATBOOST = (
    *("RMSE", "MAE", "Quantile:alpha=0.3", "MAPE", "Huber:delta=1.5", "Expectile:alpha=0.3", "LogCosh"),
    *("Lq:q=3", "Poisson", "Tweedie:variance_power=1.3"),
)
OBJECTIVES = [
    *(("xgboost", name) for name in XGBOOST),
    *(("lightgbm", name) for name in LIGHTGBM),
    *(("catboost", name) for name in CATBOOST),
]
ATTACKS = ["gap", "loss", "rmia", "lira", "leaf_counts", "boosting_equations"]
RENEWED = {"reg:absoluteerror", "reg:quantileerror", "regression_l1", "quantile", "mape"}
"""Their leaves hold medians and quantiles, which are no sums over records."""


@functools.cache
def numbers() -> tuple[pd.DataFrame, np.ndarray]:
    """Rows with a positive number to predict."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 4))
    frame = pd.DataFrame(x, columns=["age", "size", "rooms", "distance"])
    return frame, np.exp(x[:, 0]) + rng.random(ROWS)


def labels_for(name: str) -> np.ndarray:
    y = numbers()[1]
    return y / (y.max() + 1.0) if name == "reg:logistic" else y


@functools.cache
def fitted(library: str, name: str) -> Any:
    """A regressor of the first half of the rows."""
    members = slice(0, ROWS // 2)
    if library == "xgboost":
        made: Any = xgboost.XGBRegressor(objective=name, max_depth=3, **LEAST, **XGBOOST[name])
    elif library == "catboost":
        made = catboost_regressor(loss_function=name)
    else:
        made = lightgbm.LGBMRegressor(
            num_leaves=8, verbose=-1, **LEAST, **{"objective": name} | LIGHTGBM[name]
        )
    return made.fit(numbers()[0].iloc[members], labels_for(name)[members])


def catboost_regressor(**settings: Any) -> Any:
    quiet = {"thread_count": 1, "verbose": 0, "allow_writing_files": False}
    return catboost.CatBoostRegressor(**{"iterations": 6, "depth": 3, "random_seed": 0} | quiet | settings)


def content(model: Any, form: str) -> bytes:
    if isinstance(model, catboost.CatBoostRegressor):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            model.save_model(path, format="json" if form == "own, JSON" else "cbm")
            return pickle.dumps(model) if form in ("booster", "pickle") else path.read_bytes()
    if isinstance(model, xgboost.XGBRegressor):
        booster = model.get_booster()
        own = bytes(booster.save_raw("json" if form == "own, JSON" else "ubj"))
    else:
        booster = model.booster_
        own = booster.model_to_string().encode()
    return {"booster": pickle.dumps(booster), "pickle": pickle.dumps(model)}.get(form, own)


def shared(target: Any, name: str) -> tuple[SharedAnswers, Pool]:
    frame, _ = numbers()
    pool = Pool(frame, labels_for(name), np.arange(ROWS) < ROWS // 2, np.arange(ROWS) + 1)
    return SharedAnswers(target, pool), pool


@pytest.mark.parametrize("form", ["own", "own, JSON", "booster", "pickle"])
@pytest.mark.parametrize(("library", "name"), OBJECTIVES)
def test_every_file_answers_to_the_last_bit_and_is_trained_again_alike(library, name, form, tmp_path):
    (tmp_path / "model").write_bytes(content(fitted(library, name), form))
    target = open_table_model(tmp_path / "model")
    frame, _ = numbers()
    own = fitted(library, name).predict(frame)
    assert target.gives == "predictions"
    assert target.type_name == type(fitted(library, name)).__name__
    assert np.abs(target.predictions(target.as_input(frame)) - own).max() < 1e-6
    if form in ("booster", "pickle"):  # the others hold only what trees show of their training
        again = clone(target.estimator).set_params(random_state=0 if library == "catboost" else 3)
        again.fit(frame.iloc[: ROWS // 2], labels_for(name)[: ROWS // 2])
        assert np.abs(again.predict(frame) - own).max() < 1e-6


@pytest.mark.parametrize("form", ["own", "pickle"])
@pytest.mark.parametrize(("library", "name"), OBJECTIVES)
def test_the_training_records_solve_the_equations_of_every_tree(library, name, form, tmp_path):
    (tmp_path / "model").write_bytes(content(fitted(library, name), form))
    shared_answers, pool = shared(open_table_model(tmp_path / "model"), name)
    blocks = list(equations_of_rounds(shared_answers.estimator, pool.x, pool.y))
    kinds = len(blocks) / len(list(shared_answers.estimator.held_rounds(pool.x)))
    least = {"lightgbm": 1.8, "catboost": 2 if name == "RMSE" else 1}
    assert kinds > least.get(library, 1 if name in RENEWED | {"count:poisson"} else 2) - 0.01
    for block in blocks:
        sums = np.bincount(block.row, weights=block.coefficient * pool.member, minlength=len(block.right))
        touched = np.unique(block.row[pool.member])
        assert (np.abs(sums - block.right) / (1.0 + np.abs(block.right)))[touched].max() < 3e-3


OPENING = {"xgboost": xgboost_opening, "lightgbm": lightgbm_opening, "catboost": catboost_opening}


def refitted(library: str, name: str, **settings: Any) -> SklearnTarget:
    """Another regressor of the same rows, read from its own file."""
    members = slice(0, ROWS // 2)
    made = clone(fitted(library, name)).set_params(**settings)
    made.fit(numbers()[0].iloc[members], labels_for(name)[members])
    opening: Any = OPENING[library]
    return SklearnTarget(opening.read_file(content(made, "own"))[0])


def area(attack: Any, target: SklearnTarget, name: str) -> float:
    answers, pool = shared(target, name)
    scores = attack.score(answers, pool, rng=np.random.default_rng(0), progress=Silent())
    return float(roc_auc_score(pool.member, scores))


@pytest.mark.parametrize(
    ("library", "name"),
    [("xgboost", "reg:gamma"), ("xgboost", "reg:absoluteerror"), ("lightgbm", "huber"), ("catboost", "RMSE")],
)
def test_members_are_found_in_the_file_of_a_regressor(library, name):
    target = refitted(library, name, **{"iterations" if library == "catboost" else "n_estimators": 50})
    assert area(boosting_equations, target, name) > 0.9
    assert area(leaf_counts, target, name) > 0.6


def test_trees_that_are_dropped_are_attacked_by_their_counts_alone():
    target = refitted("xgboost", "reg:squarederror", booster="dart", rate_drop=0.3, n_estimators=30)
    assert area(leaf_counts, target, "reg:squarederror") > 0.6
    weighted = refitted("xgboost", "reg:gamma", booster="dart", rate_drop=0.3)
    with pytest.raises(Unsuited, match="dart"):
        area(leaf_counts, weighted, "reg:gamma")


@pytest.mark.parametrize("form", ["own", "pickle"])
@pytest.mark.parametrize(
    ("library", "name"), [("xgboost", "reg:quantileerror"), ("lightgbm", "tweedie"), ("catboost", "Poisson")]
)
def test_a_sanitised_file_answers_to_the_last_bit_and_holds_no_sums(library, name, form, tmp_path):
    (tmp_path / "model").write_bytes(content(fitted(library, name), form))
    (tmp_path / "scratch").mkdir()
    sanitized = sanitizer_of(tmp_path / "model")(tmp_path / "model", tmp_path / "scratch", Silent())
    (tmp_path / "new").write_bytes(sanitized.content)
    target = open_table_model(tmp_path / "new")
    frame, _ = numbers()
    assert np.array_equal(target.estimator.predict(frame), fitted(library, name).predict(frame))
    assert all(
        held.cover is None and held.count is None for held in next(target.estimator.held_rounds(frame))
    )
    with pytest.raises(Unsuited):
        area(leaf_counts, target, name)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_models_that_stopped_early_are_trained_that_long_again(library, tmp_path):
    frame, y = numbers()
    x, of_members, others, of_others = halves(frame, y)
    if library == "xgboost":
        made: Any = xgboost.XGBRegressor(
            n_estimators=60, learning_rate=1.0, early_stopping_rounds=2, n_jobs=1
        ).fit(x, of_members, eval_set=[(others, of_others)], verbose=False)
        rounds = made.best_iteration + 1
    else:
        stop = lightgbm.early_stopping(2, verbose=False)
        made = lightgbm.LGBMRegressor(n_estimators=60, learning_rate=1.0, n_jobs=1, verbose=-1)
        made.fit(x, of_members, eval_X=others, eval_y=of_others, callbacks=[stop])
        rounds = made.best_iteration_
    assert rounds < 60
    (tmp_path / "model").write_bytes(pickle.dumps(made))
    target = open_table_model(tmp_path / "model")
    assert np.array_equal(target.predictions(others), made.predict(others).astype(np.float64))
    assert clone(target.estimator).get_params()["n_estimators"] == rounds


WRAPPERS = {
    "pipeline": lambda one: make_pipeline(StandardScaler(), one),
    "vote": lambda one: VotingRegressor([("a", one), ("b", Ridge())]),
    "search": lambda one: GridSearchCV(one, {"learning_rate": [0.1, 0.5]}, cv=2),
    "logarithm": lambda one: TransformedTargetRegressor(one, func=np.log1p, inverse_func=np.expm1),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(
    "model",
    [
        xgboost.XGBRegressor(n_estimators=5, max_depth=3, n_jobs=1),
        xgboost.XGBRFRegressor(n_estimators=5, max_depth=3, n_jobs=1),
        lightgbm.LGBMRegressor(n_estimators=5, num_leaves=6, n_jobs=1, verbose=-1),
        catboost_regressor(iterations=5),
    ],
    ids=lambda model: type(model).__name__,
)
def test_inside_other_estimators_too(wrapper, model, tmp_path):
    frame, y = numbers()
    made = WRAPPERS[wrapper](clone(model)).fit(frame, y)
    (tmp_path / "model").write_bytes(pickle.dumps(made))
    target = open_table_model(tmp_path / "model")
    assert np.allclose(target.predictions(target.as_input(frame)), made.predict(frame), atol=1e-6)
    again = clone(target.recipe).fit(frame, y)
    assert np.allclose(again.predict(frame), made.predict(frame), atol=1e-5)


@pytest.mark.parametrize(
    ("library", "file"),
    [
        *(("xgboost", "model.ubj"), ("lightgbm", "model.txt"), ("catboost", "model.cbm")),
        *(("xgboost", "model.pkl"), ("catboost", "model.pkl")),
    ],
)
def test_an_overfitted_regressor_is_found_and_called_so(library, file, tmp_path):
    frame, y = numbers()
    y = y + np.random.default_rng(7).normal(size=ROWS)
    x, of_members, *_ = halves(frame, y)
    settings = {"n_estimators": 60, "learning_rate": 0.3}
    made: Any = {
        "xgboost": lambda: xgboost.XGBRegressor(**settings, n_jobs=1),
        "lightgbm": lambda: lightgbm.LGBMRegressor(**settings, min_child_samples=2, n_jobs=1, verbose=-1),
        "catboost": lambda: catboost_regressor(iterations=60, learning_rate=0.3, depth=6),
    }[library]()
    made.fit(x, of_members)
    folder = bundle_of(
        tmp_path / "bundle", file, content(made, "pickle" if file.endswith("pkl") else "own"), frame, y
    )
    report = audited(folder, attacks=ATTACKS, tradeoffs=False, reference_models=4)
    found = {attack.name: attack for attack in report.attacks}
    assert {attack.status for attack in report.attacks} == {"measured"}
    assert found["boosting_equations"].metrics.auc.value > 0.95
    assert found["loss"].metrics.auc.value > 0.7
    assert report.verdict.severity.value in {"high", "critical"}
    assert report.target.errors is not None


def catboost_classes(x: pd.DataFrame, y: np.ndarray) -> Any:
    made = catboost.CatBoostClassifier(iterations=2, thread_count=1, verbose=0, allow_writing_files=False)
    return made.fit(x, y)


def test_what_predicts_another_kind_than_its_name_says_is_refused(tmp_path: Path):
    frame, y = numbers()
    named = xgboost.XGBRegressor(n_estimators=2, objective="binary:logistic").fit(frame, y > 2)
    classes: Any = xgboost.XGBClassifier(n_estimators=2)
    classes._Booster = fitted("xgboost", "reg:gamma").get_booster()
    light: Any = lightgbm.LGBMClassifier(n_estimators=2)
    light._Booster = fitted("lightgbm", "huber").booster_
    number: Any = catboost.CatBoostRegressor(iterations=2)
    number.load_model(blob=catboost_classes(frame, y > 2)._serialize_model())
    told_of = ((named, "binary:logistic"), (classes, "reg:gamma"), (light, "huber"), (number, "Logloss"))
    for model, told in told_of:
        folder = bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(model), frame, y)
        error = refusal(folder)
        assert error.problem == "unsupported_booster"
        assert told in str(error)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda x, y: xgboost.XGBRanker(n_estimators=2).fit(x, y, qid=np.repeat([0, 1], ROWS // 2)), "order"),
        (lambda x, y: xgboost.XGBRegressor(n_estimators=2, objective="survival:cox").fit(x, y), "cut off"),
        (
            lambda x, y: xgboost.XGBRegressor(
                n_estimators=2, objective="reg:quantileerror", quantile_alpha=[0.2, 0.8]
            ).fit(x, y),
            "several",
        ),
        (lambda x, y: xgboost.XGBRegressor(n_estimators=2).fit(x, np.column_stack([y, y])), "several"),
        (
            lambda x, y: lightgbm.LGBMRanker(n_estimators=2, verbose=-1).fit(x, y, group=[ROWS // 2] * 2),
            "order",
        ),
        (
            lambda x, y: catboost_regressor(loss_function="MultiRMSE").fit(x, np.column_stack([y, y])),
            "several",
        ),
        (lambda x, y: catboost_regressor(loss_function="RMSEWithUncertainty").fit(x, y), "spread"),
        (lambda x, y: catboost_regressor(loss_function="Cox").fit(x, y), "order"),
        (lambda x, y: catboost_regressor(loss_function="LogLinQuantile").fit(x, y + 1.0), "not known"),
    ],
)
def test_what_has_no_error_is_refused_with_the_reason(make, told, tmp_path):
    frame, _ = numbers()
    model = make(frame, np.arange(ROWS) % 5)
    if isinstance(model, xgboost.XGBModel):
        own = bytes(model.get_booster().save_raw("json"))
    elif isinstance(model, catboost.CatBoostRegressor):
        own = content(model, "own")
    else:
        own = model.booster_.model_to_string().encode()
    (tmp_path / "model").write_bytes(own)
    with pytest.raises(UnsupportedModel, match=told) as caught:
        open_table_model(tmp_path / "model")
    assert caught.value.problem == "unsupported_booster"
    assert caught.value.hint
