"""What CatBoost's files give away: attacks on them, against the truth."""

from __future__ import annotations

import catboost
import numpy as np
import pandas as pd
import pytest
from fitted_pools import area, digits, scores_of, shared

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.attacks import boosting_equations, leaf_counts
from leakgauge.model_contents.leaves.booster_rounds import equations_of_rounds, seen_trees
from leakgauge.targets.boosters import catboost_opening

STEPS = {"leaf_estimation_iterations": 1, "leaf_estimation_method": "Newton", "learning_rate": 0.3}
SETTINGS = {
    "plain": {},
    "two classes": {},
    "one step": STEPS,
    "leaf by leaf": {"grow_policy": "Lossguide", "max_leaves": 12},
    "level by level": {"grow_policy": "Depthwise"},
    "ordered": {"boosting_type": "Ordered"},
    "half of the records": {"bootstrap_type": "Bernoulli", "subsample": 0.5},
}


def pooled(name: str, **settings):
    x, y = digits(300)
    if name in ("two classes", "one step"):
        y = y % 2
    member = np.arange(len(y)) < len(y) // 2
    model = catboost.CatBoostClassifier(
        iterations=20,
        depth=4,
        thread_count=1,
        verbose=0,
        allow_writing_files=False,
        **SETTINGS[name],
        **settings,
    )
    model.fit(x[member], y[member])
    classifier, _ = catboost_opening.read_file(model._serialize_model())
    return shared(classifier, x, y, member)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_training_records_solve_the_equations_of_every_tree(name):
    target, pool = pooled(name)
    blocks = list(equations_of_rounds(target.estimator, pool.x, pool.y))
    assert len(blocks) == len(target.estimator._model.sizes) * (2 if name == "one step" else 1)
    for block in blocks:
        sums = np.bincount(block.row, weights=block.coefficient * pool.member, minlength=len(block.right))
        assert np.abs(sums - block.right)[np.unique(block.row)].max() < 1e-3


@pytest.mark.parametrize("name", ["plain", "two classes"])
def test_the_scores_before_a_round_are_those_of_catboost(name):
    target, pool = pooled(name)
    rounds = len(target.estimator._model.sizes)
    last = list(seen_trees(target.estimator, pool.x, pool.y))[-1]
    own = catboost.CatBoostClassifier.predict_proba(target.estimator, pool.x, ntree_end=rounds - 1)
    place = last.held.place if own.shape[1] > 2 else 1
    assert np.abs(last.gradient - (own[:, place] - (pool.y == place))).max() < 1e-9


@pytest.mark.parametrize("name", ["plain", "two classes", "leaf by leaf"])
def test_members_are_found_in_the_file(name):
    target, pool = pooled(name)
    assert area(boosting_equations.score, target, pool) > 0.95
    assert area(leaf_counts.score, target, pool) > 0.9


@pytest.mark.parametrize("attack", [boosting_equations, leaf_counts])
@pytest.mark.parametrize(
    "settings", [{"class_weights": [1.0, 2.0]}, {"auto_class_weights": "Balanced"}], ids=str
)
def test_weighted_sums_are_not_taken_for_counts(attack, settings):
    target, pool = pooled("two classes", **settings)
    with pytest.raises(Unsuited):
        scores_of(attack.score, target, pool)


@pytest.mark.parametrize("attack", [boosting_equations, leaf_counts])
def test_a_stripped_file_keeps_neither_counts_nor_equations(attack):
    target, pool = pooled("two classes")
    bare, _ = shared(target.estimator.without_training(), pool.x, pool.y, pool.member)
    with pytest.raises(Unsuited):
        scores_of(attack.score, bare, pool)


STATISTICS = {
    "plain": {},
    "combined": {"max_ctr_complexity": 3, "depth": 6, "iterations": 40},
    "buckets": {"simple_ctr": ["Buckets"], "combinations_ctr": ["Buckets"], "max_ctr_complexity": 3},
    "means": {"simple_ctr": ["BinarizedTargetMeanValue"], "combinations_ctr": ["BinarizedTargetMeanValue"]},
    "counters": {"simple_ctr": ["Counter"], "combinations_ctr": ["Counter"], "max_ctr_complexity": 3},
    "missing numbers above": {"nan_mode": "Max", "max_ctr_complexity": 3},
    "leaf by leaf": {"grow_policy": "Lossguide", "max_ctr_complexity": 3},
}


def of_categories(name: str, *, classes: int, places: int = 40):
    """A pool of rows with categories, one of them of many values, and a model of half of them."""
    rng, n = np.random.default_rng(0), 400
    frame = pd.DataFrame(
        {
            "number": np.where(np.arange(n) % 9, rng.normal(size=n), np.nan),
            "place": rng.integers(0, places, n),
            "colour": rng.choice(["red", "green", "blü"], n),
            "kind": rng.choice(["a", "b"], n),
        }
    )
    y = (frame["place"].to_numpy() % 3 + (frame["kind"] == "a") + rng.integers(0, 2, n)) % classes
    member = np.arange(n) < n // 2
    settings = {"iterations": 20, "depth": 4, "cat_features": ["place", "colour", "kind"]} | STATISTICS[name]
    model = catboost.CatBoostClassifier(**settings, thread_count=1, verbose=0, allow_writing_files=False)
    model.fit(frame[member], y[member])
    classifier, _ = catboost_opening.read_file(model._serialize_model())
    return shared(classifier, frame, y, member)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", STATISTICS)
def test_the_training_records_solve_the_equations_of_statistics(name, classes):
    target, pool = of_categories(name, classes=classes)
    model = target.estimator._model
    assert model.tables
    blocks = list(equations_of_rounds(target.estimator, pool.x, pool.y))
    assert len(model.tables) <= len(blocks) < len(model.tables) + len(model.sizes)
    for block in blocks:
        sums = np.bincount(block.row, weights=block.coefficient * pool.member, minlength=len(block.right))
        assert np.array_equal(sums[np.unique(block.row)], block.right[np.unique(block.row)])


def test_categories_that_no_training_record_had_tell_who_is_no_member():
    target, pool = of_categories("plain", classes=2, places=2_000)
    assert area(leaf_counts.score, target, pool) > 0.85
    bare, _ = shared(target.estimator.without_training(), pool.x, pool.y, pool.member)
    # answers are made of these tables, so no file can do without them
    assert area(leaf_counts.score, bare, pool) > 0.8
