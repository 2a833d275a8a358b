"""Which members stand out, over several attacks at once.

Each attack gives every record a rate: the share of non-members that score at
least as high. A record is as exposed as its smallest rate over the attacks. The
smallest of several rates is small by luck more often than one is, so it is not
itself reported: members and non-members are compared by it once more, and what
is reported is the share of non-members whose smallest rate is as small. A
non-member's own rate is over the others, so that it stands out as easily.

Such a rate has as many values as there are non-members, so records tie: of a forest
that is sure of all its members, every one. How many do stands beside each.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leakgauge.estimates import proportion
from leakgauge.membership.pool import Pool
from leakgauge.report.model import ExposedRecord
from leakgauge.targets.protocol import BoolArray, FloatArray

EXPOSED_WITHIN = 0.05
"""A member counts as exposed when at most this share of non-members looks as much like a member."""


def exposed_records(
    scores: Mapping[str, FloatArray], pool: Pool, *, at_most: int
) -> tuple[ExposedRecord, ...]:
    """The members that fewest non-members resemble, most exposed first, equal ones by row.

    Parameters
    ----------
    scores
        (n,) scores of each attack, by its name; at least one attack.
    """
    names = list(scores)
    rates = np.stack([_false_positive_rates(scores[name], pool.member) for name in names])
    strongest = rates.argmin(axis=0)
    smallest = rates.min(axis=0)
    non_members = np.sort(smallest[~pool.member])
    members = np.flatnonzero(pool.member)
    as_small = np.searchsorted(non_members, smallest[members], side="right")
    tied = np.bincount(as_small, minlength=len(non_members) + 1)
    exposed = []
    for place in np.lexsort((pool.row[members], as_small))[:at_most]:
        rate = proportion(int(as_small[place]), len(non_members))
        if rate.value > EXPOSED_WITHIN:
            break
        record = members[place]
        alike = int(tied[as_small[place]])
        exposed.append(ExposedRecord(int(pool.row[record]), names[strongest[record]], rate, alike))
    return tuple(exposed)


def _false_positive_rates(scores: FloatArray, member: BoolArray) -> FloatArray:
    """(n,) share of the non-members, other than the record itself, that score at least as high."""
    others = np.sort(scores[~member])
    as_high = len(others) - np.searchsorted(others, scores, side="left")
    rates: FloatArray = np.where(member, as_high / len(others), (as_high - 1) / max(len(others) - 1, 1))
    return rates
