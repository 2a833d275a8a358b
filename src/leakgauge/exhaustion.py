"""Memory and time that run out inside one attack: the outcome of that attack, not the end of the audit.

What a step of an audit will need cannot always be known beforehand. A step that gets no more memory
raises `MemoryError`, one that has used up its share of the time `OutOfTime` when it next reports its
progress. Who runs the step asks `ran_out` for a reason to report, calls `release` so that the
steps that follow get the memory back, and goes on. Whether anything runs out depends on the machine,
and the reason says so.

Two limits bind the time of an audit: that after which it is ended from outside, and the `time_budget` of
who asked for it, which is a `Deadline`. The steps watch the one that comes first.
"""

from __future__ import annotations

import errno
import gc
import math
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from leakgauge.errors import AuditTimeout
from leakgauge.progress import Progress

OUT_OF_MEMORY = (
    "It needed more memory than the audit may use on this machine. With more memory or fewer records it may "
    "run."
)
NOT_AUDITED: Final = "Not audited for lack of time"
"""How the reason begins for which something was not measured, or not for long enough to show anything."""
MORE_TIME: Final = "With more time, on a faster machine or with fewer records it may end."
MORE_BUDGET: Final = "Raise time_budget to allow for it."
"""What to do about either limit of time."""

Result = TypeVar("Result")
TimeLeft: TypeAlias = Callable[[], float]
"""How many seconds are left; it falls, not always as fast as a clock, and is infinite without a limit."""

REPORTED_IN = 0.1
"""Share of the audit's time that is kept for writing the report."""
GREATEST_SHARE = 2 / 3
"""Share of the time left that one step may use while others follow: a step that takes forever, or a
second one, still leaves minutes of an hour to the rest, and steps of equal length are never cut short."""

# What is said where no MemoryError is raised: by PyTorch, ONNX Runtime, C++; by NumPy of what nothing holds.
_SAYINGS = ("allocate memory", "bad_alloc", "array is too big")


class OutOfTime(Exception):  # noqa: N818 -- an outcome that the report states, not an error
    """The step has used up its share of the audit's time; the message says so, for the report."""


def ran_out(error: BaseException) -> str | None:
    """The reason to report when memory or time ran out; None when `error` says neither.

    A library may have wrapped the error in one of its own, so its causes are looked at as well.
    """
    for each in _with_causes(error):
        if isinstance(each, OutOfTime):
            return str(each)
        if (
            isinstance(each, MemoryError)
            or (isinstance(each, OSError) and each.errno == errno.ENOMEM)
            or (
                isinstance(each, RuntimeError | ValueError)
                and any(saying in str(each) for saying in _SAYINGS)
            )
        ):
            return OUT_OF_MEMORY
    return None


def release(error: BaseException) -> None:
    """Let go of what the frames of a caught error hold, large arrays first of all."""
    errors = list(_with_causes(error))
    for each in errors:
        traceback.clear_frames(each.__traceback__)
        each.__traceback__ = None
    # looking through all objects takes long, and who is out of time need not find memory
    if not any(isinstance(each, OutOfTime) for each in errors):
        gc.collect()


def something_else_failed(reasons: Sequence[str]) -> bool:
    """See whether anything but memory and time is to blame where every attack failed.

    Parameters
    ----------
    reasons
        why each attack failed.

    Returns
    -------
    bool
        False where a `time_budget` alone is to blame, which is no fault: the report says what it left out.

    Raises
    ------
    MemoryError
        where all ran out of memory.
    AuditTimeout
        `wall_clock` where all ran out of one or the other.
    """
    if all(reason == OUT_OF_MEMORY for reason in reasons):
        raise MemoryError
    if not all(reason == OUT_OF_MEMORY or reason.startswith(NOT_AUDITED) for reason in reasons):
        return True
    if any(reason.endswith(MORE_BUDGET) for reason in reasons):
        return False
    raise AuditTimeout(
        "wall_clock",
        "The audit did not finish in the time it was given: no attack came to its end.",
        hint="Ask for less (fewer records, attacks or iterations), or give it more time.",
    )


def unlimited() -> float:
    """The time left where there is no limit."""
    return math.inf


def readable(seconds: float) -> str:
    """Seconds, minutes or hours, in words."""
    if seconds >= 7_200:
        return f"{seconds / 3_600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.1f} seconds"


@dataclass(frozen=True, slots=True)
class Deadline:
    """When an audit, or a part of it, has to end.

    Attributes
    ----------
    seconds
        for the whole audit, as the user was told.
    end
        of that part, by `clock`.
    clock
        seconds from any start, never falling.
    """

    seconds: float
    end: float
    clock: Callable[[], float] = time.monotonic

    @property
    def left(self) -> float:
        """Seconds until then, at least 0."""
        return max(self.end - self.clock(), 0.0)


@dataclass(frozen=True, slots=True)
class Share:
    """The part of an audit's time that one step may use.

    Attributes
    ----------
    seconds
        how much, counted from when the share was given.
    remedy
        what to do where that does not suffice.
    """

    seconds: float
    remedy: str
    _left: TimeLeft
    _end: float

    def limiting(self, progress: Progress) -> Progress:
        """A progress that is told on, and whose `report` raises `OutOfTime` once the share is used up."""
        return progress if math.isinf(self.seconds) else _Limiting(progress, self)

    def check(self, *, further: float = 0.0) -> None:
        """Go on if there is time.

        Parameters
        ----------
        further
            seconds that the next step takes at least.

        Raises
        ------
        OutOfTime
            when the share is used up, or would be by then.
        """
        if self._left() <= self._end + further:
            found = "the audit's time was used up before it could begin."
            if self._left() > self._end:
                found = f"of the audit's time {readable(self.seconds)} were left for it, too few to begin."
            elif self.seconds > 0:
                share = f"{self.seconds:,.0f}" if self.seconds >= 10 else f"{self.seconds:.1f}"
                found = f"it used up its share of the audit's time, {share} seconds, and was stopped."
            raise OutOfTime(f"{NOT_AUDITED}: {found} {self.remedy}")


@dataclass(frozen=True, slots=True)
class _Limiting:
    whole: Progress
    share: Share

    def report(self, stage: str, fraction: float) -> None:
        self.share.check()
        self.whole.report(stage, fraction)


class Time:
    """The time of one audit, which its steps share.

    Parameters
    ----------
    left
        until the audit is ended from outside, whatever it is doing.
    clock
        seconds from any start, never falling, for steps that pace themselves.
    remedy
        what to do where the time does not suffice.
    """

    def __init__(
        self,
        left: TimeLeft = unlimited,
        *,
        clock: Callable[[], float] = time.monotonic,
        remedy: str = MORE_TIME,
    ) -> None:
        total = left()
        self._left = left
        self._kept = 0.0 if math.isinf(total) else REPORTED_IN * max(total, 0.0)
        self.clock = clock
        self.remedy = remedy

    def within(self, deadline: Deadline | None) -> Time:
        """The same, or until a deadline if that comes first; None for no such limit."""
        if deadline is None:
            return self
        remedy = MORE_BUDGET if deadline.left < self._left() else self.remedy
        return Time(lambda: min(self._left(), deadline.left), clock=deadline.clock, remedy=remedy)

    def share(self, steps: int) -> Share:
        """What the first of so many steps to come may use; the last one may use all that is left."""
        left = self._left()
        usable = left - self._kept
        seconds = usable if steps == 1 or math.isinf(usable) else GREATEST_SHARE * usable
        return Share(seconds, self.remedy, self._left, left - seconds)


def unless_it_runs_out(step: Callable[[], Result], *, instead: Callable[[str], Result]) -> Result:
    """What a step gives; where memory or time ran out, what stands in its place for that reason."""
    try:
        return step()
    except Exception as error:
        reason = ran_out(error)
        if reason is None:
            raise
        release(error)
        return instead(reason)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
