"""What the attacker takes off the odds: its gradient, what it likes, and when it gives way."""

from __future__ import annotations

import numpy as np
import pytest
from template_target import SIDE, TemplateTarget

from leakgauge.defences.output import DefendedTarget, settings_of
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.objective import Penalty, Prior
from leakgauge.inversion.penalty_schedule import LEAST, RECOGNISED, PenaltySchedule
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.priors.pca import Familiar, principal_components
from leakgauge.inversion.protocol import Attack, AttackSettings
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.progress import Silent

SHAPE = (6, 9, 1)
BY_ODDS = [attack for attack in ATTACKS if attack.name in {"spsa", "nes", "cma_es"}]


def images(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wide = rng.standard_normal((5, *SHAPE)) * np.array([0.3, 0.2, 0.1, 0.05, 0.02])[:, None, None, None]
    mixed = 0.5 + np.tensordot(rng.standard_normal((n, 5)), wide, 1) / 3
    return np.clip(mixed, 0.01, 0.99).astype(np.float32)


def known() -> SearchSpace:
    return principal_components(images(40)).space


@pytest.mark.parametrize(
    "penalty",
    [Prior(), Prior(background=1.0), Familiar(known(), Prior(), weight=30.0)],
    ids=["dark", "light", "known"],
)
def test_the_gradient_is_that_of_the_penalty(penalty: Penalty) -> None:
    image = images(1, seed=3).astype(np.float64)
    found = penalty.gradient(image.astype(np.float32))[0].ravel()
    step = 1e-3
    moved = image + step * np.eye(image.size).reshape(-1, *SHAPE)
    back = image - step * np.eye(image.size).reshape(-1, *SHAPE)
    slope = (penalty.penalty(moved.astype(np.float32)) - penalty.penalty(back.astype(np.float32))) / (
        2 * step
    )
    assert np.allclose(slope, found, rtol=0.02, atol=0.02)


def test_the_same_spot_costs_most_at_the_rim_and_as_much_on_every_side() -> None:
    def cost(row: int, column: int) -> float:
        image = np.zeros((1, 15, 15, 1), dtype=np.float32)
        image[0, row - 1 : row + 2, column - 1 : column + 2] = 1.0
        return float(Prior().penalty(image)[0])

    middle, off, rim = cost(7, 7), cost(7, 5), cost(7, 1)
    assert middle < off < rim
    assert rim == pytest.approx(cost(1, 7)) == pytest.approx(cost(13, 7)) == pytest.approx(cost(7, 13))
    assert cost(1, 1) > rim


def test_the_mean_of_known_images_is_the_most_familiar_and_their_kind_more_than_noise() -> None:
    space = known()
    nothing = Prior(weight=0.0)
    familiar = Familiar(space, nothing)
    start, kind = space.start[None], images(20, seed=0)
    # as far from the mean as the images are, in pixels, but in the directions in which they differ least
    narrow = space.images(np.eye(space.dimensions)[[-1]] * 10)
    assert float(familiar.penalty(start)[0]) == pytest.approx(0.0, abs=1e-9)
    assert familiar.penalty(kind).mean() == pytest.approx(familiar.weight * space.dimensions / 2, rel=0.5)
    assert familiar.penalty(narrow)[0] > 5 * familiar.penalty(kind).mean()


def test_a_coefficient_is_a_standard_deviation() -> None:
    space = known()
    z = space.coefficients(images(40) - space.start)
    assert np.allclose(z.std(axis=0, ddof=1), 1.0, rtol=1e-3)
    gradient = np.random.default_rng(1).standard_normal((1, *SHAPE)).astype(np.float32)
    step = 1e-2 * np.eye(space.dimensions)
    along = ((space.offsets(step) - space.offsets(-step)) * gradient).sum(axis=(1, 2, 3)) / 2e-2
    assert np.allclose(space.slope(gradient)[0], along, rtol=1e-2, atol=1e-4)


def test_the_penalty_gives_way_until_images_are_recognised_and_comes_back() -> None:
    schedule = PenaltySchedule(2)
    sure, lost = np.full(4, RECOGNISED + 1), np.full(4, RECOGNISED - 1)
    for _ in range(1_000):
        schedule.update(np.stack([sure, lost]))
    assert schedule.shares.tolist() == [1.0, LEAST]
    schedule.update(np.stack([lost, sure]))
    assert schedule.shares[0] < 1.0
    assert schedule.shares[1] > LEAST


def test_many_questions_at_once_count_as_much_as_one_after_the_other() -> None:
    together, apart = PenaltySchedule(1), PenaltySchedule(1)
    together.update(np.zeros((1, 10)))
    for _ in range(10):
        apart.update(np.zeros((1, 1)))
    assert together.shares == pytest.approx(apart.shares)


@pytest.mark.parametrize("attack", BY_ODDS, ids=lambda attack: attack.name)
def test_behind_a_temperature_that_is_divided_out_the_same_is_reconstructed(attack: Attack) -> None:
    def reconstructed(target: TemplateTarget | DefendedTarget, temperature: float) -> np.ndarray:
        told = AttackSettings(
            space=low_frequencies(np.full((SIDE, SIDE, 1), 0.5, dtype=np.float32)),
            iterations=(60,),
            seeds=2,
            temperature=temperature,
        )
        found = attack.reconstruct(
            target, 0, budget=10_000, rng=np.random.default_rng(0), progress=Silent(), settings=told
        )
        return found.frames[-1].images

    soft = DefendedTarget(TemplateTarget(), settings_of(["temperature=8"]))
    assert np.allclose(reconstructed(TemplateTarget(), 1.0), reconstructed(soft, 1 / 8), atol=1e-3)
