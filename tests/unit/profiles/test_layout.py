"""Profiles are weighted means and shares, and distances between them are what they are said to be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leakgauge.profiles.layout import MISSING, MOST_VALUES, OTHER, Layout
from leakgauge.targets.input_columns import InputColumn, InputColumns


def known(*kinds):
    return InputColumns(tuple(InputColumn(kind=kind) for kind in kinds))


def layout_of(frame, *kinds):
    return Layout.of([frame], known(*(kinds or ["anything"] * frame.shape[1])))


def test_a_profile_is_the_weighted_mean_of_numbers_and_the_weighted_shares_of_categories():
    frame = pd.DataFrame({"age": [20.0, 30.0, 70.0], "city": ["a", "b", "b"]})
    layout = layout_of(frame)
    profile = layout.profiles(layout.coded(frame), np.array([1.0, 1.0, 2.0]))
    age, city = layout.columns
    assert age.middle + age.unit * profile[age.start] == pytest.approx((20 + 30 + 140) / 4)
    assert dict(zip(city.values, profile[city.places], strict=True)) == pytest.approx({"a": 0.25, "b": 0.75})


def test_distances_are_standard_deviations_and_shares_that_must_change():
    frame = pd.DataFrame({"age": [0.0, 10.0, 20.0, 30.0], "city": ["a", "a", "b", "c"]})
    layout = layout_of(frame)
    coded = layout.coded(frame)
    first, all_of_them = (
        layout.profiles(coded, weights) for weights in np.array([[1, 0, 0, 0], [1, 1, 1, 1.0]])
    )
    age, city = layout.distances(first, all_of_them)
    assert age == pytest.approx(15.0 / np.std([0, 10, 20, 30]))
    assert city == pytest.approx(0.5)  # half of the records would have to move to "a"


def test_means_are_over_the_records_that_have_a_number():
    frame = pd.DataFrame({"age": [20.0, np.nan, 40.0, 60.0]})
    layout = layout_of(frame)
    profiles = layout.profiles(layout.coded(frame), np.array([[1.0, 5, 1, 0], [0, 1, 0, 0]]))
    (age,) = layout.columns
    assert age.middle + age.unit * profiles[0, age.start] == pytest.approx(30.0)
    assert np.isnan(profiles[1, age.start])
    assert layout.distances(profiles[1], profiles[0]) == pytest.approx([0.0])  # nothing is said of it


def test_a_missing_category_is_a_value_of_its_own():
    frame = pd.DataFrame({"city": ["a", None, "a", None]}, dtype=object)
    (column,) = layout_of(frame).columns
    assert set(column.values) == {"a", MISSING}


@pytest.mark.parametrize(
    "cells",
    [[0, 1, 1, 0], [True, False, True, False], [0.0, 1.0, np.nan, 1.0], ["yes", "no", "no", "no"]],
    ids=["whole", "truth", "with gaps", "text"],
)
def test_two_values_are_shares_whatever_they_are_written_in(cells):
    (column,) = layout_of(pd.DataFrame({"smokes": cells})).columns
    assert not column.is_number


def test_numbers_that_the_model_knows_as_categories_are_shares():
    frame = pd.DataFrame({"code": [1, 2, 3, 4]})
    assert layout_of(frame).columns[0].is_number
    assert layout_of(frame, "categories").columns[0].values == ("1", "2", "3", "4")


def test_rare_values_are_taken_together():
    cells = [f"city {number:03}" for number in range(60) for _ in range(60 - number)]
    layout = layout_of(pd.DataFrame({"city": cells}))
    (column,) = layout.columns
    assert len(column.values) == MOST_VALUES
    assert column.values[-1] == OTHER
    profile = layout.profiles(layout.coded(pd.DataFrame({"city": cells})), np.ones(len(cells)))
    assert profile.sum() == pytest.approx(1.0)


def test_what_says_nothing_of_a_group_is_left_out():
    frame = pd.DataFrame(
        {
            "name": [f"person {number}" for number in range(50)],
            "constant": [7] * 50,
            "empty": [np.nan] * 50,
            "words": ["some free text"] * 25 + ["other"] * 25,
            "age": range(50),
        }
    )
    layout = layout_of(frame, "anything", "anything", "anything", "text", "numbers")
    assert [column.name for column in layout.columns] == ["age"]
    assert layout.left_out == ("name", "constant", "empty", "words")


def test_numbers_at_the_edge_of_what_there_is_give_no_figure_that_is_none():
    frame = pd.DataFrame({"age": [1e308, -1e308, 1.0, np.inf], "other": [1.0, 2.0, 3.0, 4.0]})
    layout = layout_of(frame)
    assert np.isfinite(layout.coded(frame)).all()
    assert layout.left_out == ("age",)


def test_order_of_records_changes_nothing():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(size=80), "city": rng.choice(list("abcdef"), 80)})
    shuffled = frame.sample(frac=1.0, random_state=1).reset_index(drop=True)
    ones, others = layout_of(frame), layout_of(shuffled)
    assert [column.values for column in ones.columns] == [column.values for column in others.columns]
    profiles = [
        layout.profiles(layout.coded(rows), np.ones(80))
        for layout, rows in ((ones, frame), (others, shuffled))
    ]
    np.testing.assert_allclose(*profiles, atol=1e-12)
