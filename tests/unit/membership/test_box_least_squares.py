"""Equations in unknowns between 0 and 1, against other solvers and against the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import lsq_linear

from leakgauge.model_contents.leaves import box_least_squares
from leakgauge.model_contents.leaves.box_least_squares import System, solve
from leakgauge.progress import Silent


def system(matrix: np.ndarray, right: np.ndarray) -> System:
    return System(sparse.csr_array(matrix.T.astype(np.float32)), right.astype(np.float32))


def solved(matrix: np.ndarray, right: np.ndarray, pull: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    return solve(system(matrix, right), pull=pull, rng=rng, progress=Silent())


def rows(equations: int, unknowns: int, seed: int = 0) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(equations, unknowns))
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_fewer_exact_equations_than_unknowns_are_met_and_tell_most_unknowns():
    truth = np.random.default_rng(1).permutation(np.arange(200) < 100).astype(float)
    matrix = rows(150, 200)
    z = solved(matrix, matrix @ truth)
    assert z.min() >= 0.0
    assert z.max() <= 1.0
    assert np.linalg.norm(matrix @ z - matrix @ truth) < 1e-3
    assert ((z > 0.5) == truth).mean() > 0.95


@pytest.mark.parametrize("pull", [0.0, 0.3])
@pytest.mark.parametrize("exact", [True, False])
def test_noisy_equations_are_solved_as_another_solver_solves_them(exact, pull, monkeypatch):
    if not exact:
        monkeypatch.setattr(box_least_squares, "MOST_EXACT", 1)
    rng = np.random.default_rng(2)
    matrix = rows(80, 30)
    right = matrix @ rng.random(30) + 0.2 * rng.normal(size=80)
    both = np.vstack([matrix, np.sqrt(pull) * np.eye(30)])
    expected = lsq_linear(both, np.concatenate([right, np.full(30, 0.5 * np.sqrt(pull))]), bounds=(0, 1)).x
    np.testing.assert_allclose(solved(matrix, right, pull), expected, atol=1e-3 if exact else 2e-2)


@pytest.mark.parametrize("right", [0.0, 5.0])
def test_equations_that_hold_nothing_leave_the_middle(right):
    np.testing.assert_allclose(solved(np.zeros((3, 4)), np.full(3, right)), 0.5)


def test_equations_that_nothing_between_the_ends_meets_end_at_the_ends():
    z = solved(np.eye(3), np.array([7.0, -7.0, 0.25]))
    np.testing.assert_allclose(z, [1.0, 0.0, 0.25], atol=1e-4)


def test_equations_that_stand_there_twice_are_no_hindrance():
    matrix = np.repeat(rows(20, 40), 3, axis=0)
    right = matrix @ (np.arange(40) % 2)
    assert np.linalg.norm(matrix @ solved(matrix, right) - right) < 1e-3
