"""The label-only attack asks valid questions only, counts them, and reads more than the bare label."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import records, referenced
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from leakgauge.membership.attacks import label_only
from leakgauge.membership.held_out import random_halves
from leakgauge.membership.perturbations import Perturbations
from leakgauge.progress import Silent


def area(scores, member) -> float:
    wins = scores[member][:, None] - scores[~member][None, :]
    return float((wins > 0).mean() + (wins == 0).mean() / 2)


def copy_of(x, *, noise=0.3, swap=0.3, seed=0):
    return Perturbations.of(x).copy(noise=noise, swap=swap, rng=np.random.default_rng(seed))


def test_quantities_get_noise_in_units_of_their_spread_within_their_range() -> None:
    x = np.random.default_rng(0).normal(size=(4000, 2)) * [1.0, 100.0]
    changed = copy_of(x, noise=0.1)
    assert np.allclose((changed - x).std(axis=0), [0.1, 10.0], rtol=0.1)
    assert (changed.min(axis=0) >= x.min(axis=0)).all()
    assert (changed.max(axis=0) <= x.max(axis=0)).all()
    assert np.array_equal(copy_of(x, noise=0.0, swap=0.0), x)


def test_whole_numbers_stay_whole_and_missing_stays_missing() -> None:
    frame = pd.DataFrame({"age": np.arange(100), "income": np.linspace(0, 1, 100)})
    frame.loc[3, "income"] = np.nan
    changed = copy_of(frame)
    assert changed.dtypes.equals(frame.dtypes)
    assert (changed["age"] != frame["age"]).mean() > 0.5
    assert np.array_equal(changed["income"].isna(), frame["income"].isna())
    assert frame.loc[5, "age"] == 5  # the records themselves are left alone


def test_text_and_codes_are_swapped_for_values_that_were_seen() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "town": rng.choice(["Rome", "Oslo", None], size=500),
            "code": rng.choice([1, 5, 7], size=500),
            "kind": pd.Categorical(rng.choice(["a", "b"], size=500)),
            "flag": rng.choice([True, False], size=500),
        }
    )
    changed = copy_of(frame)
    assert changed.dtypes.equals(frame.dtypes)
    for name in frame:
        assert set(changed[name].dropna()) == set(frame[name].dropna())
        before, after = (table[name].astype(object).fillna("missing") for table in (frame, changed))
        differs = (before != after).mean()
        assert 0.05 < differs < 0.3


@settings(max_examples=25, deadline=None, derandomize=True)
@given(widths=st.lists(st.integers(1, 5), min_size=1, max_size=4), seed=st.integers(0, 1000))
def test_one_hot_groups_keep_their_one_mark(widths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [np.eye(width)[rng.permutation(np.arange(60) % width)] for width in widths]
    changed = copy_of(np.column_stack(parts), swap=0.5, seed=seed)
    start = 0
    for width in widths:
        assert (changed[:, start : start + width].sum(axis=1) == 1).all()
        start += width


def test_lone_flags_are_swapped_each_on_its_own() -> None:
    x = np.random.default_rng(0).integers(0, 2, size=(300, 6)).astype(float)
    assert Perturbations.of(x).swaps == tuple((column,) for column in range(6))


@pytest.mark.parametrize("kind", [np.int64, np.float32, object])
def test_arrays_of_any_kind_keep_it(kind) -> None:
    x = np.random.default_rng(0).integers(0, 50, size=(100, 3)).astype(kind)
    assert copy_of(x).dtype == kind


def test_it_runs_on_labels_alone_and_counts_its_questions() -> None:
    members, non_members = records(200, seed=0), records(200, seed=1)
    target, pool = referenced(LinearSVC().fit(*members), members, non_members, models=0)
    scores = label_only.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
    assert scores.shape == (400,)
    assert target.queries == 400 * (1 + label_only.MOST_ROUNDS * len(label_only.STRENGTHS))


def test_large_pools_are_asked_less_about_each_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_only, "MOST_QUERIES", 1000)
    members, non_members = records(200, seed=0), records(200, seed=1)
    target, pool = referenced(LinearSVC().fit(*members), members, non_members, models=0)
    label_only.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
    assert target.queries == 400 * (1 + len(label_only.STRENGTHS))


@pytest.mark.parametrize("seed", range(3))
def test_it_is_no_worse_than_the_bare_label_and_better_where_trees_are_deep(seed: int) -> None:
    members, non_members = records(800, seed=seed), records(800, seed=90 + seed)
    model = RandomForestClassifier(20, random_state=seed).fit(*members)
    target, pool = referenced(model, members, non_members, models=0)
    scores = label_only.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
    bare = (target.labels(pool.x) == pool.y).astype(float)
    assert area(scores, pool.member) > area(bare, pool.member) + 0.01


def test_columns_of_text_go_through_the_models_own_pipeline() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"town": rng.choice(["Rome", "Oslo", "Bonn"], size=300), "size": rng.normal(size=300)}
    )
    y = rng.integers(2, size=300)
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough"),
        RandomForestClassifier(10, random_state=0),
    ).fit(frame[:150], y[:150])
    members = frame[:150].reset_index(drop=True), y[:150]
    non_members = frame[150:].reset_index(drop=True), y[150:]
    target, pool = referenced(model, members, non_members, models=0)
    scores = label_only.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
    assert area(scores, pool.member) > 0.6


def test_copies_that_tell_nothing_leave_the_bare_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        label_only, "_robustness", lambda _, pool, **more: np.zeros((len(pool), len(label_only.STRENGTHS)))
    )
    members, non_members = records(300, seed=0), records(300, seed=90)
    target, pool = referenced(LinearSVC().fit(*members), members, non_members, models=0)
    scores = label_only.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
    assert np.array_equal(scores, target.labels(pool.x) == pool.y)


def test_no_record_decides_how_it_is_scored_itself() -> None:
    members, non_members = records(100, seed=0), records(100, seed=1)
    _, pool = referenced(LinearSVC().fit(*members), members, non_members, models=0)
    first = random_halves(pool.member, rng=np.random.default_rng(5))
    gain = np.where(first, 1.0, -1.0)  # the copies help the first half only
    helped = label_only._helped(gain, pool, np.random.default_rng(5))
    assert np.array_equal(helped, ~first)


def test_the_same_seed_asks_the_same_questions() -> None:
    members, non_members = records(400, seed=0), records(400, seed=90)
    model = RandomForestClassifier(10, random_state=0).fit(*members)
    target, pool = referenced(model, members, non_members, models=0)
    first, second, other = (
        label_only.score(target, pool, rng=np.random.default_rng(seed), progress=Silent())
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("in_a_frame", [True, False])
def test_single_words_of_texts_are_swapped_for_words_of_others(in_a_frame: bool) -> None:
    rng = np.random.default_rng(0)
    texts = np.array(
        [" ".join(rng.choice(list("abcdefgh"), size)) for size in rng.integers(1, 30, 200)], object
    )
    texts[7] = ""
    x = pd.DataFrame({"text": texts}) if in_a_frame else texts
    perturbations = Perturbations.of(x)
    (found,) = perturbations.texts
    assert not perturbations.swaps
    copy = perturbations.copy(noise=0.4, swap=0.4, rng=rng)
    changed = copy["text"].to_numpy() if in_a_frame else copy
    assert type(copy) is type(x)
    assert changed[7] == ""
    before, after = ([text.split() for text in side] for side in (texts, changed))
    assert [len(words) for words in before] == [len(words) for words in after]
    differing = np.mean(
        [a != b for one, two in zip(before, after, strict=True) for a, b in zip(one, two, strict=True)]
    )
    assert pytest.approx(differing, abs=0.03) == 0.4 * 7 / 8
    assert set(found.words) == set("abcdefgh")
    assert (perturbations.copy(noise=0.0, swap=0.0, rng=rng) == x).all().all()


def test_a_category_of_several_words_is_no_text() -> None:
    x = pd.DataFrame(
        {"plan": ["all in one plan", "pay as you go"] * 30, "short": [f"n {k}" for k in range(60)]}
    )
    assert Perturbations.of(x).texts == ()
