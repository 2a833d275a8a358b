"""Defences for scikit-learn models: an unfitted copy with the change, and nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest
import toy_mitigation
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from leakgauge.defences.output import settings_of
from leakgauge.defences.retraining import MITIGATIONS, variants
from leakgauge.defences.retraining.variants import variants_of
from leakgauge.errors import BadParameters, UnsupportedModel
from leakgauge.membership import recommendations
from leakgauge.targets.sklearn.target import SklearnTarget

BY_NAME = {defence.name: defence for defence in MITIGATIONS}
X, Y = (part[:400] for part in load_digits(return_X_y=True))


def forest(**settings):
    return RandomForestClassifier(**{"n_estimators": 5, "random_state": 0, **settings})


def changed(before, after):
    """Parameters that differ between two estimators of the same kind."""
    ones, others = before.get_params(), after.get_params()
    return {name: others[name] for name in others if ones.get(name) != others[name]}


def hardened_by(row):
    """The first model that has what the row changes, and what the row makes of it."""
    for original in (forest(n_estimators=8), LogisticRegression(max_iter=2_000), KNeighborsClassifier()):
        original.fit(X, Y)
        try:
            return original, row.harden(original)
        except UnsupportedModel:
            continue
    raise AssertionError(f"{row.name} fits no model")


@pytest.mark.parametrize("defence", MITIGATIONS, ids=lambda defence: defence.name)
def test_every_row_gives_an_unfitted_copy_that_can_be_fitted_and_audited(defence):
    original, hardened = hardened_by(defence)
    before = original.get_params()
    assert defence.harden(original) is not original
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
        ("regularisation", forest()),
        ("neighbours", forest()),
        ("fewer_trees", forest(n_estimators=7)),
        ("fewer_trees", LogisticRegression(max_iter=500)),  # its iterations are no trees
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


def test_a_toy_mitigation_is_one_file_and_one_row(monkeypatch):
    monkeypatch.setattr(variants, "MITIGATIONS", (*MITIGATIONS, toy_mitigation.ROW))
    monkeypatch.setattr(recommendations, "MITIGATIONS", (*MITIGATIONS, toy_mitigation.ROW))
    assert changed(forest(), toy_mitigation.ROW.harden(forest(), 3)) == {"max_leaf_nodes": 3}
    tried = variants_of(forest())[-2]
    assert (tried.name, tried.title) == ("max_leaf_nodes=10", "Trees of 10 leaves")
    tried.apply(forest()).fit(X, Y)
    assert recommendations.mitigations().endswith(" or fewer leaves")
