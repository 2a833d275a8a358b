"""How near an attacker's profile of a class comes to the real one.

Three profiles are held against the real one, column by column: the attacker's; that of everybody, which the
auxiliary records give without a query and which is chance; and that of other real records of the class, which
is the ceiling. All three are compared with the same half of the reference records, and the other half is the
ceiling, over many halvings. Leakage is the share of the way from chance to the ceiling.

The interval carries what sampling leaves in it. The reference records are halved anew; the spread of a half
around the whole is that of the whole around the truth (Shao & Tu 1995, The Jackknife and Bootstrap, on
half-sampling). The attacker's records are resampled (Efron 1979). Chance and attack share the resample where
they share the records, so that their difference is paired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from leakgauge.estimates import CONFIDENCE, Estimate, confidence_for
from leakgauge.profiles.layout import Layout
from leakgauge.report.model import ProfileFigures
from leakgauge.targets.protocol import FloatArray

LEAST_RECORDS: Final = 20
"""Reference records of a class below which no figure means anything."""
REPLICATES: Final = 500


@dataclass(frozen=True, slots=True)
class Resampled:
    """The auxiliary records and their resamples, which all attacks and classes share.

    Attributes
    ----------
    counts
        (replicates, n) how often each record is taken.
    everybody
        (replicates, width) the profile of everybody, without a query.
    """

    layout: Layout
    records: FloatArray
    counts: FloatArray
    everybody: FloatArray

    @classmethod
    def of(cls, layout: Layout, records: FloatArray, rng: np.random.Generator) -> Resampled:
        """Resample (n, width) coded records."""
        counts = _resampled(len(records), rng)
        return cls(layout, records, counts, layout.profiles(records, counts))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What profiles of one class are measured with.

    Attributes
    ----------
    real
        (replicates, width) profiles of halves of its reference records.
    n
        how many reference records there are.
    chance, ceiling
        (replicates, columns) distances from these of everybody, and of the other halves.
    """

    auxiliary: Resampled
    real: FloatArray
    n: int
    chance: FloatArray
    ceiling: FloatArray

    @classmethod
    def of(cls, auxiliary: Resampled, real: FloatArray, rng: np.random.Generator) -> Evidence:
        """Halve (n, width) coded reference records of the class, at least `LEAST_RECORDS`."""
        layout = auxiliary.layout
        half = _halves(len(real), rng)
        ones, others = layout.profiles(real, half), layout.profiles(real, 1.0 - half)
        return cls(
            auxiliary,
            ones,
            len(real),
            chance=layout.distances(auxiliary.everybody, ones),
            ceiling=layout.distances(others, ones),
        )


@dataclass(frozen=True, slots=True)
class Coded:
    """An attacker's records, coded.

    Attributes
    ----------
    records
        (n, width); None for the auxiliary records.
    weights, of_everybody
        (n,) as in `WeightedRecords`.
    """

    records: FloatArray | None
    weights: FloatArray
    of_everybody: FloatArray | None

    def profiles(
        self, layout: Layout, auxiliary: FloatArray, counts: FloatArray, everybody: FloatArray
    ) -> FloatArray:
        """(..., width) the attacker's profiles where each of the records is taken (..., n) times.

        Made-up records say how the class differs from everybody, and the auxiliary records what everybody
        is like: so whatever is wrong with the former, beside the class, cancels out.
        """
        if self.records is None:
            return layout.profiles(auxiliary, counts * self.weights)
        of_everybody = counts if self.of_everybody is None else counts * self.of_everybody
        return layout.shifted(
            everybody,
            layout.profiles(self.records, counts * self.weights),
            layout.profiles(self.records, of_everybody),
        )


def distances(evidence: Evidence, found: Coded, rng: np.random.Generator) -> FloatArray:
    """(replicates, columns) distances of an attacker's profile from the real one, over resamples."""
    auxiliary = evidence.auxiliary
    counts = auxiliary.counts if found.records is None else _resampled(len(found.records), rng)
    attack = found.profiles(auxiliary.layout, auxiliary.records, counts, auxiliary.everybody)
    return auxiliary.layout.distances(attack, evidence.real)


def figures(evidence: Evidence, attack: FloatArray, *, comparisons: int) -> ProfileFigures:
    """The figures of one profile, over all columns.

    Parameters
    ----------
    attack
        (replicates, columns) as `distances` gives it.
    comparisons
        attacks and classes among which the one that showed most will be chosen.
    """
    errors, chances, ceilings = (each.mean(axis=1) for each in (attack, evidence.chance, evidence.ceiling))
    error, chance, ceiling = (float(each.mean()) for each in (errors, chances, ceilings))
    share = float(_share(np.array(error), np.array(chance), np.array(ceiling)))

    def over_columns(value: float, replicates: FloatArray, of: int = 1) -> Estimate:
        return interval(value, replicates, n=evidence.n, confidence=confidence_for(of))

    gains, to_learn, shares = chances - errors, chances - ceilings, _share(errors, chances, ceilings)
    return ProfileFigures(
        error=over_columns(error, errors),
        chance=over_columns(chance, chances),
        ceiling=over_columns(ceiling, ceilings),
        gain=over_columns(chance - error, gains),
        to_learn=over_columns(chance - ceiling, to_learn),
        leakage=over_columns(share, shares),
        gain_corrected=over_columns(chance - error, gains, comparisons),
        to_learn_corrected=over_columns(chance - ceiling, to_learn, comparisons),
        leakage_corrected=over_columns(share, shares, comparisons),
    )


def interval(value: float, replicates: FloatArray, *, n: int, confidence: float = CONFIDENCE) -> Estimate:
    """A value with the percentiles of its replicates around it."""
    tail = 100.0 * (1.0 - confidence) / 2.0
    low, high = (float(end) for end in np.percentile(replicates, [tail, 100.0 - tail]))
    return Estimate(value, min(low, value), max(high, value), n)


def column_figures(
    evidence: Evidence, attack: FloatArray, column: int
) -> tuple[Estimate, Estimate, Estimate]:
    """Error, chance and ceiling of one column."""
    error, chance, ceiling = (
        interval(float(each[:, column].mean()), each[:, column], n=evidence.n)
        for each in (attack, evidence.chance, evidence.ceiling)
    )
    return error, chance, ceiling


def _share(attack: FloatArray, chance: FloatArray, ceiling: FloatArray) -> FloatArray:
    """The share of the way from chance to the ceiling; all or nothing where there is no way to go."""
    way = np.maximum(chance - ceiling, 1e-12)
    return np.asarray(np.clip((chance - attack) / way, 0.0, 1.0))


def _resampled(n: int, rng: np.random.Generator) -> FloatArray:
    """(replicates, n) how often each of n records is taken."""
    return rng.multinomial(n, np.full(n, 1.0 / n), size=REPLICATES).astype(np.float64)


def _halves(n: int, rng: np.random.Generator) -> FloatArray:
    """(replicates, n) 1 for the records of a half, else 0."""
    order = rng.permuted(np.tile(np.arange(n), (REPLICATES, 1)), axis=1)
    return (order < n // 2).astype(np.float64)
