"""An inversion audit that must end in time reconstructs for fewer iterations, and says so."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from leakgauge.attacks.row import Unsuited
from leakgauge.inversion.evaluation import Evaluation
from leakgauge.inversion.inputs import Inputs
from leakgauge.inversion.priors.choice import ChosenPrior
from leakgauge.inversion.protocol import Attack, AttackSettings, Reconstructed
from leakgauge.inversion.time_budget import FEWEST_ITERATIONS, within

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
        target=SimpleNamespace(has_probabilities=True),
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


def test_without_a_budget_and_with_a_large_one_nothing_changes(attack, clock):
    given = inputs(100, 1_000)
    assert within(given, [attack], seconds=None, clock=clock) is given
    assert clock.now == 0, "timed without need"
    assert within(given, [attack], seconds=101.0, clock=clock) is given


def test_reconstructions_are_shortened_to_what_fits_and_the_report_says_so(attack, clock):
    found = within(inputs(50, 100, 1_000), [attack], seconds=50.0, clock=clock)
    *kept, last = found.settings.iterations
    assert kept == [50, 100]
    assert 400 <= last <= 500
    (notice,) = found.notices
    assert notice.code == "fewer_iterations"
    assert f"{last} of 1,000 iterations" in notice.message


def test_every_attack_counts_and_one_that_cannot_run_does_not(attack, clock):
    def refuse(target, target_class, **settings):
        raise Unsuited("no")

    unsuited = Attack("other", "Other", "probabilities", "Nobody", refuse)
    one = within(inputs(1_000), [attack, unsuited], seconds=50.0, clock=clock).settings.iterations[-1]
    two = within(inputs(1_000), [attack, attack], seconds=50.0, clock=clock).settings.iterations[-1]
    assert 400 <= one <= 500
    assert 200 <= two <= 250


def test_fewer_than_the_fewest_are_never_reconstructed(attack, clock):
    assert within(inputs(1_000), [attack], seconds=0.1, clock=clock).settings.iterations == (
        FEWEST_ITERATIONS,
    )
    short = inputs(5)
    assert within(short, [attack], seconds=0.1, clock=clock) is short
