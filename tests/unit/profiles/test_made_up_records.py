"""Records that an attacker makes up are possible ones, and the search among them keeps count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_bundles import people

from leakgauge.profiles.adaptive_sampling import sampled
from leakgauge.profiles.copula import Copula
from leakgauge.profiles.ranges import sampled_within
from leakgauge.progress import Silent


def mixed(n, rng):
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "income": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(10, 1, n)),
            "city": pd.Series(rng.choice(["Oslo", "Lima", None], n), dtype=object),
            "member": rng.random(n) < 0.5,
            "grade": pd.Categorical(rng.choice(["a", "b"], n), categories=["a", "b", "c"]),
            "code": rng.choice([3, 7, 11], n),
        }
    )


@given(seed=st.integers(0, 10_000), far=st.floats(0.1, 30.0))
@settings(max_examples=40, deadline=None)
def test_whatever_point_is_asked_the_record_is_a_possible_one(seed, far):
    rng = np.random.default_rng(seed)
    frame = mixed(60, rng)
    made = Copula.of(frame, rng.random(60)).records(far * rng.normal(size=(200, 6)))
    assert list(made.dtypes) == list(frame.dtypes)
    assert made["age"].between(frame["age"].min(), frame["age"].max()).all()
    assert made["income"].dropna().between(frame["income"].min(), frame["income"].max()).all()
    for column in ("city", "member", "grade", "code"):
        assert set(made[column].dropna()) <= set(frame[column].dropna())


def test_the_copula_keeps_columns_together_as_they_are():
    frame, _ = people(3_000, seed=0)
    frame["twice"] = 2 * frame["age"] + np.random.default_rng(1).normal(size=len(frame))
    copula = Copula.of(frame, np.zeros(len(frame)))
    z = np.random.default_rng(2).multivariate_normal(np.zeros(6), copula.correlations, 3_000)
    made = copula.records(z)
    assert made["age"].corr(made["twice"]) > 0.9
    assert abs(made["age"].corr(made["shoes"])) < 0.1
    assert made["age"].mean() == pytest.approx(frame["age"].mean(), abs=1.0)
    shares = made["city"].value_counts(normalize=True) - frame["city"].value_counts(normalize=True)
    assert shares.abs().max() < 0.05


def test_the_search_finds_the_mean_of_a_class_that_one_record_in_a_thousand_has():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=4_000), "noise": rng.normal(size=4_000)})
    copula = Copula.of(frame, frame["x"].to_numpy())

    def is_of_class(made):
        return 1.0 / (1.0 + np.exp(-8.0 * (made["x"].to_numpy() - 2.9)))

    found = sampled(copula, is_of_class, budget=5_000, rng=np.random.default_rng(1), progress=Silent())
    population = copula.records(rng.normal(size=(400_000, 2)))
    weights = is_of_class(population)
    truth = float((population["x"] * weights).sum() / weights.sum())
    mean = float((found.frame["x"] * found.weights).sum() / found.weights.sum())
    effective = found.weights.sum() ** 2 / (found.weights**2).sum()
    assert mean == pytest.approx(truth, abs=0.05)
    assert abs(float((found.frame["noise"] * found.weights).sum() / found.weights.sum())) < 0.1
    assert effective > 10 * 5_000 * weights.mean()  # far more than asking at random would find
    assert found.weights.max() <= 5.0 + 1e-9


def test_a_search_that_finds_nothing_goes_on_with_everybody():
    frame, _ = people(200, seed=0)
    found = sampled(
        Copula.of(frame, np.zeros(200)),
        lambda made: np.zeros(len(made)),
        budget=100,
        rng=np.random.default_rng(0),
        progress=Silent(),
    )
    assert len(found.frame) == len(found.weights) == 100
    assert not found.weights.any()


def test_ranges_of_two_rows_give_numbers_between_them_and_every_value_that_stands_there():
    frame = pd.DataFrame(
        {
            "age": [18.0, 90.0, np.nan],
            "debt": [0.5, 99.5, np.nan],
            "city": pd.Series(["Oslo", "Lima", "Pune"], dtype=object),
        }
    )
    made = sampled_within(frame, np.random.default_rng(0), records=3_000)
    assert (made["age"] % 1 == 0).all()
    assert (made["age"].min(), made["age"].max()) == (18.0, 90.0)
    assert made["debt"].between(0.5, 99.5).all()
    assert made["city"].value_counts().min() > 900
    assert list(made.dtypes) == list(frame.dtypes)


def test_a_column_of_ranges_without_a_value_stays_empty():
    made = sampled_within(pd.DataFrame({"age": [np.nan, np.nan]}), np.random.default_rng(0), records=10)
    assert made["age"].isna().all()
    assert len(made) == 10
