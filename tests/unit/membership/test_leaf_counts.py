from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from fitted_pools import area, digits, fitted_pool, scores_of, shared
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.attacks import leaf_counts, loss
from leakgauge.model_contents.leaves.training_weights import training_weights
from leakgauge.model_contents.leaves.tree_cells import Cells, cells_of_trees, final_step


@pytest.mark.parametrize("seed", range(3))
def test_a_forest_gives_its_records_away(seed):
    target, pool = fitted_pool(RandomForestClassifier(50, random_state=seed), *digits(600), seed=seed)
    found = area(leaf_counts.score, target, pool)
    assert found > 0.9
    assert found > area(loss.score, target, pool) + 0.1


@pytest.mark.parametrize(
    ("model", "at_least"),
    [
        (DecisionTreeClassifier(random_state=0), 0.6),
        (ExtraTreeClassifier(random_state=0), 0.6),
        (ExtraTreesClassifier(20, random_state=0), 0.99),
        (RandomForestClassifier(20, bootstrap=False, random_state=0), 0.99),
        (RandomForestClassifier(20, class_weight="balanced", random_state=0), 0.8),
        (ExtraTreesClassifier(20, class_weight="balanced", random_state=0), 0.97),
        (RandomForestClassifier(20, class_weight="balanced_subsample", random_state=0), 0.8),
        (RandomForestClassifier(20, min_samples_leaf=5, random_state=0), 0.8),
        (BaggingClassifier(n_estimators=20, random_state=0), 0.75),
        (BaggingClassifier(n_estimators=20, max_features=0.5, random_state=0), 0.75),
        (make_pipeline(StandardScaler(), RandomForestClassifier(20, random_state=0)), 0.8),
        (make_pipeline(make_pipeline(StandardScaler()), "passthrough", DecisionTreeClassifier()), 0.6),
        (make_pipeline(make_pipeline(StandardScaler(), ExtraTreesClassifier(20, random_state=0))), 0.99),
    ],
    ids=lambda value: str(value).replace(" ", "")[:60] if not isinstance(value, float) else "",
)
def test_every_model_of_classification_trees(model, at_least):
    target, pool = fitted_pool(model, *digits(500), seed=1)
    assert area(leaf_counts.score, target, pool) > at_least


def test_text_columns_that_the_pipeline_encodes():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.choice(list("abcdef"), size=(400, 5)), columns=list("vwxyz"))
    y = rng.choice(["no", "yes"], size=400)
    member = rng.random(400) < 0.5
    encode = make_column_transformer((OneHotEncoder(sparse_output=True), list("vwxyz")))
    model = make_pipeline(encode, RandomForestClassifier(20, random_state=0)).fit(frame[member], y[member])
    target, pool = shared(model, frame, y, member)
    assert area(leaf_counts.score, target, pool) > 0.8


def test_a_model_trained_on_none_of_the_pool_scores_no_side_higher():
    x, y = digits(900)
    model = RandomForestClassifier(30, random_state=0).fit(x[:300], y[:300])
    member = np.random.default_rng(3).random(600) < 0.5
    assert abs(area(leaf_counts.score, *shared(model, x[300:], y[300:], member)) - 0.5) < 0.07


def test_the_membership_of_the_pool_is_not_read():
    target, pool = fitted_pool(RandomForestClassifier(10, random_state=0), *digits(200), seed=0)
    flipped = dataclasses.replace(pool, member=~pool.member)
    np.testing.assert_array_equal(
        scores_of(leaf_counts.score, target, pool), scores_of(leaf_counts.score, target, flipped)
    )


def test_cells_hold_what_the_training_records_brought():
    x, y = digits(300)
    model = DecisionTreeClassifier(max_depth=4, random_state=0)
    target, pool = fitted_pool(model, x, y, seed=0)
    (cells,) = cells_of_trees(final_step(target.estimator, pool.x), pool.y)
    np.testing.assert_allclose(cells.total(pool.member.astype(float)), cells.weight, atol=1e-9)


def test_class_weights_are_taken_out_of_the_counts():
    x, y = digits(300)
    model = ExtraTreesClassifier(
        10, class_weight={label: 1 + label / 3 for label in range(10)}, random_state=0
    )
    target, pool = fitted_pool(model, x, y, seed=0)
    for cells in cells_of_trees(final_step(target.estimator, pool.x), pool.y):
        np.testing.assert_allclose(cells.total(pool.member.astype(float)), cells.weight, atol=1e-6)


def test_two_trees_that_name_one_record_each():
    # cells {0, 1}, {2} and {0, 2}, {1}: only record 0 explains the counts
    trees = (
        Cells(np.array([0, 0, 1]), np.array([1.0, 0.0])),
        Cells(np.array([0, 1, 0]), np.array([1.0, 0.0])),
    )
    weights = training_weights(trees, n=3)
    assert weights[0] > 0.99
    assert max(weights[1:]) < 0.01


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=5000),
        GradientBoostingClassifier(n_estimators=2),
        BaggingClassifier(KNeighborsClassifier(), n_estimators=2),
    ],
)
def test_other_models_are_unsuited(model):
    target, pool = fitted_pool(model, *digits(200), seed=0)
    with pytest.raises(Unsuited, match="tree"):
        scores_of(leaf_counts.score, target, pool)


def test_a_target_without_its_file_is_unsuited():
    target, pool = fitted_pool(DecisionTreeClassifier(), *digits(100), seed=0)
    target.estimator = None
    with pytest.raises(Unsuited, match="only answers"):
        scores_of(leaf_counts.score, target, pool)
