from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fitted_pools import area, digits, fitted_pool, scores_of, shared
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.attacks import boosting_equations, loss
from leakgauge.model_contents.leaves import boosting as leaves_boosting
from leakgauge.model_contents.leaves import box_least_squares
from leakgauge.model_contents.leaves.tree_cells import as_trees_read


def system_of(model, pool):
    equations = leaves_boosting._equations(model, as_trees_read(pool.x), pool.y)
    return leaves_boosting._system(equations, pool.y)


def boosting(**settings):
    return GradientBoostingClassifier(**{"n_estimators": 25, "random_state": 0} | settings)


@pytest.mark.parametrize("seed", range(3))
def test_many_classes_are_recovered(seed):
    target, pool = fitted_pool(boosting(n_estimators=40), *digits(500), seed=seed)
    scores = scores_of(boosting_equations.score, target, pool)
    assert np.mean((scores > 0.5) == pool.member) > 0.99
    assert roc_auc_score(pool.member, scores) > 0.999


@pytest.mark.parametrize(
    "settings",
    [{}, {"loss": "exponential"}, {"max_depth": 1}, {"max_leaf_nodes": 4}, {"init": "zero"}],
    ids=str,
)
def test_two_classes(settings):
    x, y = load_breast_cancer(return_X_y=True)
    target, pool = fitted_pool(boosting(**settings), x, y, seed=0)
    found = area(boosting_equations.score, target, pool)
    assert found > 0.57
    assert found > area(loss.score, target, pool) + 0.04


@pytest.mark.parametrize(
    "model",
    [
        boosting(),
        boosting(loss="exponential"),
        boosting(init=DummyClassifier(strategy="prior"), max_leaf_nodes=5),
    ],
    ids=["log loss", "exponential", "own start"],
)
def test_the_training_records_solve_the_equations(model):
    x, y = load_breast_cancer(return_X_y=True)
    target, pool = fitted_pool(model, x[:200], y[:200], seed=0)
    system = system_of(target.estimator, pool)
    missed = system.transposed.T @ pool.member.astype(np.float32) - system.right
    assert np.abs(missed).max() < 1e-3


def test_many_classes_solve_the_equations():
    target, pool = fitted_pool(boosting(n_estimators=10), *digits(300), seed=0)
    system = system_of(target.estimator, pool)
    missed = system.transposed.T @ pool.member.astype(np.float32) - system.right
    assert np.abs(missed).max() < 1e-3


def test_leaf_values_alone_give_much_away():
    """What stays in a file that was stripped of all counts."""
    target, pool = fitted_pool(boosting(), *digits(300), seed=0)
    for tree in target.estimator.estimators_.ravel():
        state = tree.tree_.__getstate__()
        state["nodes"]["n_node_samples"] = 1
        state["nodes"]["weighted_n_node_samples"] = 1
        state["nodes"]["impurity"] = 0
        tree.tree_.__setstate__(state)
    assert area(boosting_equations.score, target, pool) > 0.85


def test_subsampling_blurs_the_equations_but_does_not_hide_them():
    target, pool = fitted_pool(boosting(n_estimators=50, subsample=0.5), *digits(300), seed=0)
    found = area(boosting_equations.score, target, pool)
    assert area(loss.score, target, pool) < found < 0.999


def test_behind_a_pipeline():
    target, pool = fitted_pool(make_pipeline(StandardScaler(), boosting()), *digits(300), seed=0)
    assert area(boosting_equations.score, target, pool) > 0.99


@pytest.mark.parametrize("most_dense", [100, 1_000])
def test_large_tables_give_nearly_the_same_by_gradients(most_dense, monkeypatch):
    target, pool = fitted_pool(boosting(), *digits(200), seed=0)
    exact = scores_of(boosting_equations.score, target, pool)
    monkeypatch.setattr(box_least_squares, "MOST_EXACT", 100)
    monkeypatch.setattr(box_least_squares, "MOST_DENSE", most_dense)
    by_gradients = scores_of(boosting_equations.score, target, pool)
    assert np.abs(by_gradients - exact).mean() < 0.05
    assert ((by_gradients > 0.5) == (exact > 0.5)).mean() > 0.98


def test_a_budget_leaves_later_stages_out(monkeypatch):
    target, pool = fitted_pool(boosting(), *digits(200), seed=0)
    monkeypatch.setattr(leaves_boosting, "MOST_COEFFICIENTS", 200 * 40)
    system = system_of(target.estimator, pool)
    assert system.transposed.nnz <= 200 * 40
    assert area(boosting_equations.score, target, pool) > 0.55


def test_a_model_trained_on_none_of_the_pool_scores_no_side_higher():
    x, y = digits(900)
    model = boosting(n_estimators=10).fit(x[:300], y[:300])
    member = np.random.default_rng(3).random(600) < 0.5
    assert abs(area(boosting_equations.score, *shared(model, x[300:], y[300:], member)) - 0.5) < 0.07


def test_the_membership_of_the_pool_is_not_read():
    target, pool = fitted_pool(boosting(n_estimators=5), *digits(150), seed=0)
    flipped = dataclasses.replace(pool, member=~pool.member)
    np.testing.assert_array_equal(
        scores_of(boosting_equations.score, target, pool),
        scores_of(boosting_equations.score, target, flipped),
    )


@pytest.mark.parametrize("model", [RandomForestClassifier(3), HistGradientBoostingClassifier(max_iter=2)])
def test_other_models_are_unsuited(model):
    target, pool = fitted_pool(model, *digits(150), seed=0)
    with pytest.raises(Unsuited, match="no gradient boosting"):
        scores_of(boosting_equations.score, target, pool)


def test_weighted_training_is_unsuited():
    x, y = digits(150)
    member = np.arange(150) < 75
    model = boosting(n_estimators=2).fit(x[:75], y[:75], sample_weight=np.linspace(0.5, 2.0, 75))
    target, pool = shared(model, x, y, member)
    with pytest.raises(Unsuited, match="weighted"):
        scores_of(boosting_equations.score, target, pool)
