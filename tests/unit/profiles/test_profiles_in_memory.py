"""Class profiles of a model in memory, and through the door for bundles: the same figures."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from profile_bundles import fitted, people, profiles_bundle
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB

import leakgauge
from leakgauge.errors import BadBundle, BadParameters, UnsupportedModel

MODEL = fitted(*people(2_000, seed=0))
AUXILIARY = people(1_000, seed=1)[0]
REFERENCE = people(1_000, seed=2)
QUICK = {"attacks": ["weighted_records", "copula_search"], "query_budget": 500}


@pytest.fixture(scope="module")
def in_memory():
    return leakgauge.audit_profiles(MODEL, AUXILIARY, reference=REFERENCE, **QUICK)


def test_in_memory_and_in_a_sandboxed_bundle_the_figures_are_the_same(in_memory, tmp_path):
    bundle = profiles_bundle(tmp_path / "bundle", MODEL, AUXILIARY, REFERENCE)
    (bundle / "parameters.json").write_text(json.dumps(QUICK))
    found = leakgauge.audit(bundle, output=tmp_path / "report")
    assert isinstance(found, leakgauge.ProfilesResult)
    assert set(found.files) == {"profiles.csv"}
    assert (tmp_path / "report" / "profiles.csv").read_bytes() == found.files["profiles.csv"]
    assert found.verdict.severity == in_memory.verdict.severity
    for one, other in zip(found.attacks, in_memory.attacks, strict=True):
        assert one.metrics.gain.value == pytest.approx(other.metrics.gain.value, abs=1e-4)
    assert "2 classes" in repr(found)
    assert "weighted_records" in str(found)


def test_a_function_of_rows_is_a_model_too(in_memory):
    found = leakgauge.audit_profiles(
        lambda rows: MODEL.predict_proba(rows), AUXILIARY, reference=REFERENCE, **QUICK
    )
    assert found.target.classes == ("default", "paid")
    assert found.attacks[0].metrics.gain.value == in_memory.attacks[0].metrics.gain.value


def test_arrays_have_columns_in_the_models_order():
    x, y = people(2_000, seed=0)
    numbers = ["age", "debt"]
    model = GaussianNB().fit(x[numbers], y)
    reference = (REFERENCE[0][numbers].to_numpy(), REFERENCE[1])
    found = leakgauge.audit_profiles(model, AUXILIARY[numbers].to_numpy(), reference=reference, **QUICK)
    assert found.attacks[0].metrics.leakage.low > 0.3
    assert {column.name for column in found.profiles[0].columns} == set(numbers)


def test_ranges_stand_in_the_place_of_records():
    ranges = pd.DataFrame(
        {
            "age": [18, 90, 18],
            "debt": [0.0, 60_000.5, 0.0],
            "kids": [0, 8, 0],
            "city": ["Oslo", "Lima", "Pune"],
        }
    ).assign(shoes=[35.5, 50.5, 35.5])
    found = leakgauge.audit_profiles(MODEL, ranges=ranges, class_to_attack="default", **QUICK)
    assert found.auxiliary.source == "ranges"
    assert found.verdict.severity is leakgauge.Severity.INCONCLUSIVE
    with pytest.raises(TypeError):
        leakgauge.audit_profiles(MODEL, AUXILIARY, ranges=ranges)
    with pytest.raises(TypeError):
        leakgauge.audit_profiles(MODEL)


@pytest.mark.parametrize(
    ("attempt", "error", "problem"),
    [
        (lambda: leakgauge.audit_profiles(MODEL, AUXILIARY, label_column="y"), BadParameters, "invalid"),
        (lambda: leakgauge.audit_profiles(MODEL, AUXILIARY[:19]), BadBundle, "too_few_records"),
        (
            lambda: leakgauge.audit_profiles(MODEL, AUXILIARY.drop(columns="age")),
            BadBundle,
            "missing_columns",
        ),
        (
            lambda: leakgauge.audit_profiles(MODEL, AUXILIARY, reference=(REFERENCE[0], np.zeros(1_000))),
            BadBundle,
            "unknown_labels",
        ),
        (
            lambda: leakgauge.audit_profiles(
                LinearRegression().fit(AUXILIARY[["age"]], AUXILIARY["debt"]), AUXILIARY[["age"]]
            ),
            UnsupportedModel,
            "no_classes",
        ),
    ],
)
def test_what_does_not_fit_is_named(attempt, error, problem):
    with pytest.raises(error) as refused:
        attempt()
    assert refused.value.problem == problem
