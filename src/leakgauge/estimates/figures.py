"""What reports state: a value, its interval and the number of records behind it.

Sources: Bonferroni's correction for several intervals at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval (95 % unless said otherwise) and the number of records behind it."""

    value: float
    low: float
    high: float
    n: int

    def __post_init__(self) -> None:
        """Refuse an interval that does not hold its own value."""
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} lies outside [{self.low}, {self.high}]")


@dataclass(frozen=True, slots=True)
class RateAtLimit:
    """The true-positive rate at a limit on the false-positive rate.

    `value`, `low` and `high` are None where the rate is withheld, and
    `withheld` then says why. `false_positives` is the number of non-members
    above the threshold; `n` the number of members.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    false_positives: int
    withheld: str | None = None


Figure = TypeVar("Figure", Estimate, RateAtLimit)


def confidence_for(comparisons: int, confidence: float = CONFIDENCE) -> float:
    """The confidence at which each of several intervals holds so that all hold at `confidence`.

    Bonferroni's correction: the strongest of many attacks is the one that luck
    favoured most.
    """
    return 1.0 - (1.0 - confidence) / max(comparisons, 1)


def normal_reach(variance: float, confidence: float) -> float:
    """How far a normal interval reaches to either side of its middle."""
    return float(ndtri((1.0 + confidence) / 2.0) * np.sqrt(max(variance, 0.0)))
