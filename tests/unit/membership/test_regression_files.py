"""What the files of regression trees give away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from tests.support.regressors import numbers

from leakgauge.attacks.row import Unsuited
from leakgauge.defences.strip import strip
from leakgauge.estimates import area_under_roc
from leakgauge.membership.attacks import boosting_equations, bootstrap_replay, leaf_counts
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.model_contents.leaves.tree_cells import cells_of_trees, final_step
from leakgauge.progress import Silent
from leakgauge.targets.sklearn.target import SklearnTarget


def attacked(model: Any, *, unit: float = 1.0, n: int = 240) -> tuple[SharedAnswers, Pool]:
    x, y = numbers(n, seed=3)
    model.fit(x[: n // 2], unit * y[: n // 2])
    pool = Pool(x, unit * y, np.arange(n) < n // 2, np.arange(n) + 1)
    return SharedAnswers(SklearnTarget(model), pool), pool


def area(attack: Any, model: Any, **settings: Any) -> float:
    target, pool = attacked(model, **settings)
    scores = attack.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
    return area_under_roc(scores, pool.member)


LEAVES_OF_FIVE = {"min_samples_leaf": 5, "random_state": 0}


@pytest.mark.parametrize("criterion", ["squared_error", "absolute_error", "poisson"])
def test_members_can_always_have_been_in_their_leaf(criterion: str) -> None:
    x, y = numbers(200, seed=5)
    y = np.exp(y / 3.0)  # what poisson takes
    model = RandomForestRegressor(20, criterion=criterion, random_state=0).fit(x[:100], y[:100])
    pool = Pool(x, y, np.arange(200) < 100, np.arange(200))
    for tree, cells in zip(
        model.estimators_,
        cells_of_trees(final_step(model, pool.x), y),
        strict=True,
    ):
        rows = np.random.RandomState(tree.random_state).randint(0, 100, 100)
        drawn = np.bincount(rows, minlength=100)
        # all that the drawn records brought lies in their own cells
        brought = cells.total(np.append(drawn, np.zeros(100)))
        held = np.bincount(cells.of_record, minlength=len(cells.weight)) > 0
        assert np.allclose(brought[held], cells.weight[held])


@pytest.mark.parametrize(
    ("model", "least"),
    [
        (DecisionTreeRegressor(random_state=0), 0.99),
        (DecisionTreeRegressor(**LEAVES_OF_FIVE), 0.75),
        (RandomForestRegressor(30, random_state=0), 0.98),
        (RandomForestRegressor(30, **LEAVES_OF_FIVE), 0.75),
        (ExtraTreesRegressor(30, **LEAVES_OF_FIVE), 0.8),
        (BaggingRegressor(DecisionTreeRegressor(**LEAVES_OF_FIVE), 30, random_state=0), 0.75),
        (make_pipeline(StandardScaler(), RandomForestRegressor(30, **LEAVES_OF_FIVE)), 0.75),
    ],
    ids=lambda value: type(value).__name__,
)
def test_counts_and_means_of_leaves_tell_members(model: Any, least: float) -> None:
    assert area(leaf_counts, model) >= least


def test_replayed_seeds_tell_more_than_counts() -> None:
    model = RandomForestRegressor(60, min_samples_leaf=2, random_state=0)
    assert area(bootstrap_replay, model) >= max(area(leaf_counts, model), 0.95)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e12])
def test_equations_of_boosting_tell_members_in_any_unit(unit: float) -> None:
    model = GradientBoostingRegressor(n_estimators=60, random_state=0)
    assert area(boosting_equations, model, unit=unit) >= 0.97


def test_subsampling_blurs_the_equations() -> None:
    whole = area(boosting_equations, GradientBoostingRegressor(n_estimators=60, random_state=0))
    half = area(boosting_equations, GradientBoostingRegressor(n_estimators=60, subsample=0.5, random_state=0))
    assert 0.55 < half < whole


@pytest.mark.parametrize(
    ("attack", "model", "told"),
    [
        (boosting_equations, GradientBoostingRegressor(loss="huber", n_estimators=3), "loss huber"),
        (boosting_equations, Ridge(), "no gradient boosting"),
        (leaf_counts, Ridge(), "not a decision tree"),
        (leaf_counts, BaggingRegressor(Ridge(), 2), "not single trees"),
        (bootstrap_replay, ExtraTreesRegressor(2), "without a bootstrap"),
    ],
)
def test_what_holds_no_such_sums_says_so(attack: Any, model: Any, told: str) -> None:
    with pytest.raises(Unsuited, match=told):
        area(attack, model)


def test_a_stripped_forest_keeps_its_answers_and_loses_its_counts() -> None:
    target, pool = attacked(RandomForestRegressor(30, **LEAVES_OF_FIVE))
    before = target.predictions(pool.x)
    assert strip(target.estimator)
    stripped = SharedAnswers(SklearnTarget(target.estimator), pool)
    assert np.array_equal(stripped.predictions(pool.x), before)
    scores = leaf_counts.score(stripped, pool, rng=np.random.default_rng(0), progress=Silent())
    assert np.isfinite(scores).all()
    with pytest.raises(Unsuited):
        bootstrap_replay.score(stripped, pool, rng=np.random.default_rng(0), progress=Silent())
