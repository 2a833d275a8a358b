"""The clock that searches watch, so that an audit ends in time and its reconstructions stay comparable.

What an iteration takes is known beforehand only as far as nothing else runs on the machine. So each
search looks at the clock at every mark of its trace, and stops where it would not reach the next in
time. The first class of an attack goes by the clock; the other classes, which it is compared with, go
as far as it went. One that cannot is the end for all: those that had gone further are cut back to that
mark, which is where they would have stood. What an attack leaves of its time goes to those after it.

Where time suffices nothing is stopped, and nothing depends on the clock.
"""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Final

from leakgauge.exhaustion import Deadline
from leakgauge.inversion.protocol import Frame, Reconstructed
from leakgauge.inversion.search_space import SearchSpace

FEWEST_ITERATIONS: Final = 50
"""With fewer a reconstruction shows next to nothing."""
FIRST_SHARE: Final = 0.9
"""Of its even share of time, what a class may take before one has ended: those that follow may take a
little longer for as many steps."""


class Pace:
    """The time of one attack, which its classes share evenly.

    Parameters
    ----------
    attacks
        how many are still to come, this one included: it may use an even share of what is left.
    searches
        how many classes it reconstructs.
    at_once
        how many of them side by side.
    """

    def __init__(self, deadline: Deadline, *, attacks: int, searches: int, at_once: int) -> None:
        self.clock = deadline.clock
        self.marks: int | None = None
        self._end = self.clock() + deadline.left / attacks
        self._to_begin = searches
        self._at_once = at_once
        self._lock = threading.Lock()

    def begin(self) -> Watch:
        """The watch of the next class."""
        with self._lock:
            rounds = max(1, math.ceil(self._to_begin / self._at_once))
            self._to_begin -= 1
            now = self.clock()
            share = max(self._end - now, 0.0) / rounds
            return Watch(self, now + (share if self.marks is not None else FIRST_SHARE * share))

    def reached(self, marks: int) -> bool:
        """Whether some class has ended at so many marks, or at fewer."""
        with self._lock:
            return self.marks is not None and marks >= self.marks

    def end_at(self, marks: int) -> None:
        """A class has ended at so many marks: the others go no further."""
        with self._lock:
            self.marks = marks if self.marks is None else min(self.marks, marks)

    def even(self, found: Reconstructed, space: SearchSpace) -> Reconstructed:
        """What was reconstructed, as it stood where the first class was stopped."""
        if self.marks is None or len(found.curve) < self.marks:
            return found
        end = found.curve[self.marks - 1]
        if end.coefficients is None:
            return found
        earlier = [
            frame
            for frame in found.frames
            if frame.iterations < end.iteration and frame.queries <= end.queries
        ]
        last = Frame(end.iteration, end.queries, space.images(end.coefficients))
        return replace(
            found,
            frames=(*earlier, last),
            curve=found.curve[: self.marks],
            done_at=None if found.done_at is None or found.done_at > end.queries else found.done_at,
        )


class Watch:
    """What one search asks whether to go on.

    Parameters
    ----------
    end
        of this search, by the clock of the pace.
    """

    def __init__(self, pace: Pace, end: float) -> None:
        self._pace = pace
        self._end = end
        self._before: tuple[int, float] | None = None

    def may_begin(self) -> bool:
        """Whether there is time for a first step, which a start may have to be found for."""
        return self._pace.clock() < self._end

    def goes_on(self, *, marks: int, steps: int, further: int) -> bool:
        """Whether there is time for the steps to the next mark, going by those since the last.

        Parameters
        ----------
        marks, steps
            that the search has passed; of all searches of an attack the same steps are marked.
        further
            steps to the next mark, or to the end of the search.
        """
        if self._pace.reached(marks):
            return False
        now = self._pace.clock()
        # the time up to the first mark goes mostly into finding a start
        before, self._before = self._before or (steps, now), (steps, now)
        expected = further * (now - before[1]) / max(steps - before[0], 1)
        if now + expected <= self._end:
            return True
        self._pace.end_at(marks)
        return False
