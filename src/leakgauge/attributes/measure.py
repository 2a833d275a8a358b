"""What an attack on a column is worth: members and non-members, with the model and without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from leakgauge.attributes.records import Records, Sensitive
from leakgauge.estimates import (
    CONFIDENCE,
    Estimate,
    difference,
    matthews_correlation,
    mean_of,
    proportion,
    share_difference,
)
from leakgauge.report.model import (
    AttributeMetrics,
    AttributePart,
    AttributeSide,
    ConfidentPart,
)
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

SURE = 0.9
"""Posterior from which on an attacker is said to be sure."""
LEAST_IN_PART = 20
"""Members, and as many non-members, below which a value or group is not measured on its own."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What an attacker names for each of `n` records, with the model and without it.

    Attributes
    ----------
    truth, member
        (n,) the value that each has, and whether it is a member.
    right, guessed
        (n,) whether the likeliest value is the true one, with the model and without it.
    right_balanced, guessed_balanced
        (n,) likewise for the value whose chance exceeds its share among non-members by the largest factor.
    """

    truth: IntArray
    member: BoolArray
    right: BoolArray
    guessed: BoolArray
    right_balanced: BoolArray
    guessed_balanced: BoolArray

    @classmethod
    def of(cls, posterior: FloatArray, imputed: FloatArray, truth: IntArray, member: BoolArray) -> Decided:
        """What follows from (n, k) probabilities of each value, with the model and without it."""
        marginals = 1.0 + np.bincount(truth[~member], minlength=imputed.shape[1])
        return cls(
            truth,
            member,
            named(posterior) == truth,
            named(imputed) == truth,
            named(posterior / marginals) == truth,
            named(imputed / marginals) == truth,
        )

    def leakage(self, inside: BoolArray | None = None, *, confidence: float = CONFIDENCE) -> Estimate:
        """Members' gain over the imputation less that of non-members, of all records or those `inside`."""
        return self._leakage(self.right, self.guessed, inside, confidence)

    def leakage_balanced(self, *, confidence: float = CONFIDENCE) -> Estimate | None:
        """The same as a mean over values, by balanced decisions; None where fewer than two are common."""
        of_values = [
            self._leakage(self.right_balanced, self.guessed_balanced, self.truth == value, confidence)
            for value in self._common_values()
        ]
        return mean_of(of_values) if len(of_values) > 1 else None

    def balanced(self, right: BoolArray, side: BoolArray) -> Estimate | None:
        """The mean over values of the share of records of one side that are `right`; None as above."""
        of_values = [_share(right[side & (self.truth == value)]) for value in self._common_values()]
        return mean_of(of_values) if len(of_values) > 1 else None

    def _common_values(self) -> list[int]:
        """Values that enough records of either side have."""
        sides = [np.bincount(self.truth[side]) for side in (self.member, ~self.member)]
        both = min(map(len, sides))
        return np.flatnonzero(np.minimum(sides[0][:both], sides[1][:both]) >= LEAST_IN_PART).tolist()

    def _leakage(
        self, right: BoolArray, guessed: BoolArray, inside: BoolArray | None, confidence: float
    ) -> Estimate:
        sides = [self.member, ~self.member]
        if inside is not None:
            sides = [side & inside for side in sides]
        gains = [share_difference(right[side], guessed[side], confidence=confidence) for side in sides]
        return difference(*gains)


def measure(
    posterior: FloatArray,
    imputed: FloatArray,
    alone: IntArray | None,
    truth: IntArray,
    member: BoolArray,
    *,
    confidence: float,
) -> AttributeMetrics:
    """The metrics of one attack.

    Parameters
    ----------
    posterior, imputed
        (n, k) probabilities of each value with the model and without it.
    alone
        (n,) the values that the attack names without an imputation; None where it names none.
    confidence
        of the corrected intervals.
    """
    decided = Decided.of(posterior, imputed, truth, member)
    sides = [_side(decided, posterior, imputed, alone, side) for side in (member, ~member)]
    others = ~member
    return AttributeMetrics(
        members=sides[0],
        non_members=sides[1],
        adds=sides[1].gain,
        adds_corrected=share_difference(
            decided.right[others], decided.guessed[others], confidence=confidence
        ),
        leakage=decided.leakage(),
        leakage_corrected=decided.leakage(confidence=confidence),
        leakage_balanced=decided.leakage_balanced(),
        leakage_balanced_corrected=decided.leakage_balanced(confidence=confidence),
    )


def parts(
    posterior: FloatArray, imputed: FloatArray, column: Sensitive, records: Records
) -> tuple[AttributePart, ...]:
    """The leakage among the records of each value, then of each group."""
    decided = Decided.of(posterior, imputed, column.truth, records.member)
    found = []
    for by, name, inside in _inside(column, records):
        member = records.member & inside
        members, non_members = int(member.sum()), int((inside & ~member).sum())
        if min(members, non_members) < LEAST_IN_PART:
            withheld = f"{members} members and {non_members} non-members; it takes {LEAST_IN_PART} of each"
            found.append(AttributePart(by, name, members, non_members, None, None, None, withheld))
            continue
        attack, imputation = _share(decided.right[member]), _share(decided.guessed[member])
        found.append(
            AttributePart(by, name, members, non_members, attack, imputation, decided.leakage(inside))
        )
    return tuple(found)


def named(posterior: FloatArray) -> IntArray:
    """(n,) the likeliest value, the commonest of equals."""
    likeliest: IntArray = posterior.argmax(axis=1)
    return likeliest


def _inside(
    column: Sensitive, records: Records
) -> Iterator[tuple[Literal["value", "group"], str, BoolArray]]:
    for place, name in enumerate(column.values):
        yield "value", name, column.truth == place
    if records.group is not None:
        for group in np.unique(records.group):
            yield "group", str(group), records.group == group


def _side(
    decided: Decided, posterior: FloatArray, imputed: FloatArray, alone: IntArray | None, side: BoolArray
) -> AttributeSide:
    truth = decided.truth[side]
    return AttributeSide(
        attack=_share(decided.right[side]),
        imputation=_share(decided.guessed[side]),
        gain=share_difference(decided.right[side], decided.guessed[side]),
        balanced=decided.balanced(decided.right_balanced, side),
        imputation_balanced=decided.balanced(decided.guessed_balanced, side),
        mcc=matthews_correlation(named(posterior[side]), truth),
        imputation_mcc=matthews_correlation(named(imputed[side]), truth),
        confident=_confident(posterior[side], truth),
        imputation_confident=_confident(imputed[side], truth),
        alone=None if alone is None else _share(alone[side] == truth),
    )


def _confident(posterior: FloatArray, truth: IntArray) -> ConfidentPart:
    sure = posterior.max(axis=1) >= SURE
    right = sure & (named(posterior) == truth)
    precision = proportion(int(right.sum()), int(sure.sum())) if sure.any() else None
    return ConfidentPart(int(sure.sum()), precision, _share(right))


def _share(right: BoolArray) -> Estimate:
    return proportion(int(right.sum()), len(right))
