"""An inversion audit that must end in time reconstructs for fewer iterations, and says so."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from leakgauge.attacks.row import Unsuited
from leakgauge.inversion.evaluation import Evaluation
from leakgauge.inversion.inputs import Inputs
from leakgauge.inversion.priors.choice import ChosenPrior
from leakgauge.inversion.protocol import Attack, AttackSettings, Reconstructed
from leakgauge.inversion.time_budget import FEWEST_ITERATIONS, SENSIBLE, within
from leakgauge.inversion.verdict import verdict
from leakgauge.progress import Silent

SECONDS_PER_ITERATION = 0.01


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def attack(clock):
    """An attack whose iterations take a hundredth of a second each."""

    def reconstruct(target, target_class, *, budget, rng, progress, settings):
        clock.now += settings.iterations[-1] * SECONDS_PER_ITERATION
        return Reconstructed((), ())

    return Attack("fake", "Fake", "probabilities", "Nobody", reconstruct)


def inputs(*iterations):
    """One class to reconstruct and nine to compare with: ten reconstructions."""
    return Inputs(
        target=SimpleNamespace(has_probabilities=True, classes=np.arange(10)),
        facts=SimpleNamespace(classes=10),
        original=np.zeros((4, 4, 1), np.float32),
        original_class=0,
        classes=(0,),
        references=(),
        settings=AttackSettings(space=SimpleNamespace(), iterations=iterations, seeds=3),
        prior=ChosenPrior(),
        evaluation=Evaluation(None, None, {}),
        examined=SimpleNamespace(),
        notices=(),
    )


def planned(given, attacks, clock, *, seconds, spent=0.0):
    return within(given, attacks, seconds=seconds, begun=clock() - spent, progress=Silent(), clock=clock)


def test_without_a_budget_and_with_a_large_one_nothing_changes(attack, clock):
    given = inputs(100, 1_000)
    assert planned(given, [attack], clock, seconds=None).inputs is given
    assert clock.now == 0, "timed without need"
    assert planned(given, [attack], clock, seconds=120.0).inputs is given


def test_reconstructions_are_shortened_to_what_fits_and_the_report_says_so(attack, clock):
    found = planned(inputs(50, 100, 1_000), [attack], clock, seconds=50.0).inputs
    *kept, last = found.settings.iterations
    assert kept == [50, 100]
    assert 400 <= last <= 460  # of ten reconstructions at a hundredth of a second
    (notice,) = found.notices
    assert notice.code == "fewer_iterations"
    assert f"{last} of 1,000 iterations" in notice.message


def test_what_was_spent_on_opening_the_model_counts(attack, clock):
    fresh = planned(inputs(1_000), [attack], clock, seconds=50.0).inputs.settings.iterations[-1]
    late = planned(inputs(1_000), [attack], clock, seconds=50.0, spent=25.0).inputs.settings.iterations[-1]
    assert late == pytest.approx(fresh / 2, rel=0.05)


def test_every_attack_counts_and_one_that_cannot_run_does_not(attack, clock):
    def refuse(target, target_class, **settings):
        raise Unsuited("no")

    unsuited = Attack("other", "Other", "probabilities", "Nobody", refuse)
    twin = replace(attack, name="twin")
    one = planned(inputs(1_000), [attack, unsuited], clock, seconds=50.0).inputs.settings.iterations[-1]
    two = planned(inputs(1_000), [attack, twin], clock, seconds=50.0).inputs.settings.iterations[-1]
    assert 400 <= one <= 460
    assert 200 <= two <= 230


def test_what_a_verdict_does_not_need_is_left_out_before_reconstructions_show_nothing(attack, clock):
    fewer_classes = planned(inputs(1_000), [attack], clock, seconds=12.0)
    assert fewer_classes.controls < 9
    assert fewer_classes.inputs.settings.iterations[-1] >= SENSIBLE
    twin = replace(attack, name="twin")
    one_search = planned(inputs(1_000), [attack, twin], clock, seconds=8.0)
    assert one_search.controls < 9
    assert one_search.attacks[0] is attack
    with pytest.raises(Unsuited, match="time_budget"):
        one_search.attacks[1].reconstruct()
    assert one_search.inputs.settings.iterations[-1] >= FEWEST_ITERATIONS


def test_below_a_sensible_number_nothing_is_audited_and_the_verdict_is_why(attack, clock):
    found = planned(inputs(1_000), [attack], clock, seconds=1.0)
    with pytest.raises(Unsuited, match="Not audited for lack of time") as reason:
        found.attacks[0].reconstruct()
    outcome = attack.not_applicable(str(reason.value))
    told = verdict([outcome], [], recognised=True)
    assert told.severity == "inconclusive"
    assert told.sentence.startswith("Not audited for lack of time")


def test_a_short_run_that_was_asked_for_is_run(attack, clock):
    short = inputs(5)
    assert planned(short, [attack], clock, seconds=2.0).inputs is short
