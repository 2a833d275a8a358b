"""Progress of long work, told in one way and shown in several.

Work reports `(stage, fraction)`; who listens decides what becomes of it: a bar
in a terminal, lines in a log, events to a parent process, or nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from leakgauge.errors import JsonValue

Opened: TypeAlias = Literal["model"]
"""What kind of a stranger's file is opened: one by which compiled code may be led astray."""


class Progress(Protocol):
    """Listener of long work."""

    def report(self, stage: str, fraction: float) -> None:
        """`stage` in a few words; `fraction` of the whole work done, 0 to 1, never falling."""


class Display(Progress, Protocol):
    """A listener that can also be given something to look at meanwhile, and that knows what is open."""

    def show(self, values: Mapping[str, JsonValue]) -> None:
        """Finite numbers and text, which the listener displays."""

    def opened(self, file: Opened) -> None:
        """All that follows works on a stranger's file of this kind; to be told before it is read."""


class Silent:
    """Nobody listens."""

    def report(self, stage: str, fraction: float) -> None:
        """Ignore the report."""

    def show(self, values: Mapping[str, JsonValue]) -> None:
        """Ignore the values."""

    def opened(self, file: Opened) -> None:
        """Ignore that it is opened."""


@dataclass(frozen=True, slots=True)
class Calling:
    """Hands every report to a function: the bridge to terminals, logs and event streams."""

    listener: Callable[[str, float], None]

    def report(self, stage: str, fraction: float) -> None:
        """Pass the report on."""
        self.listener(stage, fraction)


class Rising:
    """Hands reports on whose fraction never falls, also where work begins anew."""

    def __init__(self, listener: Progress) -> None:
        self._listener = listener
        self._fraction = 0.0

    def report(self, stage: str, fraction: float) -> None:
        """Pass the report on, with the largest fraction so far."""
        self._fraction = max(self._fraction, min(fraction, 1.0))
        self._listener.report(stage, self._fraction)


@dataclass(frozen=True, slots=True)
class Share:
    """The part `[start, end]` of a larger progress, so that a step need not know the whole."""

    whole: Progress
    start: float
    end: float

    def report(self, stage: str, fraction: float) -> None:
        """Report `fraction` of this share as the matching fraction of the whole."""
        inside = min(max(fraction, 0.0), 1.0)
        self.whole.report(stage, self.start + (self.end - self.start) * inside)


class Together:
    """A progress whose `parts` equal parts go on at the same time, each in a thread of its own.

    What each part is at would change with every report, so all of them go by one name, `stage`.
    """

    def __init__(self, whole: Progress, parts: int, *, stage: str) -> None:
        self._whole = whole
        self._stage = stage
        self._fractions = [0.0] * parts
        self._lock = threading.Lock()

    def part(self, place: int) -> Progress:
        """The progress of one part."""
        return Calling(lambda _, fraction: self._report(place, fraction))

    def _report(self, place: int, fraction: float) -> None:
        with self._lock:
            self._fractions[place] = max(self._fractions[place], min(fraction, 1.0))
            self._whole.report(self._stage, sum(self._fractions) / len(self._fractions))
