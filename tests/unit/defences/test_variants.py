"""Standard changes: only of settings that there are, only stricter, never in what prepares the data."""

from __future__ import annotations

import pytest
from pools import records
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from leakgauge.defences.retraining.variants import ROUNDED, variants_of

FORESTS = ["min_samples_leaf=5", "min_samples_leaf=20", "max_depth=8", "max_samples=0.3", "n_estimators=2"]


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (RandomForestClassifier(10), FORESTS),
        (ExtraTreesClassifier(10), [name for name in FORESTS if "samples=" not in name]),  # no bootstrap
        (
            GradientBoostingClassifier(n_estimators=8),
            ["min_samples_leaf=5", "min_samples_leaf=20", "max_depth=2", "subsample=0.5", "n_estimators=2"],
        ),
        (HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=20), ["max_depth=8", "max_iter=2"]),
        (BaggingClassifier(DecisionTreeClassifier(), 8), [*FORESTS[:4], "n_estimators=2"]),
        (AdaBoostClassifier(n_estimators=8), ["n_estimators=2"]),
        (DecisionTreeClassifier(max_depth=3, min_samples_leaf=10), ["min_samples_leaf=20", "max_depth=2"]),
        (DecisionTreeClassifier(max_depth=1, min_samples_leaf=50), []),
        (DecisionTreeClassifier(min_samples_leaf=0.01, max_depth=1), []),  # a share, which is left alone
        (LogisticRegression(max_iter=50), ["C=0.1"]),
        (KNeighborsClassifier(3), ["n_neighbors=15"]),
        (GaussianNB(), []),
        (CalibratedClassifierCV(GaussianNB(), cv=2), []),
    ],
    ids=lambda value: "" if isinstance(value, list) else type(value).__name__,
)
def test_changes_are_stricter_than_what_is_there_and_can_be_trained(model, names: list[str]) -> None:
    changes = variants_of(model)
    assert [change.name for change in changes] == [*names, ROUNDED.name]
    x, y = records(120, seed=0)
    before = model.get_params()
    for change in changes:
        assert change.apply(model).fit(x, y).predict_proba(x).shape == (120, 3)
    assert repr(model.get_params()) == repr(before)


def test_a_step_that_prepares_the_data_is_left_alone() -> None:
    model = make_pipeline(KNNImputer(n_neighbors=3), KNeighborsClassifier(2))
    change = variants_of(model)[0]
    assert dict(change.settings) == {"kneighborsclassifier__n_neighbors": 10}


def test_every_classifier_inside_is_changed_at_once() -> None:
    model = VotingClassifier(
        [("a", DecisionTreeClassifier()), ("b", RandomForestClassifier(8))], voting="soft"
    )
    leaves = next(change for change in variants_of(model) if change.name == "min_samples_leaf=5")
    assert dict(leaves.settings) == {"a__min_samples_leaf": 5, "b__min_samples_leaf": 5}
    settings = leaves.apply(model).get_params()
    assert settings["a__min_samples_leaf"] == settings["b__min_samples_leaf"] == 5
