"""Progress of long work, told in one way and shown in several.

Work reports `(stage, fraction)`; who listens decides what becomes of it: a bar
in a terminal, lines in a log, events to a parent process, or nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from leakgauge.errors import JsonValue


class Progress(Protocol):
    """Listener of long work."""

    def report(self, stage: str, fraction: float) -> None:
        """`stage` in a few words; `fraction` of the whole work done, 0 to 1, never falling."""


class Display(Progress, Protocol):
    """A listener that can also be given something to look at meanwhile."""

    def show(self, values: Mapping[str, JsonValue]) -> None:
        """Finite numbers and text, which the listener displays."""


class Silent:
    """Nobody listens."""

    def report(self, stage: str, fraction: float) -> None:
        """Ignore the report."""


@dataclass(frozen=True, slots=True)
class Calling:
    """Hands every report to a function: the bridge to terminals, logs and event streams."""

    listener: Callable[[str, float], None]

    def report(self, stage: str, fraction: float) -> None:
        """Pass the report on."""
        self.listener(stage, fraction)


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
