"""The attack models that are trained on known members and non-members."""

from __future__ import annotations

import numpy as np
import pytest

from leakgauge.membership.attacks import learned_nn
from leakgauge.membership.held_out import AttackModel, splits
from leakgauge.membership.proportions import LEARNERS
from leakgauge.progress import Calling, Silent

RNG = np.random.default_rng
MEMBER = np.arange(240) < 120


def features(seed: int = 0) -> np.ndarray:
    drawn = RNG(seed).normal(size=(240, 4))
    drawn[MEMBER, 1] += 1.0
    drawn[:, 3] = 7.0  # says nothing, and has no spread to divide by
    return drawn


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.label)
def test_what_a_split_does_not_know_changes_nothing(learner) -> None:
    attack_model: AttackModel = learner.attack_model
    seen, cut = features(), list(splits(MEMBER, percentage=40, rng=RNG(0)))
    usual = list(attack_model(seen, MEMBER, cut, progress=Silent()))
    for split, scores in zip(cut, usual, strict=True):
        hidden = np.setdiff1d(np.arange(240), split.known)
        lied = MEMBER.copy()
        lied[hidden] = ~lied[hidden]
        (alone,) = attack_model(seen, lied, [split], progress=Silent())
        np.testing.assert_allclose(alone, scores, atol=1e-4)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert scores[MEMBER[split.test]].mean() > scores[~MEMBER[split.test]].mean() + 0.1


def test_the_networks_tell_how_far_they_are() -> None:
    told: list[float] = []
    cut = list(splits(MEMBER, percentage=90, rng=RNG(0)))
    learned_nn.attack_model(features(), MEMBER, cut, progress=Calling(lambda _, done: told.append(done)))
    assert told == sorted(told)
    assert len(told) >= learned_nn.PASSES
    assert told[-1] == 1.0
