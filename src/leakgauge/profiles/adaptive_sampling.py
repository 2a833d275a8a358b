"""A search for the records of a class that keeps count of how frequent they are.

A plain search for the surest record of a class ends at an extreme that hardly anybody is like. This one
samples records from the copula, looks where those of the class lie, and samples the next ones there. Each
record is weighted by the class's probability and by how much rarer it is in the population than among
those sampled, so that the weighted mean stays the class's mean however far the search has moved. A class that
one record in a thousand has is so profiled from hundreds of records instead of a few.

Source: Cornuet et al. 2012, Adaptive Multiple Importance Sampling; weights by the deterministic mixture of
all rounds, after Owen & Zhou 2000. Where too few records are of the class to say where it lies, the search
goes by a root of the probabilities (tempering; Del Moral, Doucet & Jasra 2006, Sequential Monte Carlo
Samplers). Deviations: the first round is from the population itself and stays in the mixture, so that no
weight exceeds the number of rounds; the covariance is taken a little towards the population's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from leakgauge.profiles.copula import Copula
from leakgauge.profiles.protocol import WeightedRecords
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray

ROUNDS: Final = 5
_KEPT: Final = 0.1
"""How far a round's covariance is taken towards the population's."""
_LEAST_RECORDS: Final = 30
"""Effective records of the class from which on a covariance is estimated."""
_ROOTS: Final = (1, 2, 4, 8, 16, 32)


def sampled(
    copula: Copula,
    answers: Callable[[pd.DataFrame], FloatArray],
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
) -> WeightedRecords:
    """Records with weights by which they stand for the class.

    Parameters
    ----------
    answers
        (n,) how far each of n records belongs to the class, from 0 to 1.
    budget
        records that may be asked about.
    """
    population = np.asarray(copula.correlations)
    proposals = [_Normal(np.zeros(len(population)), population)]
    points: list[FloatArray] = []
    frames: list[pd.DataFrame] = []
    values: list[FloatArray] = []
    for number in range(ROUNDS):
        progress.report("searching for records of the class", number / ROUNDS)
        z = proposals[-1].sample(budget // ROUNDS, rng)
        frame = copula.records(z)
        points.append(z)
        frames.append(frame)
        values.append(answers(frame))
        every, found = np.concatenate(points), np.concatenate(values)
        rarity = _rarity(every, proposals)
        if number + 1 < ROUNDS:
            proposals.append(_moved(every, found, rarity, population, proposals[-1]))
    return WeightedRecords(pd.concat(frames, ignore_index=True), found * rarity, rarity)


class _Normal:
    """A normal distribution of latent points."""

    def __init__(self, mean: FloatArray, covariance: FloatArray) -> None:
        self._mean = mean
        self._root = np.linalg.cholesky(covariance)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """(n, d) points."""
        return np.asarray(self._mean + rng.standard_normal((n, len(self._mean))) @ self._root.T)

    def log_density(self, z: FloatArray) -> FloatArray:
        """(n,) but for a constant that all of the same dimension share."""
        standard = np.linalg.solve(self._root, (z - self._mean).T)
        return np.asarray(-0.5 * (standard**2).sum(axis=0) - np.log(np.diag(self._root)).sum())


def _rarity(z: FloatArray, proposals: list[_Normal]) -> FloatArray:
    """(n,) how much more frequent points are in the population than among those sampled in equal rounds."""
    densities = np.stack([proposal.log_density(z) for proposal in proposals])
    return np.asarray(np.exp(densities[0] - logsumexp(densities, axis=0) + np.log(len(proposals))))


def _moved(
    z: FloatArray, values: FloatArray, rarity: FloatArray, population: FloatArray, last: _Normal
) -> _Normal:
    """Where the class lies by what is known; as before where that is too little."""
    shares = _tempered(values, rarity)
    if shares is None:
        return last
    mean = shares @ z
    spread = (z - mean).T @ ((z - mean) * shares[:, None])
    return _Normal(mean, (1.0 - _KEPT) * spread + _KEPT * population)


def _tempered(values: FloatArray, rarity: FloatArray) -> FloatArray | None:
    """(n,) weights that sum to 1, by the lowest root of the values that leaves enough records, if one."""
    for root in _ROOTS:
        weights = values ** (1.0 / root) * rarity
        total = float(weights.sum())
        if total > 0 and total**2 / float((weights**2).sum()) >= _LEAST_RECORDS:
            return np.asarray(weights / total)
    return None
