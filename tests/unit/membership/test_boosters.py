"""What the files of boosting libraries give away: attacks on them, against the truth."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
import xgboost
from fitted_pools import area, digits, scores_of, shared

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.attacks import boosting_equations, leaf_counts
from leakgauge.model_contents.leaves.booster_rounds import equations_of_rounds, seen_trees
from leakgauge.model_contents.leaves.equations import Equations
from leakgauge.targets.boosters import lightgbm_opening, xgboost_opening

SETTINGS = {
    "plain": {},
    "slow": {"learning_rate": 0.1, "reg_lambda": 3.0},
    "forests": {"num_parallel_tree": 2, "colsample_bynode": 0.5},
    "two classes": {"scale_pos_weight": 3.0},
}


LIGHT = {
    "plain": {},
    "slow": {"learning_rate": 0.3, "reg_lambda": 2.0},
    "two classes": {"scale_pos_weight": 3.0},
    "sharp": {"sigmoid": 2.0},
    "goss": {"boosting_type": "goss", "learning_rate": 0.2},
    "dart": {"boosting_type": "dart"},
    "weighted": {"class_weight": "balanced"},
}


def light(name):
    """A pool and a LightGBM classifier that was read from its pickle's parts."""
    x, y = digits(300)
    if name in {"two classes", "sharp"}:
        y = y % 2
    member = np.arange(len(y)) < len(y) // 2
    model = lightgbm.LGBMClassifier(n_estimators=12, num_leaves=10, n_jobs=1, verbose=-1, **LIGHT[name])
    model.fit(x[member], y[member])
    booster = lightgbm_opening.from_pickle("Booster", model.booster_.__getstate__())
    classifier = lightgbm_opening.from_pickle("LGBMClassifier", {**vars(model), "_Booster": booster})
    return shared(classifier, x, y, member)


@pytest.mark.parametrize("name", LIGHT)
def test_the_training_records_solve_the_equations_of_lightgbm(name):
    target, pool = light(name)
    blocks = list(equations_of_rounds(target.estimator, pool.x, pool.y))
    per_tree = len(blocks) / len(target.estimator._model.trees)
    expected = {"dart": 1, "weighted": 1, "goss": 3 * 5 / 12, "two classes": (1 + 3 * 11) / 12}
    assert per_tree == pytest.approx(expected.get(name, 3))
    for block in blocks:
        sums = np.bincount(block.row, weights=block.coefficient * pool.member, minlength=len(block.right))
        touched = np.unique(block.row)
        assert np.abs(sums - block.right)[touched].max() < 3e-3


def test_members_of_lightgbm_are_found_in_its_file():
    target, pool = light("plain")
    assert area(boosting_equations.score, target, pool) > 0.95
    assert area(leaf_counts.score, target, pool) > 0.75


def test_the_answers_of_a_stripped_lightgbm_still_give_equations_from_the_second_round_on():
    target, pool = light("plain")
    bare, _ = shared(target.estimator.without_training(), pool.x, pool.y, pool.member)
    blocks = list(equations_of_rounds(bare.estimator, pool.x, pool.y))
    model = target.estimator._model
    assert len(blocks) == len(model.trees) - model.groups
    for block in blocks:
        sums = np.bincount(block.row, weights=block.coefficient * pool.member, minlength=len(block.right))
        assert np.abs(sums - block.right).max() < 3e-3


def test_a_random_forest_of_lightgbm_is_attacked_by_its_counts():
    x, y = digits(300)
    member = np.arange(len(y)) < len(y) // 2
    settings = {"boosting_type": "rf", "subsample": 0.6, "subsample_freq": 1, "min_child_samples": 2}
    model = lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1, **settings).fit(
        x[member], y[member]
    )
    classifier, _ = lightgbm_opening.read_file(model.booster_.model_to_string().encode())
    target, pool = shared(classifier, x, y, member)
    assert area(leaf_counts.score, target, pool) > 0.6


def read(x, y, name="plain", **settings):
    model = xgboost.XGBClassifier(n_estimators=20, max_depth=4, n_jobs=1, **SETTINGS[name] | settings)
    raw = model.fit(x, y).get_booster().__getstate__()
    classifier = xgboost_opening.from_pickle("Booster", raw)
    return xgboost_opening.from_pickle("XGBClassifier", {**vars(model), "_Booster": classifier})


def pooled(name="plain", **settings):
    x, y = digits(300)
    if name == "two classes":
        y = y % 2
    member = np.arange(len(y)) < len(y) // 2
    return shared(read(x[member], y[member], name, **settings), x, y, member)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_training_records_solve_the_equations_of_every_tree(name):
    target, pool = pooled(name)
    blocks = list(equations_of_rounds(target.estimator, pool.x, pool.y))
    assert len(blocks) == 2 * len(target.estimator._model.trees)
    for block in blocks:
        sums = np.bincount(block.row, weights=block.coefficient * pool.member, minlength=len(block.right))
        touched = np.unique(block.row)
        assert np.abs(sums - block.right)[touched].max() < 1e-3


@pytest.mark.parametrize("name", ["plain", "forests"])
def test_the_scores_before_a_round_are_those_of_xgboost(name):
    target, pool = pooled(name)
    rounds = target.estimator._model.rounds
    trees = list(seen_trees(target.estimator, pool.x, pool.y))
    last = trees[-1]
    margin = target.estimator.get_booster().predict(
        xgboost.DMatrix(pool.x, nthread=1), iteration_range=(0, rounds - 1), output_margin=True
    )
    probability = np.exp(margin) / np.exp(margin).sum(axis=1, keepdims=True)
    own = probability[:, last.held.place]
    assert np.abs(last.gradient - (own - (pool.y == last.held.place))).max() < 1e-5


def test_members_of_a_booster_are_found_in_its_file():
    target, pool = pooled()
    assert area(boosting_equations.score, target, pool) > 0.95
    assert area(leaf_counts.score, target, pool) > 0.65


def test_a_stripped_file_keeps_only_the_equations_of_its_answers():
    target, pool = pooled()
    bare, _ = shared(target.estimator.without_training(), pool.x, pool.y, pool.member)
    with pytest.raises(Unsuited, match="neither counts nor sums"):
        scores_of(leaf_counts.score, bare, pool)
    blocks = list(equations_of_rounds(bare.estimator, pool.x, pool.y))
    assert len(blocks) == len(target.estimator._model.trees)


@pytest.mark.parametrize("attack", [boosting_equations, leaf_counts])
def test_rounds_that_do_not_build_on_one_another_are_unsuited(attack):
    target, pool = pooled(booster="dart", rate_drop=0.3)
    with pytest.raises(Unsuited, match="dart"):
        scores_of(attack.score, target, pool)


def test_a_file_that_tells_nothing_of_training_gives_no_equation():
    target, pool = pooled(reg_alpha=1.0)
    bare, _ = shared(target.estimator.without_training(), pool.x, pool.y, pool.member)
    with pytest.raises(Unsuited, match="holds no sums"):
        scores_of(boosting_equations.score, bare, pool)


def test_no_equation_is_left_of_which_rounding_made_the_coefficients():
    """In the first round all records of a class have one gradient, and cancel in a leaf of their own."""
    x, y = digits(300)
    y, member = y % 3, np.arange(300) < 150
    model = lightgbm.LGBMClassifier(n_estimators=8, n_jobs=1, verbose=-1).fit(x[member], y[member])
    classifier, _ = lightgbm_opening.read_file(model.booster_.model_to_string().encode())
    target, pool = shared(classifier, x, y, member)
    for block in map(Equations.scaled, equations_of_rounds(classifier, pool.x, pool.y)):
        sums = np.bincount(block.row, weights=block.coefficient * member, minlength=len(block.right))
        touched = np.unique(block.row[block.coefficient != 0.0])
        assert np.abs(sums - block.right)[touched].max(initial=0.0) < 1e-2
    assert area(boosting_equations.score, target, pool) > 0.97
