"""Memory and time that run out inside one attack: the outcome of that attack, not the end of the audit.

What a step of an audit will need cannot always be known beforehand. A step that gets no more memory
raises `MemoryError`, one that has used up its share of the time `OutOfTime` when it next reports its
progress. Who runs the step asks `ran_out` for a reason to report, calls `release` so that the
steps that follow get the memory back, and goes on. Whether anything runs out depends on the machine,
and the reason says so.
"""

from __future__ import annotations

import errno
import gc
import math
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from leakgauge.errors import AuditTimeout
from leakgauge.progress import Progress

OUT_OF_MEMORY = (
    "It needed more memory than the audit may use on this machine. With more memory or fewer records it may "
    "run."
)
_MORE_TIME = "With more time, on a faster machine or with fewer records it may end."

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
    for each in list(_with_causes(error)):
        traceback.clear_frames(each.__traceback__)
        each.__traceback__ = None
    gc.collect()


def check_that_something_else_failed(reasons: Sequence[str]) -> None:
    """See whether anything but memory and time is to blame where every attack failed.

    Parameters
    ----------
    reasons
        why each attack failed.

    Raises
    ------
    MemoryError
        where all ran out of memory.
    AuditTimeout
        `wall_clock` where all ran out of one or the other.
    """
    if all(reason == OUT_OF_MEMORY for reason in reasons):
        raise MemoryError
    if all(reason == OUT_OF_MEMORY or reason.endswith(_MORE_TIME) for reason in reasons):
        raise AuditTimeout(
            "wall_clock",
            "The audit did not finish in the time it was given: no attack came to its end.",
            hint="Ask for less (fewer records, attacks or iterations), or give it more time.",
        )


def unlimited() -> float:
    """The time left where there is no limit."""
    return math.inf


@dataclass(frozen=True, slots=True)
class Share:
    """The part of an audit's time that one step may use.

    Attributes
    ----------
    seconds
        how much, counted from when the share was given.
    """

    seconds: float
    _left: TimeLeft
    _end: float

    def limiting(self, progress: Progress) -> Progress:
        """A progress that is told on, and whose `report` raises `OutOfTime` once the share is used up."""
        return progress if math.isinf(self.seconds) else _Limiting(progress, self)

    def check(self) -> None:
        """Go on if there is time.

        Raises
        ------
        OutOfTime
            when the share is used up.
        """
        if self._left() <= self._end:
            found = "The audit's time was used up before it could begin."
            if self.seconds > 0:
                found = (
                    f"It used up its share of the audit's time, {self.seconds:,.0f} seconds, and was stopped."
                )
            raise OutOfTime(f"{found} {_MORE_TIME}")


@dataclass(frozen=True, slots=True)
class _Limiting:
    whole: Progress
    share: Share

    def report(self, stage: str, fraction: float) -> None:
        self.whole.report(stage, fraction)
        self.share.check()


class Time:
    """The time of one audit, which its steps share.

    Parameters
    ----------
    left
        until the audit is ended from outside, whatever it is doing.
    """

    def __init__(self, left: TimeLeft = unlimited) -> None:
        total = left()
        self._left = left
        self._kept = 0.0 if math.isinf(total) else REPORTED_IN * max(total, 0.0)

    def within(self, seconds: float | None) -> Time:
        """The same, or so many seconds from now if that is less; None for no such limit."""
        if seconds is None:
            return self
        end = time.monotonic() + seconds
        return Time(lambda: min(self._left(), end - time.monotonic()))

    def share(self, steps: int) -> Share:
        """What the first of so many steps to come may use; the last one may use all that is left."""
        left = self._left()
        usable = left - self._kept
        seconds = usable if steps == 1 or math.isinf(usable) else GREATEST_SHARE * usable
        return Share(seconds, self._left, left - seconds)


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
