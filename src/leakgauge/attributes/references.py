"""Reference models of an attacker with other data: copies of the target, trained on non-members.

In each round two copies learn from distinct halves of the non-members. A non-member is compared with the copy
that did not see it, any other record with one of the two by chance, so that members and non-members are
compared with models of the same kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.attributes.records import Records, Retrained, Sensitive, stacked
from leakgauge.progress import Progress
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray


class References:
    """Trained once, when an attack first asks, and asked about all columns at once.

    Parameters
    ----------
    columns
        with the (m,) positions of the records that are asked about.
    retrained
        trains and asks a copy; None where the target cannot be trained again, for the reason `missing`.
    rounds
        how many pairs of copies.
    """

    def __init__(
        self,
        records: Records,
        columns: Sequence[tuple[Sensitive, IntArray]],
        retrained: Retrained | None,
        *,
        rounds: int,
        rng: np.random.Generator,
        missing: str,
    ) -> None:
        self._records = records
        self._columns = columns
        self._retrained = retrained
        self._rounds = rounds
        self._rng = rng
        self._missing = missing
        self._found: list[FloatArray] | None = None
        self._refused: Unsuited | None = None

    def about(self, place: int, progress: Progress) -> FloatArray:
        """(m, k) mean probability of the label of each record of a column with each value.

        Raises
        ------
        Unsuited
            where there are no copies.
        """
        if self._refused is not None:
            raise self._refused
        if self._found is None:
            try:
                self._found = self._trained(progress)
            except Unsuited as refusal:
                self._refused = refusal
                raise
        return self._found[place]

    def _trained(self, progress: Progress) -> list[FloatArray]:
        if self._retrained is None:
            raise Unsuited(self._missing)
        records, rng = self._records, self._rng
        others = np.flatnonzero(~records.member)
        size = min(int(records.member.sum()), len(others) // 2)
        totals = [np.zeros((len(rows), len(column.values))) for column, rows in self._columns]
        for number in range(self._rounds):
            drawn = rng.permutation(others)[: 2 * size]
            halves = (np.sort(drawn[:size]), np.sort(drawn[size:]))
            asks_first = rng.random(len(records)) < 0.5
            asks_first[halves[0]], asks_first[halves[1]] = False, True
            for half, asked in zip(halves, (asks_first, ~asks_first), strict=True):
                progress.report("training reference models", number / self._rounds)
                self._add(totals, half, asked, int(rng.integers(2**31)))
        return [total / self._rounds for total in totals]

    def _add(self, totals: Sequence[FloatArray], half: IntArray, asked: BoolArray, seed: int) -> None:
        """Train a copy on half of the non-members, and add what it says of the records in question."""
        x: list[Any] = []
        y: list[IntArray] = []
        places = []
        for column, rows in self._columns:
            here = np.flatnonzero(asked[rows])
            places.append(here)
            for value in range(len(column.values)):
                x.append(column.candidate(self._records, value, rows[here]))
                y.append(self._records.y[rows[here]])
        if self._retrained is None or not sum(map(len, y)):
            return
        answers = self._retrained(half, stacked(x), np.concatenate(y), seed)
        start = 0
        for total, here in zip(totals, places, strict=True):
            count = total.shape[1] * len(here)
            total[here] += answers[start : start + count].reshape(total.shape[1], len(here)).T
            start += count
