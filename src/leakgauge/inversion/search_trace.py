"""What is kept of a search while it runs: its budget, its images, its curve, and when it is done.

An attack only says where it stands and what the target answered. Everything
here depends on the steps taken so far and never on how many will follow, so that
a snapshot is what a shorter run would have given.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.exhaustion import NOT_AUDITED
from leakgauge.inversion.protocol import AttackSettings, CurvePoint, Frame, Reconstructed
from leakgauge.inversion.similarity import pearson
from leakgauge.progress import Progress
from leakgauge.report.model import Notice
from leakgauge.targets.protocol import FloatArray

TAIL: Final = 0.5
"""Share of the run, from its end, whose steps are averaged (Polyak & Juditsky 1992)."""
MARKS_PER_DOUBLING: Final = 6
CONVERGED: Final = 0.9975
"""Correlation with the reconstruction after half as many queries at which a search is called done."""
ENOUGH_ITERATIONS: Final = 1_500
"""Where a search by ranks or labels ends: on trial networks 1,500 gave no better prototypes than 500."""
EARLIEST_END: Final = 3_000
"""Queries for each seed before which no search is called done for what it reconstructs."""
SURE: Final = 0.9
"""Probability of the class from which an attacker takes it that there is something to see."""
FLAT_SHARE, FLAT_ODDS = 0.01, 0.3
"""A loss is flat where twice the steps took less off it than this share of all that was taken off, or
than so much. What a search gains after that it gains by exaggeration: without a prior, digits at
28 × 28 became less like real ones from there on, by .02 to .08. With a prior they did not."""
EARLIEST_FLAT: Final = 256
"""Steps before which no loss is called flat."""


class SearchTrace:
    """The search trace of one attack on one class, all seeds side by side.

    Parameters
    ----------
    settings
        what the attack was told.
    budget
        most queries, over all seeds.
    stage
        what progress reports call this.
    most
        iterations after which the attack reconstructs no better and ends; None for never.
    ends_flat
        whether the loss is in log odds, so that the search may end where it has become flat.
    """

    def __init__(
        self,
        settings: AttackSettings,
        *,
        budget: int,
        progress: Progress,
        stage: str,
        most: int | None = None,
        ends_flat: bool = False,
    ) -> None:
        if most is not None:
            iterations = tuple(sorted({min(after, most) for after in settings.iterations}))
            settings = replace(settings, iterations=iterations)
        self._space, self._seeds = settings.space, settings.seeds
        self._progress, self._stage = progress, stage
        self._asked, self._notices = _affordable(settings, budget)
        self._watch = settings.watch
        self.queries = 0
        self._steps = 0
        self._queries_of_step = 0
        self._total = np.zeros((self._seeds, self._space.dimensions))
        self._marks = {0: self._total.copy()}
        self._next_mark = 1
        self._frames: list[Frame] = []
        self._curve: list[CurvePoint] = []
        self._done_at: int | None = None
        self._ends_flat = ends_flat
        self._losses: list[tuple[int, float]] = []

    @property
    def left(self) -> int:
        """Queries until the run ends."""
        return self._limit(self._asked[-1]) - self.queries if self._asked else 0

    def affords(self, queries: int) -> bool:
        """Whether so many queries can be sent in time; keeps the images that they would come too late for.

        Raises
        ------
        Unsuited
            when not even the first queries are within the budget, or no time is left for a first step.
        """
        if self.queries == 0 and queries > self._limit(self._asked[-1]):
            raise Unsuited(f"The query budget does not pay for one step, which takes {queries:,} queries.")
        if self._watch is not None and self._steps == 0 and not self._watch.may_begin():
            raise Unsuited(f"{NOT_AUDITED}: there was no time for a first step. Raise time_budget.")
        while self._asked and self.queries + queries > self._limit(self._asked[0]):
            self._keep(self._asked[0])
            self._asked = self._asked[1:]
        return bool(self._asked) and self._done_at is None

    def note(self, z: FloatArray, *, queries: int) -> bool:
        """A step was taken; says whether the curve wants a point of it, to be given by `mark`.

        Parameters
        ----------
        z
            (seeds, dimensions) where the search stands after it.
        queries
            how many it took, over all seeds.
        """
        self.queries += queries
        self._queries_of_step = queries
        self._steps += 1
        self._total += z
        return self._steps >= self._next_mark

    def mark(self, *, loss: float, confidence: float) -> None:
        """A point of the curve: means over the images that the last step asked about."""
        self._next_mark = _mark_after(self._steps)
        self._marks[self._steps] = self._total.copy()
        self._progress.report(self._stage, self.queries / self._limit(self._asked[-1]))
        average = self._average()
        iterations = max(1, self.queries // (2 * self._seeds))
        self._curve.append(CurvePoint(iterations, self.queries, loss, confidence, average))
        self._losses.append((self._steps, loss))
        unchanged = self.queries >= EARLIEST_END * self._seeds and self._unchanged(average)
        if unchanged or (self._ends_flat and confidence >= SURE and self._flat()):
            self._done_at = self.queries
        elif self._watch is not None:
            steps_left = (self._limit(self._asked[-1]) - self.queries) // self._queries_of_step
            further = min(self._next_mark - self._steps, steps_left)
            marks = len(self._curve)
            if further and not self._watch.goes_on(marks=marks, steps=self._steps, further=further):
                self._asked = (iterations,)

    def spend(self, queries: int) -> None:
        """Count queries that went into something else than a step."""
        self.queries += queries

    def result(self, *notices: Notice) -> Reconstructed:
        """Everything that was kept.

        Raises
        ------
        Unsuited
            when nothing was left for a single step: there is no reconstruction then, and no curve.
        """
        if not self._steps:
            raise Unsuited(
                f"The query budget does not pay for one step after the {self.queries:,} queries that looked "
                "for a start."
            )
        for asked in self._asked:  # the search was done before
            self._keep(asked)
        self._asked = ()
        return Reconstructed(
            tuple(self._frames), tuple(self._curve), (*self._notices, *notices), self._done_at
        )

    def _limit(self, iterations: int) -> int:
        return 2 * self._seeds * iterations

    def _keep(self, iterations: int) -> None:
        self._frames.append(Frame(iterations, self.queries, self._space.images(self._average())))

    def _average(self) -> FloatArray:
        """(seeds, dimensions) mean of the last half of the steps; the start of the space before the first."""
        if self._steps == 0:
            return self._total
        start = max(mark for mark in self._marks if mark <= self._steps * (1 - TAIL))
        return (self._total - self._marks[start]) / (self._steps - start)

    def _unchanged(self, average: FloatArray) -> bool:
        """Whether the consensus is what it was after half of the queries."""
        earlier = [
            point.coefficients
            for point in self._curve
            if point.queries <= self.queries / 2 and point.coefficients is not None
        ]
        if not earlier:
            return False
        now, before = (self._space.images(z).mean(axis=0) for z in (average, earlier[-1]))
        return pearson(now, before) >= CONVERGED

    def _flat(self) -> bool:
        """Whether the loss, in the mean over a doubling of the steps, hardly fell from that before."""
        if self._steps < EARLIEST_FLAT:
            return False
        last = [loss for steps, loss in self._losses if steps > self._steps / 2]
        before = [loss for steps, loss in self._losses if self._steps / 4 < steps <= self._steps / 2]
        fall = float(np.mean(before) - np.mean(last))
        return fall < max(FLAT_ODDS, FLAT_SHARE * (self._losses[0][1] - float(np.mean(last))))


def _mark_after(step: int) -> int:
    """The next of the steps 2^(k/6), which do not depend on how long a run will be."""
    k = math.floor(MARKS_PER_DOUBLING * math.log2(step) + 1e-9) + 1
    while round(2 ** (k / MARKS_PER_DOUBLING)) <= step:
        k += 1
    return round(2 ** (k / MARKS_PER_DOUBLING))


def _affordable(settings: AttackSettings, budget: int) -> tuple[tuple[int, ...], tuple[Notice, ...]]:
    """The iterations that the budget pays for, and a notice where it does not pay for all."""
    most = budget // (2 * settings.seeds)
    if most < 1:
        raise Unsuited("The query budget does not pay for one pair of queries per seed.")
    if settings.iterations[-1] <= most:
        return settings.iterations, ()
    kept = tuple(after for after in settings.iterations if after <= most)
    notice = Notice(
        "iterations_cut",
        f"The query budget ends the run after {most:,} of the {settings.iterations[-1]:,} iterations.",
    )
    return (kept if kept and kept[-1] == most else (*kept, most)), (notice,)
