"""Pipelines of imbalanced-learn: samplers take no part in answers, and clones are trained with them."""

from __future__ import annotations

import pickle

import imblearn.combine
import imblearn.over_sampling
import imblearn.under_sampling
import numpy as np
import pytest
from cases import audited
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline, make_pipeline
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from boosters import bundle_of, halves, numbers
from leakgauge.errors import UnsafeModel, UnsupportedModel
from leakgauge.progress import Silent
from leakgauge.targets.formats import sanitizer_of
from leakgauge.targets.opening import open_table_model

PACKAGES = (imblearn.combine, imblearn.over_sampling, imblearn.under_sampling)
SAMPLERS = sorted(name for package in PACKAGES for name in package.__all__)
SETTINGS = {
    "SMOTENC": {"categorical_features": [0]},
    "KMeansSMOTE": {"cluster_balance_threshold": 0.01, "random_state": 0},
}


def sampler(name, **settings):
    (package,) = (package for package in PACKAGES if hasattr(package, name))
    return getattr(package, name)(**SETTINGS.get(name, {}) | settings)


def skewed():
    """Rows of two classes, one of them rare."""
    frame, y = numbers()
    rare = (y == 0) & (np.arange(len(y)) % 2 == 0)
    return frame, rare.astype(int)


def fitted(one):
    frame, y = skewed()
    forest = RandomForestClassifier(n_estimators=5, max_depth=5, random_state=0)
    half = len(frame) // 2
    return make_pipeline(StandardScaler(), one, forest).fit(frame.iloc[:half], y[:half])


@pytest.mark.filterwarnings("ignore")  # of imbalanced-learn and the scikit-learn under it
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_pipeline_with_any_sampler_answers_as_it_does_itself(name, tmp_path):
    made = fitted(sampler(name))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made))
    target = open_table_model(tmp_path / "model.pkl")
    frame, _ = skewed()
    assert np.array_equal(target.estimator.predict_proba(frame), made.predict_proba(frame))
    assert target.type_name == f"Pipeline(StandardScaler → {name} → RandomForestClassifier)"
    assert target.feature_names == tuple(frame.columns)


def test_reference_models_are_trained_with_the_sampler_and_the_file_is_attacked(tmp_path):
    made = fitted(sampler("SMOTE", random_state=0, k_neighbors=2))
    folder = bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(made), *skewed())
    report = audited(folder, attacks=["gap", "rmia", "leaf_counts"])
    assert all(attack.status == "measured" for attack in report.attacks)
    frame, y = skewed()
    again = open_table_model(folder / "model.pkl").estimator.fit(frame, y)
    assert isinstance(again, Pipeline)
    drawn = again[-1].estimators_[0].tree_.weighted_n_node_samples[0]
    assert drawn == 2 * (y == 0).sum()


def test_the_records_that_a_sampler_keeps_are_taken_out(tmp_path):
    made = fitted(sampler("SMOTE", random_state=0, k_neighbors=2))
    assert made[1].nn_k_._fit_X.shape[1] == 28
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made))
    assert any("SMOTE" in remark for remark in open_table_model(tmp_path / "model.pkl").remarks)
    (tmp_path / "scratch").mkdir()
    sanitized = sanitizer_of(tmp_path / "model.pkl")(tmp_path / "model.pkl", tmp_path / "scratch", Silent())
    assert "what the sampler kept of its training records" in sanitized.removed
    new = pickle.loads(sanitized.content)
    assert not hasattr(new[1], "nn_k_")
    frame, _ = skewed()
    assert np.array_equal(new.predict_proba(frame), made.predict_proba(frame))


ENSEMBLES = {
    "forest": BalancedRandomForestClassifier(n_estimators=5, random_state=0),
    "forest of bootstraps": BalancedRandomForestClassifier(n_estimators=5, random_state=0, bootstrap=True),
    "bagging": BalancedBaggingClassifier(n_estimators=3, random_state=0),
    "bagged SMOTE": BalancedBaggingClassifier(
        GaussianNB(), n_estimators=3, random_state=0, sampler=SMOTE(k_neighbors=2)
    ),
    "easy": EasyEnsembleClassifier(
        n_estimators=2, estimator=AdaBoostClassifier(n_estimators=3), random_state=0
    ),
    "boosting": RUSBoostClassifier(n_estimators=4, random_state=0),
}


@pytest.mark.filterwarnings("ignore")  # of imbalanced-learn and the scikit-learn under it
@pytest.mark.parametrize("name", ENSEMBLES)
def test_a_balanced_ensemble_is_audited_and_trained_again(name, tmp_path):
    frame, y = skewed()
    x, of_members, *_ = halves(frame, y)
    made = ENSEMBLES[name].fit(x, of_members)
    folder = bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(made), frame, y)
    target = open_table_model(folder / "model.pkl")
    assert np.array_equal(target.estimator.predict_proba(frame), made.predict_proba(frame))
    again = clone(target.estimator).fit(x, of_members)
    assert np.array_equal(again.predict_proba(frame), made.predict_proba(frame))
    attacks = ["gap", "loss", "rmia", "leaf_counts", "bootstrap_replay"]
    outcomes = {one.name: one for one in audited(folder, attacks=attacks, reference_models=4).attacks}
    for attack in attacks[:3] + ["leaf_counts"] * ("forest" in name):
        assert outcomes[attack].status == "measured", outcomes[attack]
    assert outcomes["bootstrap_replay"].status == "not_applicable"
    if "forest" in name:
        assert "sampler" in outcomes["bootstrap_replay"].reason


@pytest.mark.parametrize("name", ENSEMBLES)
def test_a_balanced_ensemble_is_sanitised(name, tmp_path):
    frame, y = skewed()
    made = ENSEMBLES[name].fit(frame, y)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made))
    (tmp_path / "scratch").mkdir()
    sanitized = sanitizer_of(tmp_path / "model.pkl")(tmp_path / "model.pkl", tmp_path / "scratch", Silent())
    assert "what the sampler kept of its training records" in sanitized.removed
    assert b"sample_indices_" not in sanitized.content
    assert np.array_equal(pickle.loads(sanitized.content).predict_proba(frame), made.predict_proba(frame))


def test_a_crafted_tree_of_a_balanced_forest_is_refused(tmp_path):
    frame, y = skewed()
    made = BalancedRandomForestClassifier(n_estimators=2, random_state=0).fit(frame, y)
    state = made.estimators_[1].tree_.__getstate__()
    state["nodes"]["feature"][0] = 1_000
    made.estimators_[1].tree_.__setstate__(state)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made))
    with pytest.raises(UnsupportedModel) as caught:
        open_table_model(tmp_path / "model.pkl")
    assert caught.value.problem == "unreadable"


def test_functions_of_ones_own_are_refused(tmp_path, monkeypatch):
    made = fitted(sampler("RandomUnderSampler", random_state=0))
    made[1].sampling_strategy = np.mean
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made))
    with pytest.raises(UnsafeModel) as caught:
        open_table_model(tmp_path / "model.pkl")
    assert caught.value.problem == "refused_settings"
    monkeypatch.setattr("leakgauge.targets.libraries.find_spec", lambda _module: None)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(fitted(sampler("RandomUnderSampler"))))
    with pytest.raises(UnsupportedModel) as missing:
        open_table_model(tmp_path / "model.pkl")
    assert missing.value.problem == "imbalanced_learn_not_installed"
