"""Which records each reference model is trained on, and about which records it is asked.

Two attackers train reference models, and each record of the pool is compared with as many of them
as any other:

- One who *knows the candidates* holds the list of records in question and trains on halves of it
  (Carlini et al. 2022, section IV; Zarifzadeh, Liu & Shokri 2024, section 3).
- One who *has other data of the source* trains on records that are not in question (the offline
  attacks of both papers).

Either trains on as many records as the target was trained on, drawn in balance from members and
non-members where the list of candidates holds both. Models of another size are sure of other things
than the target is, and a mixture of other shares knows more or less of the target's training data:
both would make the figures depend on how many non-members happened to be sent. So where there
are more non-members than members, they are cut into groups no larger than the members, each with
reference models of its own. Where there are fewer of them, the models are smaller than the target.

Nothing that is learned from a record's membership enters: members and non-members have equally many
models that were and were not trained on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from leakgauge.membership.pool import Pool, strata_of
from leakgauge.targets.protocol import BoolArray, IntArray, LabelArray

MOST_OTHERS = 1.05
"""Non-members for each member from which on they are cut into groups: half of the two together is then larger
than the target's training data by 2.5 % at most, which is not worth twice as many models."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Records that reference models may be trained on.

    The first `scored` of them are the pool; no attack scores the others.

    Attributes
    ----------
    x
        input rows, as in `Pool`.
    y
        (k,) labels, as in `Pool`.
    members, non_members
        positions of the records that the target was trained on, and of those that it was not.
    population
        positions of other records of the same source, None where none were sent.
    scored
        how many records the pool has.
    """

    x: Any
    y: LabelArray
    members: IntArray
    non_members: IntArray
    population: IntArray | None
    scored: int

    @property
    def strata(self) -> IntArray:
        """(k,) what training sets are balanced over: classes, or bands of numbers."""
        return strata_of(self.y)

    @classmethod
    def of(cls, pool: Pool) -> TrainingData:
        """The records of the pool and no others."""
        return cls(pool.x, pool.y, np.flatnonzero(pool.member), np.flatnonzero(~pool.member), None, len(pool))


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What one reference model is trained on and asked about.

    Attributes
    ----------
    rows
        positions of its training records.
    queried
        positions of the records of the pool whose answers it gives.
    place
        in which row of `ReferenceAnswers` these answers stand.
    """

    rows: IntArray
    queried: IntArray
    place: int


@dataclass(frozen=True, slots=True)
class Design:
    """The training sets of all reference models.

    Attributes
    ----------
    rounds
        sets that belong together: the models of a round give every record of the pool the same
        number of answers. Rounds are drawn independently of each other.
    places
        how many answers a round gives to each record.
    scored
        how many records the pool has.
    size
        how many records the smallest training set has.
    wanted
        how many the target was trained on.
    what
        the training sets in words, for the reason that is given where training fails.
    """

    rounds: tuple[tuple[TrainingSet, ...], ...]
    places: int
    scored: int
    size: int
    wanted: int
    what: str


def of_candidates(data: TrainingData, *, rounds: int, rng: np.random.Generator) -> Design:
    """Halves of the candidates, so that each record is trained on by one model of two in every round.

    The first rounds are the same however many are asked for.
    """
    wanted = len(data.members)
    scored_others = _scored(data.non_members, data)
    groups = max(math.ceil(len(scored_others) / (MOST_OTHERS * wanted)), 1)
    of_members = _dealt(_scored(data.members, data), data.strata, groups, rng)
    of_others = _dealt(scored_others, data.strata, groups, rng)
    candidates = [
        np.concatenate([data.members, others, _filling(others, data, wanted - len(others), rng)])
        for others in of_others
    ]
    drawn: list[tuple[TrainingSet, ...]] = []
    for number in range(rounds):
        sets: list[TrainingSet] = []
        for members, others, everyone in zip(of_members, of_others, candidates, strict=True):
            queried = np.sort(np.concatenate([members, others]))
            for half, rows in enumerate(_halves(everyone, data, rng)):
                sets.append(TrainingSet(rows, queried, 2 * number + half))
        drawn.append(tuple(sets))
    return Design(tuple(drawn), 2, data.scored, _smallest(drawn), wanted, "half of the pool")


def of_population(data: TrainingData, *, rounds: int, rng: np.random.Generator) -> Design:
    """Draws from other records of the source; no model is asked about a record it was trained on.

    Without a table of other records the non-members take its place. A round then has two models
    on distinct records, of which each record is compared with one that was not trained on it; where
    that is true of both, chance chooses.
    """
    wanted = len(data.members)
    source = data.non_members if data.population is None else data.population
    # draws of more than half would be nearly alike, and say little of how answers vary
    size = max(min(wanted, len(source) // 2), 1)
    everyone = np.arange(data.scored)
    drawn: list[tuple[TrainingSet, ...]] = []
    for number in range(rounds):
        if data.population is not None:
            rows = _stratified(source, data.strata, size, rng)
            drawn.append((TrainingSet(np.sort(rows), everyone, number),))
            continue
        both = _stratified(source, data.strata, 2 * size, rng)
        first, second = np.sort(both[0::2]), np.sort(both[1::2])
        asks_first = rng.random(data.scored) < 0.5
        asks_first[_scored(first, data)] = False
        asks_first[_scored(second, data)] = True
        drawn.append(
            (
                TrainingSet(first, np.flatnonzero(asks_first), number),
                TrainingSet(second, np.flatnonzero(~asks_first), number),
            )
        )
    return Design(tuple(drawn), 1, data.scored, _smallest(drawn), wanted, "a part of the other records")


def is_trained_on(training_set: TrainingSet) -> BoolArray:
    """(k,) which of the records that a model is asked about it was trained on."""
    return np.isin(training_set.queried, training_set.rows)


def _scored(positions: IntArray, data: TrainingData) -> IntArray:
    return positions[positions < data.scored]


def _by_label(positions: IntArray, strata: IntArray, rng: np.random.Generator) -> IntArray:
    """The positions in the order of their strata, by chance among equal ones."""
    shuffled = rng.permutation(positions)
    return shuffled[np.argsort(strata[shuffled], kind="stable")]


def _dealt(positions: IntArray, strata: IntArray, groups: int, rng: np.random.Generator) -> list[IntArray]:
    """Groups of equal sizes, but for one record, and with equal shares of each label."""
    ordered = _by_label(positions, strata, rng)
    return [ordered[group::groups] for group in range(groups)]


def _filling(others: IntArray, data: TrainingData, missing: int, rng: np.random.Generator) -> IntArray:
    """Up to `missing` records to train on beside `others`: non-members that no group holds come first."""
    if missing <= 0:
        return others[:0]
    unscored = data.non_members[data.non_members >= data.scored]
    population = others[:0] if data.population is None else data.population
    elsewhere = np.setdiff1d(_scored(data.non_members, data), others)
    in_order = np.concatenate([rng.permutation(part) for part in (unscored, population, elsewhere)])
    return in_order[:missing]


def _halves(positions: IntArray, data: TrainingData, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Two halves with equal shares of each label, and of members and others within it."""
    is_member = np.zeros(len(data.y), dtype=np.int64)
    is_member[data.members] = 1
    shuffled = rng.permutation(positions)
    # members and others change their order from label to label, so that odd counts do not add up
    side = is_member[shuffled] ^ (data.strata[shuffled] & 1)
    ordered = shuffled[np.lexsort((side, data.strata[shuffled]))]
    return np.sort(ordered[0::2]), np.sort(ordered[1::2])


def _stratified(positions: IntArray, strata: IntArray, size: int, rng: np.random.Generator) -> IntArray:
    """`size` of the positions with equal shares of each label, in the order of the labels."""
    ordered = _by_label(positions, strata, rng)
    steps = (np.arange(size) + rng.random()) * len(ordered) / size
    return ordered[np.minimum(steps.astype(np.int64), len(ordered) - 1)]


def _smallest(rounds: Iterable[tuple[TrainingSet, ...]]) -> int:
    return min((len(one.rows) for sets in rounds for one in sets), default=0)
