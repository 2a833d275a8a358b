"""Defences for scikit-learn models: an unfitted copy with the change, and nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from leakgauge.defences.output import settings_of
from leakgauge.defences.output.protocol import Strength
from leakgauge.defences.refitting import REFITTING_DEFENCES, RefittingDefence
from leakgauge.errors import BadParameters, UnsupportedModel
from leakgauge.targets.sklearn.target import SklearnTarget

BY_NAME = {defence.name: defence for defence in REFITTING_DEFENCES}
X, Y = (part[:400] for part in load_digits(return_X_y=True))


def forest(**settings):
    return RandomForestClassifier(5, random_state=0, **settings)


def changed(before, after):
    """Parameters that differ between two estimators of the same kind."""
    ones, others = before.get_params(), after.get_params()
    return {name: others[name] for name in others if ones.get(name) != others[name]}


@pytest.mark.parametrize("defence", REFITTING_DEFENCES, ids=lambda defence: defence.name)
def test_every_row_gives_an_unfitted_copy_that_can_be_fitted_and_audited(defence):
    original = forest().fit(X, Y)
    before = original.get_params()
    hardened = defence.harden(original)
    assert hardened is not original
    with pytest.raises(NotFittedError):
        check_is_fitted(hardened)
    assert original.get_params() == before
    check_is_fitted(original)
    target = SklearnTarget(hardened.fit(X, Y))
    np.testing.assert_allclose(target.probabilities(X[:5]).sum(axis=1), 1.0)
    assert defence.cost.endswith(".")
    assert defence.citation
    assert (defence.changed_settings is None) != (defence.wrapped is None)
    settings_of(defence.output_defences())


def test_leaves_hold_as_many_records_as_asked_for():
    hardened = BY_NAME["leaf_size"].harden(forest(bootstrap=False), 30).fit(X, Y)
    for tree in hardened.estimators_:
        counts = np.bincount(tree.apply(X.astype(np.float32)))
        assert counts[counts > 0].min() >= 30


def test_only_the_setting_changes_and_only_where_it_is_not_as_strict():
    assert changed(forest(), BY_NAME["leaf_size"].harden(forest(), 7)) == {"min_samples_leaf": 7}
    assert changed(forest(), BY_NAME["depth"].harden(forest(), 4)) == {"max_depth": 4}
    assert changed(forest(), BY_NAME["subsampling"].harden(forest(), 0.1)) == {"max_samples": 0.1}
    boosting = GradientBoostingClassifier()
    assert changed(boosting, BY_NAME["subsampling"].harden(boosting)) == {"subsample": 0.3}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("leaf_size", forest(min_samples_leaf=50)),
        ("depth", forest(max_depth=3)),
        ("subsampling", forest(max_samples=0.2)),
        ("subsampling", forest(bootstrap=False)),
        ("subsampling", forest(max_samples=30)),
        ("depth", LogisticRegression()),
    ],
)
def test_what_does_not_fit_is_refused_instead_of_doing_nothing(name, model):
    with pytest.raises(UnsupportedModel) as refused:
        BY_NAME[name].harden(model)
    assert refused.value.problem == "defence_does_not_fit"
    assert name in refused.value.message


def test_in_a_pipeline_the_classifier_changes_and_no_step_that_prepares_data():
    pipeline = make_pipeline(StandardScaler(), KBinsDiscretizer(subsample=200), GradientBoostingClassifier())
    after = BY_NAME["subsampling"].harden(pipeline, 0.5)
    assert after.get_params()["gradientboostingclassifier__subsample"] == 0.5
    assert after.get_params()["kbinsdiscretizer__subsample"] == 200


def test_a_calibrated_model_is_not_calibrated_twice_and_is_offered_rounded():
    defence = BY_NAME["calibrated_rounding"]
    once = defence.harden(make_pipeline(StandardScaler(), forest()))
    assert isinstance(once, CalibratedClassifierCV)
    assert not isinstance(defence.harden(once).estimator, CalibratedClassifierCV)
    assert defence.output_defences() == ("rounding=1",)
    assert defence.output_defences(2) == ("rounding=2",)
    assert BY_NAME["depth"].output_defences() == ()


@pytest.mark.parametrize(
    ("name", "strength"),
    [("leaf_size", 1), ("leaf_size", 2.5), ("depth", 0), ("subsampling", 1.0), ("subsampling", float("nan"))],
)
def test_a_strength_out_of_range_is_refused_with_the_range(name, strength):
    with pytest.raises(BadParameters) as refused:
        BY_NAME[name].harden(forest(), strength)
    assert refused.value.problem == "defence_strength"
    assert "Choose from" in refused.value.hint


def test_a_toy_defence_is_one_function_and_one_row():
    row = RefittingDefence(
        "few_trees",
        "Few trees",
        "Accuracy.",
        "none",
        Strength("trees", 1, 1, 9, whole=True),
        changed_settings=lambda blank, strength: {"n_estimators": int(strength)},
    )
    assert changed(forest(), row.harden(forest(), 3)) == {"n_estimators": 3}
