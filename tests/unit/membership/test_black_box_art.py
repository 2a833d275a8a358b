"""The toolbox's learned attack: left out by name where it is not installed, else handed what it may know."""

from __future__ import annotations

import sys
import types
from typing import ClassVar

import numpy as np
import pytest
from pools import inputs_of, records
from sklearn.ensemble import RandomForestClassifier

from leakgauge.attacks.row import NOT_INSTALLED, Unsuited
from leakgauge.attacks.table import chosen_attacks
from leakgauge.membership.attacks import ATTACKS, black_box_art
from leakgauge.membership.audit import audit
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipMeasured, NotApplicable

pytestmark = pytest.mark.usefixtures("few_trees")

CLASSES = 3


class Toolbox:
    """Stands for the toolbox: the same calls, and a forest behind them."""

    seen: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, estimator, *, attack_model_type):
        assert (estimator.nb_classes, attack_model_type) == (CLASSES, "rf")
        self.attack_model = RandomForestClassifier(10)

    def fit(self, *, pred, y, test_pred, test_y):
        for answers, labels in ((pred, y), (test_pred, test_y)):
            np.testing.assert_allclose(answers.sum(axis=1), 1.0)
            assert (labels.sum(axis=1) == 1).all()
            assert set(np.unique(labels)) == {0.0, 1.0}
        assert len(pred) == len(test_pred)
        self.seen.append((len(pred), self.attack_model.random_state))
        x = np.concatenate([np.column_stack([pred, y]), np.column_stack([test_pred, test_y])])
        self.attack_model.fit(x, np.repeat([1, 0], [len(pred), len(test_pred)]))

    def infer(self, x, y, *, pred, probabilities):
        assert x is None
        assert probabilities
        return self.attack_model.predict_proba(np.column_stack([pred, y]))


@pytest.fixture
def toolbox(monkeypatch):
    def black_box(predict, *, input_shape, nb_classes):
        with pytest.raises(AssertionError, match="asked the target"):
            predict(np.zeros((1, *input_shape)))
        return types.SimpleNamespace(nb_classes=nb_classes)

    attacks = types.ModuleType("art.attacks.inference.membership_inference")
    attacks.MembershipInferenceBlackBox = Toolbox
    estimators = types.ModuleType("art.estimators.classification")
    estimators.BlackBoxClassifier = black_box
    for name in ("art", "art.attacks", "art.attacks.inference", "art.estimators"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, attacks.__name__, attacks)
    monkeypatch.setitem(sys.modules, estimators.__name__, estimators)
    monkeypatch.setattr(Toolbox, "seen", [])


@pytest.fixture
def absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "art", None)


def audited(names):
    members, non_members = records(120, seed=0), records(120, seed=1)
    forest = RandomForestClassifier(10, random_state=0, n_jobs=1).fit(*members)
    return audit(
        inputs_of(forest, members, non_members),
        parameters=membership_parameters(overrides={"proportions": 90}),
        attacks=chosen_attacks(names, ATTACKS),
        inputs_sha256={},
        progress=Silent(),
    ).attacks


def test_without_the_extra_the_row_says_so_and_the_others_stand(absent):
    loss, reference = audited(["loss", "black_box_art"])
    assert isinstance(loss, MembershipMeasured)
    assert isinstance(reference, NotApplicable)
    assert reference.reason == NOT_INSTALLED
    assert "pip install 'leakgauge[reference]'" in NOT_INSTALLED
    # what was never tried widens no interval
    (alone,) = audited(["loss"])
    assert alone == loss


def test_with_the_extra_it_is_measured_on_records_it_did_not_know(toolbox):
    (first,), (second,) = audited(["black_box_art"]), audited(["black_box_art"])
    assert isinstance(first, MembershipMeasured)
    assert first.metrics == second.metrics
    assert first.queries == 240
    # ten folds, of which each is scored by a forest that knew the other nine, with a seed of its own
    assert [known for known, _ in Toolbox.seen] == [108] * 20
    assert len({seed for _, seed in Toolbox.seen}) == 10
    assert first.metrics.auc.value > 0.6


def test_it_runs_only_when_it_is_asked_for(toolbox):
    usual = [attack.name for attack in chosen_attacks(None, ATTACKS)]
    assert "black_box_art" not in usual
    besides = chosen_attacks(None, ATTACKS, reference_libraries=True)
    assert [attack.name for attack in besides] == [*usual, "black_box_art"]
    besides = chosen_attacks(["loss"], ATTACKS, reference_libraries=True)
    assert [attack.name for attack in besides] == ["loss", "black_box_art"]


def test_too_few_records_are_told_from_a_missing_extra(toolbox):
    members, non_members = records(5, seed=0), records(5, seed=1)
    forest = RandomForestClassifier(3, random_state=0).fit(*records(60, seed=2))
    inputs = inputs_of(forest, members, non_members)
    with pytest.raises(Unsuited, match="known members"):
        black_box_art.score(inputs.target, inputs.pool, rng=np.random.default_rng(0), progress=Silent())
