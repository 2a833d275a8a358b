"""Audits of a defended target: attacks see what callers see, file holders what the file holds."""

from __future__ import annotations

import dataclasses

import pytest
from pools import inputs_of, records
from sklearn.ensemble import RandomForestClassifier
from template_target import TemplateTarget, templates

from leakgauge.attacks.table import chosen_attacks
from leakgauge.defences.output import DefendedTarget, defended_notice, not_undone, settings_of
from leakgauge.errors import BadParameters
from leakgauge.inversion.attacks import ATTACKS as INVERSION_ATTACKS
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.inversion.running import run_attacks
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.audit import audit
from leakgauge.membership.pool import SharedAnswers
from leakgauge.parameters import inversion_parameters, membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipMeasured, NotApplicable
from leakgauge.targets.sklearn.target import SklearnTarget

pytestmark = pytest.mark.usefixtures("few_trees")


def audited(spellings, names, *, models=4):
    members, subjects = records(150, seed=0), records(150, seed=1)
    forest = RandomForestClassifier(10, random_state=0, n_jobs=1).fit(*members)
    inputs = inputs_of(forest, members, subjects)
    defences = settings_of(spellings)
    target = DefendedTarget(SklearnTarget(forest), defences)
    inputs = dataclasses.replace(inputs, target=SharedAnswers(target, inputs.pool), defences=defences)
    report = audit(
        inputs,
        parameters=membership_parameters(
            overrides={"reference_models": models, "proportions": 90, "tradeoffs": False}
        ),
        attacks=chosen_attacks(names, ATTACKS),
        inputs_sha256={},
        progress=Silent(),
    )
    return {attack.name: attack for attack in report.attacks}, report


def test_label_only_leaves_attacks_on_labels_and_on_the_file():
    names = ["gap", "loss", "rmia", "leaf_counts"]
    found, report = audited(["label_only"], names)
    open_door, before = audited([], names)
    assert isinstance(found["loss"], NotApplicable)
    assert isinstance(found["rmia"], NotApplicable)
    assert "labels alone" in found["rmia"].reason
    assert found["gap"].metrics.accuracy == open_door["gap"].metrics.accuracy
    assert isinstance(found["leaf_counts"], MembershipMeasured)
    assert found["leaf_counts"].metrics.auc.value == open_door["leaf_counts"].metrics.auc.value
    assert report.target.test_accuracy == before.target.test_accuracy


def test_noise_costs_accuracy_which_the_report_shows():
    _, report = audited(["noise=6"], ["loss"])
    _, before = audited([], ["loss"])
    assert report.target.train_accuracy.high < before.target.train_accuracy.low


def test_clones_pass_through_what_an_attacker_can_repeat_and_not_through_noise(monkeypatch):
    seen = []
    from leakgauge.membership import refitting

    original = refitting.changed

    def spying(answers, queries, settings):
        seen.append([setting.defence.name for setting in settings])
        return original(answers, queries, settings)

    monkeypatch.setattr(refitting, "changed", spying)
    audited(["rounding=1", "noise=1"], ["rmia"], models=2)
    assert seen
    assert all(names == ["rounding"] for names in seen)


@pytest.mark.parametrize(
    ("spelled", "left"),
    [
        (["temperature=3"], []),
        (["rounding=1", "temperature=3"], ["rounding=1"]),
        (["temperature=3", "rounding=1"], ["temperature=3", "rounding=1"]),
        (["temperature=3", "temperature=2"], []),
        ([], []),
    ],
)
def test_an_attacker_undoes_what_nothing_stands_behind(spelled, left):
    assert [str(setting) for setting in not_undone(settings_of(spelled))] == left


def test_a_bundle_behind_a_temperature_is_audited_as_it_is_and_says_so():
    (notice,) = defended_notice(settings_of(["rounding=1", "temperature=3"]))
    assert "can undo temperature, so the attacks have done so" in notice.message
    (notice,) = defended_notice(settings_of(["temperature=3", "rounding=1"]))
    assert "undo" not in notice.message


def test_drawings_that_need_probabilities_are_not_applicable_behind_label_only():
    spsa = next(attack for attack in INVERSION_ATTACKS if attack.name == "spsa")
    target = DefendedTarget(TemplateTarget(), settings_of(["label_only"]))
    told = AttackSettings(space=low_frequencies(templates()[0]), iterations=(10,), seeds=1)
    (outcome,) = run_attacks(
        [(spsa, told)], target, classes=[0], controls=[], budget=None, seed=0, progress=Silent()
    )
    assert isinstance(outcome, NotApplicable)
    assert target.queries == 0


def test_a_defended_report_says_so_and_parameters_carry_the_defences():
    (notice,) = defended_notice(settings_of(["rounding=1", "top_k"]))
    assert "Rounded answers (1 decimals), then Largest probabilities only" in notice.message
    assert defended_notice(()) == ()
    for parameters in (membership_parameters, inversion_parameters):
        assert parameters().defences == ()
        assert parameters(overrides={"defences": "rounding=1"}).defences == ("rounding=1",)
        with pytest.raises(BadParameters):
            parameters(overrides={"defences": [1]})


def test_a_bundle_with_an_unknown_defence_is_refused_before_anything_is_opened():
    from leakgauge.membership.inputs import read_inputs

    with pytest.raises(BadParameters) as refused:
        read_inputs(None, membership_parameters(overrides={"defences": ["ruonding=2"]}))
    assert refused.value.problem == "unknown_defence"
