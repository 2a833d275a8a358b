"""The most exposed records: by the attack that shows them, at a rate that trying several does not flatter."""

from __future__ import annotations

import numpy as np
import pytest

from leakgauge.membership.exposure import exposed_records, exposed_to_all
from leakgauge.membership.pool import Pool


def pool(members: int, non_members: int) -> Pool:
    n = members + non_members
    member = np.arange(n) < members
    return Pool(np.zeros((n, 1)), np.zeros(n, int), member, np.arange(n) + 11)


def test_each_record_is_shown_by_the_attack_that_singles_it_out() -> None:
    quiet = np.random.default_rng(0).random(1200)
    first, second = quiet.copy(), quiet[::-1].copy()
    first[7], second[3] = 9.0, 9.0
    found = exposed_records({"first": first, "second": second}, pool(200, 1000), at_most=2)
    assert [(record.row, record.attack) for record in found] == [(14, "second"), (18, "first")]
    # in each attack one non-member stands out from all other non-members too
    assert all(record.false_positive_rate.value == 2 / 1000 for record in found)


def test_trying_many_attacks_flatters_nobody() -> None:
    rng = np.random.default_rng(1)
    scores = {f"guess {k}": rng.random(4000) for k in range(20)}
    found = exposed_records(scores, pool(2000, 2000), at_most=2000)
    # with nothing to find, as many members as non-members look exposed: one in twenty
    assert 60 <= len(found) <= 140


def test_one_attack_counts_ties_for_the_record() -> None:
    scores = np.repeat([5.0, 5.0, 1.0], [1, 1, 98])
    (only,) = exposed_records({"loss": scores}, pool(1, 99), at_most=5)
    assert only.row == 11
    assert only.false_positive_rate.value == 1 / 99
    assert exposed_records({"loss": scores}, pool(1, 99), at_most=0) == ()


def test_ties_are_counted_over_all_members_listed_or_not() -> None:
    # three members above every non-member, forty that two of a hundred reach, and others
    scores = np.concatenate([np.full(3, 9.0), np.full(40, 5.0), np.zeros(157), [5.0, 5.0], np.zeros(98)])
    found = exposed_records({"loss": scores}, pool(200, 100), at_most=10)
    assert [(record.row, record.tied) for record in found] == [
        *((row, 3) for row in (11, 12, 13)),
        *((row, 40) for row in range(14, 21)),
    ]


def test_a_model_that_is_sure_of_every_member_ties_them_all() -> None:
    member = np.arange(300) < 200
    (first, *_) = exposed_records({"gap": member.astype(float)}, pool(200, 100), at_most=20)
    assert (first.tied, first.false_positive_rate.value) == (200, 0.0)


def test_a_record_alone_with_its_rate_ties_with_itself_only() -> None:
    scores = np.arange(300, 0, -1).astype(float)
    found = exposed_records({"loss": scores}, pool(1, 299), at_most=20)
    assert [record.tied for record in found] == [1]


def test_the_error_of_a_record_is_what_other_reference_models_would_do_to_its_rate() -> None:
    scores = np.arange(300, 0, -1).astype(float)
    steady, moved = scores.copy(), scores.copy()
    moved[0] = 0.5  # without this round the first member scores below everybody
    (first, second, *_) = exposed_records(
        {"lira": scores}, pool(200, 100), at_most=20, without_rounds=[[{"lira": steady}, {"lira": moved}]]
    )
    # by hand: a rate of .01 with the one, as the likeliest non-member has, and of 1 with the other
    assert first.draw_error == pytest.approx((1 - 0.01) / 2)
    assert second.draw_error == 0.0
    # two independent draws add up in quadrature, and an attack without reference models has none
    (first, *_) = exposed_records(
        {"lira": scores, "rmia": scores},
        pool(200, 100),
        at_most=1,
        without_rounds=[[{"lira": moved, "rmia": moved}, {"lira": scores, "rmia": scores}]] * 2,
    )
    assert first.draw_error == pytest.approx(0.495 * 2**0.5)
    (only,) = exposed_records({"loss": scores}, pool(200, 100), at_most=1)
    assert only.draw_error is None


def test_records_are_counted_that_every_attack_singles_out() -> None:
    first = np.concatenate([np.full(10, 9.0), np.zeros(190), np.ones(100)])
    second = np.concatenate([np.zeros(4), np.full(12, 9.0), np.zeros(184), np.ones(100)])
    second[250] = first[250] = 99.0  # a non-member whom both single out too
    # one score for all members, and for most non-members: it singles out nobody and is not counted
    labels = np.concatenate([np.ones(200), np.ones(90), np.zeros(10)])
    found = exposed_to_all({"first": first, "second": second, "gap": labels}, pool(200, 100))
    assert "Each of 2 attacks" in found.sentence
    assert "6 of 200 members" in found.sentence
    assert found.figures["members_exposed_to_all"].value == 6 / 200
    assert found.figures["non_members_exposed_to_all"].value == 1 / 100


def test_one_attack_alone_is_not_every_attack() -> None:
    scores = np.arange(300, 0, -1).astype(float)
    assert exposed_to_all({"loss": scores}, pool(200, 100)) is None
    assert exposed_to_all({"loss": scores, "gap": np.ones(300)}, pool(200, 100)) is None


def test_with_nothing_to_find_hardly_anybody_is_exposed_to_all() -> None:
    rng = np.random.default_rng(3)
    found = exposed_to_all({f"guess {k}": rng.random(4000) for k in range(3)}, pool(2000, 2000))
    assert found.figures["members_exposed_to_all"].value <= 0.005
