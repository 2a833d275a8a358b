"""Which members stand out, over several attacks at once.

Each attack gives every record a rate: the share of non-members that score at
least as high. A record is as exposed as its smallest rate over the attacks. The
smallest of several rates is small by luck more often than one is, so it is not
itself reported: members and non-members are compared by it once more, and what
is reported is the share of non-members whose smallest rate is as small. A
non-member's own rate is over the others, so that it stands out as easily.

A claim about a single record is shakier than a rate over all of them. Where the scores come from reference
models, those without each round of them say how far other ones would move the record's rate (the jackknife).
And a record that one attack singles out, others may not: `exposed_to_all` counts those that all do.

Such a rate has as many values as there are non-members, so records tie: of a forest
that is sure of all its members, every one. How many do stands beside each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from leakgauge.estimates import Estimate, jackknife_error, proportion
from leakgauge.membership.pool import Pool
from leakgauge.report.model import ExposedRecord, Insight
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

EXPOSED_WITHIN = 0.05
"""A member counts as exposed when at most this share of non-members looks as much like a member."""

Scores: TypeAlias = Mapping[str, FloatArray]
"""(n,) scores of each attack, by its name."""


def exposed_records(
    scores: Scores, pool: Pool, *, at_most: int, without_rounds: Sequence[Sequence[Scores]] = ()
) -> tuple[ExposedRecord, ...]:
    """The members that fewest non-members resemble, most exposed first, equal ones by row.

    Parameters
    ----------
    scores
        of at least one attack.
    without_rounds
        for each independent draw of reference models, the scores of the attacks that use them, without the
        first round, without the second, ...
    """
    names = list(scores)
    rates = np.stack([_false_positive_rates(scores[name], pool.member) for name in names])
    strongest = rates.argmin(axis=0)
    as_small = _as_small(rates, pool.member)
    moved = [[_without(names, rates, round_, pool.member) for round_ in rounds] for rounds in without_rounds]
    redrawn = {name for rounds in without_rounds for name in rounds[0]}
    members = np.flatnonzero(pool.member)
    non_members = len(pool.member) - len(members)
    tied = np.bincount(as_small, minlength=non_members + 1)
    exposed = []
    for place in np.lexsort((pool.row[members], as_small))[:at_most]:
        rate = proportion(int(as_small[place]), non_members)
        if rate.value > EXPOSED_WITHIN:
            break
        record = members[place]
        name = names[strongest[record]]
        errors = [jackknife_error([counts[place] / non_members for counts in rounds]) for rounds in moved]
        exposed.append(
            ExposedRecord(
                int(pool.row[record]),
                name,
                rate,
                int(tied[as_small[place]]),
                float(np.sqrt(np.sum(np.square(errors)))) if name in redrawn else None,
            )
        )
    return tuple(exposed)


def exposed_to_all(scores: Scores, pool: Pool) -> Insight | None:
    """How many records every attack singles out; None where fewer than two attacks single out any.

    Attacks that give many records one score, as those on labels alone do, may single out none of them.
    """
    rates = np.stack([_false_positive_rates(found, pool.member) for found in scores.values()])
    within = rates <= EXPOSED_WITHIN
    able = within[:, pool.member].any(axis=1)
    if able.sum() < 2:
        return None
    by_all: BoolArray = np.all(within[able], axis=0)
    found, others = (_share(by_all[side]) for side in (pool.member, ~pool.member))
    sentence = (
        f"Each of {able.sum()} attacks singles out some members, which it tells from all but "
        f"{EXPOSED_WITHIN:.0%} of the non-members. {by_all[pool.member].sum():,} of {found.n:,} members are "
        f"singled out by all of them ({found.value:.1%}); of non-members, {others.value:.1%} are. What one "
        "attack alone says of a record may be luck."
    )
    return Insight(
        "exposed_to_all",
        "Which records does every attack single out?",
        sentence.replace("%", " %"),
        {"members_exposed_to_all": found, "non_members_exposed_to_all": others},
    )


def _share(exposed: BoolArray) -> Estimate:
    return proportion(int(exposed.sum()), len(exposed))


def _without(names: Sequence[str], rates: FloatArray, scores: Scores, member: BoolArray) -> IntArray:
    """(members,) as `_as_small` gives it, with other scores of some of the attacks."""
    rows = [
        _false_positive_rates(scores[name], member) if name in scores else rates[place]
        for place, name in enumerate(names)
    ]
    return _as_small(np.stack(rows), member)


def _as_small(rates: FloatArray, member: BoolArray) -> IntArray:
    """(members,) how many non-members have a smallest rate that is as small.

    Parameters
    ----------
    rates
        (attacks, n) as `_false_positive_rates` gives them.
    """
    smallest = rates.min(axis=0)
    found: IntArray = np.searchsorted(np.sort(smallest[~member]), smallest[member], side="right")
    return found


def _false_positive_rates(scores: FloatArray, member: BoolArray) -> FloatArray:
    """(n,) share of the non-members, other than the record itself, that score at least as high."""
    others = np.sort(scores[~member])
    as_high = len(others) - np.searchsorted(others, scores, side="left")
    rates: FloatArray = np.where(member, as_high / len(others), (as_high - 1) / max(len(others) - 1, 1))
    return rates
