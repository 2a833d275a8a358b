from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest
from fitted_pools import area, digits, fitted_pool, scores_of, shared
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.attacks import bootstrap_replay, leaf_counts
from leakgauge.model_contents.leaves import replay, sampled_rows
from leakgauge.model_contents.reconstruction import bootstrap


@pytest.mark.parametrize("seed", range(3))
def test_seeds_give_more_away_than_counts(seed):
    target, pool = fitted_pool(RandomForestClassifier(60, random_state=seed), *digits(500), seed=seed)
    replayed = area(bootstrap_replay.score, target, pool)
    assert replayed > 0.985
    assert replayed > area(leaf_counts.score, target, pool) + 0.01


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(40, min_samples_leaf=5, random_state=2),
        RandomForestClassifier(40, max_samples=0.5, random_state=2),
        RandomForestClassifier(40, class_weight="balanced", random_state=2),
        ExtraTreesClassifier(40, bootstrap=True, random_state=2),
        BaggingClassifier(n_estimators=40, max_features=0.7, random_state=2),
        make_pipeline(StandardScaler(), RandomForestClassifier(40, random_state=2)),
    ],
    ids=lambda model: str(model)[:40],
)
def test_every_model_that_draws_rows(model):
    target, pool = fitted_pool(model, *digits(500), seed=4)
    replayed = area(bootstrap_replay.score, target, pool)
    assert replayed > 0.93
    assert replayed > area(leaf_counts.score, target, pool)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(40, max_depth=2, random_state=0),
        RandomForestClassifier(40, min_samples_leaf=60, random_state=0),
        RandomForestClassifier(2, random_state=0),
    ],
    ids=["shallow", "large leaves", "few trees"],
)
def test_where_rows_cannot_be_recognised_the_counts_stand(model):
    target, pool = fitted_pool(model, *digits(600), seed=0)
    np.testing.assert_array_equal(
        scores_of(bootstrap_replay.score, target, pool), scores_of(leaf_counts.score, target, pool)
    )


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5, random_state=7, max_samples=0.6),
        BaggingClassifier(n_estimators=5, max_features=0.5, max_samples=0.6, random_state=7),
    ],
)
def test_the_draws_are_those_of_the_training(model):
    x, y = digits(120)
    model.fit(x, y)
    found = bootstrap.bootstrap_of(model)
    assert (found.n_trees, found.n_rows, found.size) == (5, 120, len(model.estimators_samples_[0]))
    for place, rows in enumerate(model.estimators_samples_):
        np.testing.assert_array_equal(np.sort(found.rows_of(place)), np.sort(rows))


def test_the_table_of_rows_holds_draws():
    draws = [np.array([0, 1, 6]), np.array([2, 0, 1])]
    rows = sampled_rows.Rows.of(draws, n_trees=2, n_rows=3)
    assert len(rows) == 3
    np.testing.assert_array_equal(rows.draws, [[0, 2], [1, 0], [6, 1]])
    # one block of two trees for each number of draws; six draws stand among those of four or more
    np.testing.assert_array_equal(rows.drawn(2)[:4], [[0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(rows.drawn(2)[-2:], [[0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(rows.drawn(1)[:2], [[0, 1, 0], [0, 0, 0]])


def test_draws_that_no_byte_holds_do_not_begin_anew():
    rows = sampled_rows.Rows.of([np.array([0, 256, 10**6])], n_trees=1, n_rows=3)
    np.testing.assert_array_equal(rows.draws, [[0], [255], [255]])


@pytest.mark.parametrize("count", [16, 100, sampled_rows.GROUPS, 1_000, 5_000])
def test_the_largest_are_found_but_for_those_beside_a_larger_one(count):
    values = np.random.default_rng(0).normal(size=(30, count)).astype(np.float32)
    found = sampled_rows.largest(values, 16)
    assert found.shape == (30, 16)
    true = np.argsort(values, axis=1)[:, -16:]
    for row, of_row in zip(found, true, strict=True):
        assert len(set(row)) == 16
        assert of_row[-1] in row
    shared = np.mean([len(set(a) & set(b)) / 16 for a, b in zip(found, true, strict=True)])
    assert shared > 0.9
    if count < sampled_rows.GROUPS:
        assert shared == 1


def test_only_some_turns_look_through_all_rows_and_only_for_records_whose_row_is_not_found(monkeypatch):
    target, pool = fitted_pool(RandomForestClassifier(60, random_state=0), *digits(500), seed=0)
    compared, find = [], replay._find_likely

    def looking(counted, others, rows, asked, likely):
        compared.append(len(asked))
        find(counted, others, rows, asked, likely)

    monkeypatch.setattr(replay, "_find_likely", looking)
    scores_of(bootstrap_replay.score, target, pool)
    assert len(compared) == len(replay.SHORTLISTED_IN) < replay.LEAST_TURNS
    assert compared[0] == 500
    assert compared[-1] < 400


def test_a_model_trained_on_none_of_the_pool_scores_no_side_higher():
    x, y = digits(900)
    model = RandomForestClassifier(30, random_state=0).fit(x[:300], y[:300])
    member = np.random.default_rng(3).random(600) < 0.5
    assert abs(area(bootstrap_replay.score, *shared(model, x[300:], y[300:], member)) - 0.5) < 0.07


def test_neither_membership_nor_the_order_of_the_pool_is_read(monkeypatch):
    target, pool = fitted_pool(RandomForestClassifier(30, random_state=0), *digits(200), seed=0)
    once = scores_of(bootstrap_replay.score, target, pool)
    # small blocks as of a large table
    monkeypatch.setattr(replay, "BLOCK", 1_000)
    monkeypatch.setattr(replay, "NEAR_BLOCK", 1_000)
    back = np.arange(200)[::-1]
    turned = dataclasses.replace(
        pool, x=pool.x[back], y=pool.y[back], member=~pool.member[back], row=pool.row[back]
    )
    np.testing.assert_allclose(scores_of(bootstrap_replay.score, target, turned)[back], once, atol=0.05)


def test_the_evidence_of_one_cell():
    counted, mean, variance = np.array([[0, 3]]), np.float32([[0.02, 1.0]]), np.float32([[0.05, 0.1]])
    evidence = replay._evidence(counted, mean, variance)[:, 0]
    assert np.all(evidence[:, 0] < -5)  # an empty cell received nothing
    assert np.argmax(evidence[:, 1]) == 1  # others brought about 1 of 3: this one brought 2


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (LogisticRegression(max_iter=5000), "forest"),
        (DecisionTreeClassifier(), "forest"),
        (ExtraTreesClassifier(3), "bootstrap"),
        (BaggingClassifier(n_estimators=3, bootstrap=False), "bootstrap"),
    ],
)
def test_models_that_draw_no_rows_are_unsuited(model, reason):
    target, pool = fitted_pool(model, *digits(200), seed=0)
    with pytest.raises(Unsuited, match=reason):
        scores_of(bootstrap_replay.score, target, pool)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        *[("_n_samples", value) for value in (None, -1, 10**12, "many")],
        *[("_n_samples_bootstrap", value) for value in (0, 10**12, 1.5)],
    ],
)
def test_a_file_with_other_numbers_of_rows_is_unsuited(attribute, value):
    target, pool = fitted_pool(RandomForestClassifier(3, random_state=0), *digits(100), seed=0)
    setattr(target.estimator, attribute, value)
    with pytest.raises(Unsuited):
        scores_of(bootstrap_replay.score, target, pool)


def test_a_file_without_seeds_is_unsuited():
    target, pool = fitted_pool(RandomForestClassifier(3, random_state=0), *digits(100), seed=0)
    target.estimator.estimators_[1].random_state = None
    with pytest.raises(Unsuited, match="seeds"):
        scores_of(bootstrap_replay.score, target, pool)


def test_records_with_fractional_weights_are_unsuited():
    x, y = digits(200)
    model = BaggingClassifier(DecisionTreeClassifier(), n_estimators=3, random_state=0)
    target, pool = fitted_pool(model, x, y, seed=0)
    for tree in model.estimators_:
        state = tree.tree_.__getstate__()
        state["nodes"]["weighted_n_node_samples"] *= 0.37
        tree.tree_.__setstate__(state)
    with pytest.raises(Unsuited, match="whole"):
        scores_of(bootstrap_replay.score, target, pool)


def test_a_table_too_large_to_replay_is_unsuited(monkeypatch):
    monkeypatch.setattr(replay, "MOST_WORK", 1_000)
    target, pool = fitted_pool(RandomForestClassifier(3, random_state=0), *digits(100), seed=0)
    with pytest.raises(Unsuited, match="too much to replay within minutes"):
        scores_of(bootstrap_replay.score, target, pool)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        *[("_max_samples", value) for value in (None, 0, 10**12, 0.5)],
        *[("_max_features", value) for value in (None, 0, 10**12)],
        ("_seeds", [1, 2]),
    ],
)
def test_a_bagging_with_other_numbers_is_unsuited_before_anything_is_drawn(attribute, value):
    target, pool = fitted_pool(BaggingClassifier(n_estimators=3, random_state=0), *digits(100), seed=0)
    setattr(target.estimator, attribute, value)
    with pytest.raises(Unsuited, match="seeds"):
        scores_of(bootstrap_replay.score, target, pool)


def test_what_a_replay_would_fill_is_told_before_anything_is_drawn(monkeypatch):
    def draw(*_):
        raise AssertionError("drawn")

    monkeypatch.setattr(bootstrap, "_generate_sample_indices", draw)
    forest = RandomForestClassifier(120, random_state=0)
    target, pool = fitted_pool(forest, *digits(100), seed=0)
    forest._n_samples = forest._n_samples_bootstrap = 1_000_000
    with pytest.raises(Unsuited, match=r"120 trees drew from 1,000,000 rows; .* takes 2\.0 GiB of memory"):
        scores_of(bootstrap_replay.score, target, pool)
    forest._n_samples = 200  # little to keep, and 120 million draws
    monkeypatch.setattr(replay, "MOST_DRAWN", 100_000_000)
    with pytest.raises(Unsuited, match="1,000,000 times each"):
        scores_of(bootstrap_replay.score, target, pool)


def test_as_much_is_filled_as_was_told_beforehand():
    # the tables alone, with room for the blocks that come on top of them
    forest = RandomForestClassifier(60, random_state=0)
    target, pool = fitted_pool(forest, *digits(200), seed=0)
    forest._n_samples = forest._n_samples_bootstrap = 40_000
    told = replay.bytes_for(n_trees=60, n_rows=40_000, records=len(pool))
    tracemalloc.start()
    try:
        scores_of(bootstrap_replay.score, target, pool)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told / 4 < peak < told + 5 * 4 * replay.BLOCK


def test_weights_that_no_draws_can_bring_are_unsuited():
    model = RandomForestClassifier(3, random_state=0)
    target, pool = fitted_pool(model, *digits(100), seed=0)
    for tree in model.estimators_:
        state = tree.tree_.__getstate__()
        state["nodes"]["weighted_n_node_samples"] *= 10**9
        tree.tree_.__setstate__(state)
    with pytest.raises(Unsuited, match="more weight than the trees drew"):
        scores_of(bootstrap_replay.score, target, pool)
