"""What reference models are trained on: as much as the target, in balance, and what they are asked about."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakgauge.membership.training_sets import Design, TrainingData, of_candidates, of_population

SIZES = st.tuples(
    st.integers(20, 60),  # members
    st.integers(20, 200),  # non-members
    st.integers(0, 40),  # members that no attack scores
    st.integers(0, 40),  # non-members that no attack scores
    st.none() | st.integers(20, 150),  # other records
    st.integers(1, 4),  # classes
)


def data_of(
    members: int,
    non_members: int,
    more_members: int = 0,
    more: int = 0,
    others: int | None = None,
    classes: int = 3,
) -> TrainingData:
    counts = (members, non_members, more_members, more, others or 0)
    part = np.repeat(np.arange(5), counts)
    y = np.random.default_rng(0).integers(0, classes, len(part))
    return TrainingData(
        np.arange(len(part))[:, None],
        y,
        np.flatnonzero(np.isin(part, (0, 2))),
        np.flatnonzero(np.isin(part, (1, 3))),
        None if others is None else np.flatnonzero(part == 4),
        members + non_members,
    )


def answers_of(design: Design) -> tuple[np.ndarray, np.ndarray]:
    """(places, n) how many models answer about each record, and how many of them were trained on it."""
    shape = (design.places * len(design.rounds), design.scored)
    asked, trained = np.zeros(shape, int), np.zeros(shape, int)
    for sets in design.rounds:
        for one in sets:
            asked[one.place, one.queried] += 1
            trained[one.place, one.queried] += np.isin(one.queried, one.rows)
    return asked, trained


@given(SIZES, st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_each_candidate_is_trained_on_by_one_model_of_two_and_judged_by_as_many_as_any_other(
    sizes, rounds, seed
) -> None:
    data = data_of(*sizes)
    design = of_candidates(data, rounds=rounds, rng=np.random.default_rng(seed))
    asked, trained = answers_of(design)
    assert (asked == 1).all()
    assert (trained[0::2] + trained[1::2] == 1).all()
    rows = [one.rows for sets in design.rounds for one in sets]
    assert all(len(np.unique(of_one)) == len(of_one) for of_one in rows)
    assert max(map(len, rows)) <= 1.025 * len(data.members) + 1
    assert min(map(len, rows)) == design.size
    if data.population is None:
        assert max(of_one.max() for of_one in rows) < len(data.y)


@given(SIZES, st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_no_model_of_other_data_is_asked_about_what_it_was_trained_on(sizes, rounds, seed) -> None:
    data = data_of(*sizes)
    design = of_population(data, rounds=rounds, rng=np.random.default_rng(seed))
    asked, trained = answers_of(design)
    assert (asked == 1).all()
    assert not trained.any()
    source = data.non_members if data.population is None else data.population
    for sets in design.rounds:
        for one in sets:
            assert np.isin(one.rows, source).all()
            assert len(np.unique(one.rows)) == len(one.rows) == min(len(data.members), len(source) // 2)


@pytest.mark.parametrize("non_members", [100, 130, 150, 300, 1_000])
def test_they_are_as_large_as_the_target_and_balanced_whatever_the_number_of_non_members(
    non_members: int,
) -> None:
    data = data_of(100, non_members)
    design = of_candidates(data, rounds=2, rng=np.random.default_rng(0))
    assert design.size == design.wanted == 100
    is_member = np.isin(np.arange(len(data.y)), data.members)
    for sets in design.rounds:
        for one in sets:
            assert len(one.rows) == 100
            assert abs(int(is_member[one.rows].sum()) - 50) <= 2
            shares = np.bincount(data.y[one.rows], minlength=3) / 100
            assert np.abs(shares - np.bincount(data.y, minlength=3) / len(data.y)).max() < 0.1


def test_with_fewer_non_members_they_are_smaller_and_say_so() -> None:
    design = of_candidates(data_of(400, 40), rounds=1, rng=np.random.default_rng(0))
    assert (design.size, design.wanted) == (220, 400)


def test_records_that_no_attack_scores_are_trained_on() -> None:
    data = data_of(60, 60, 440, 440)
    design = of_candidates(data, rounds=1, rng=np.random.default_rng(0))
    assert design.size == design.wanted == 500
    first, second = design.rounds[0]
    assert sorted([*first.rows, *second.rows]) == list(range(1_000))


def test_other_records_make_up_for_missing_non_members() -> None:
    data = data_of(200, 50, others=500)
    design = of_candidates(data, rounds=1, rng=np.random.default_rng(0))
    assert design.size == 200
    trained_on = np.concatenate([one.rows for one in design.rounds[0]])
    assert np.isin(data.members, trained_on).all()
    assert np.isin(trained_on, data.population).sum() == 150


def test_other_records_of_twice_the_number_give_models_of_full_size() -> None:
    design = of_population(data_of(100, 60, others=200), rounds=3, rng=np.random.default_rng(0))
    assert design.size == design.wanted == 100
    assert len({one.rows.tobytes() for sets in design.rounds for one in sets}) == 3


def test_more_rounds_begin_with_the_same_ones() -> None:
    data = data_of(60, 150)
    few, many = (of_candidates(data, rounds=k, rng=np.random.default_rng(3)) for k in (2, 5))
    for sets, longer in zip(few.rounds, many.rounds, strict=False):
        for one, other in zip(sets, longer, strict=True):
            np.testing.assert_array_equal(one.rows, other.rows)
            np.testing.assert_array_equal(one.queried, other.queried)


def test_a_record_keeps_its_group_so_that_more_non_members_change_no_comparison() -> None:
    design = of_candidates(data_of(50, 200), rounds=4, rng=np.random.default_rng(0))
    groups = [{one.queried.tobytes() for one in sets} for sets in design.rounds]
    assert len(groups[0]) == 4
    assert all(of_round == groups[0] for of_round in groups)
