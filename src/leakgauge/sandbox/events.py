"""What a child tells its parent: JSON lines over a pipe.

    {"progress": ["fitting attack models", 0.4]}
    {"shown": {"loss": 0.3}}                      something to look at meanwhile; any JSON object
    {"error": {...}}                              a refusal, as `LeakgaugeError.body()` gives it
    {"crash": {"type": "builtins.KeyError", "frames": ["leakgauge/bundle.py:12"]}}
    {"done": ["limits", "seccomp"]}               finished; the layers that were in force

The writer runs beside a stranger's model and may have been taken over by it, so the reader takes
nothing on trust: not the size, not the form, not that an end is an end.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from leakgauge.errors import JsonValue, LeakgaugeError
from leakgauge.redacted_traceback import RedactedTraceback
from leakgauge.text import Sink, printable

MAX_LINE_BYTES = 256 << 10
MAX_TOTAL_BYTES = 8 << 20

_PROGRESS_SECONDS = 0.1
_STAGE_CHARACTERS = 120
_MAX_ITEMS = 64
_FRAME = re.compile(r"[\w./<>+ -]{1,200}:\d{1,7}")
_NAME = re.compile(r"[\w.<>]{1,200}")


@dataclass(frozen=True, slots=True)
class Refused:
    """The audit ended with an error of the tree."""

    error: LeakgaugeError


@dataclass(frozen=True, slots=True)
class Crashed:
    """The audit ended with an exception that nobody expected."""

    traceback: RedactedTraceback


@dataclass(frozen=True, slots=True)
class Done:
    """The report stands complete in its folder; the layers that were in force."""

    layers: tuple[str, ...]


Result: TypeAlias = Refused | Crashed | Done

Shown: TypeAlias = Callable[[Mapping[str, JsonValue]], None]
"""Called with what a child gives to look at while it works."""


def unseen(values: Mapping[str, JsonValue]) -> None:
    """Nobody looks on."""


class EventWriter:
    """The child's end; a `Progress` for the audit."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stage: str | None = None
        self._reported_at = -math.inf

    def report(self, stage: str, fraction: float) -> None:
        """Tell progress: every new stage, else at most ten times a second."""
        now = time.monotonic()
        if stage == self._stage and now - self._reported_at < _PROGRESS_SECONDS:
            return
        self._stage, self._reported_at = stage, now
        self._send({"progress": [stage[:_STAGE_CHARACTERS], float(fraction)]})

    def show(self, values: Mapping[str, JsonValue]) -> None:
        """Give whoever looks on something to look at; finite numbers only."""
        self._send({"shown": dict(values)})

    def refused(self, error: LeakgaugeError) -> None:
        """Tell that the audit ended with an error of the tree."""
        body = error.body()
        if len(json.dumps(body)) >= MAX_LINE_BYTES:
            body = type(error)(error.problem, error.message[:1_000], hint=error.hint[:1_000]).body()
        self._send({"error": body})

    def crashed(self, traceback: RedactedTraceback) -> None:
        """Tell that the audit ended with an unexpected exception."""
        self._send({"crash": {"type": traceback.type, "frames": list(traceback.frames)}})

    def done(self, layers: tuple[str, ...]) -> None:
        """Tell that the report is complete."""
        self._send({"done": list(layers)})

    def _send(self, event: Mapping[str, JsonValue]) -> None:
        line = json.dumps(event, allow_nan=False).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]


class EventReader:
    """The parent's end: bytes in, progress and one result out.

    Parameters
    ----------
    progress
        called with each stage and a fraction that lies in 0 to 1 and never falls.
    shown
        called with what the child gives to look at. It is a stranger's word: any JSON object.
    """

    def __init__(self, progress: Callable[[str, float], None], shown: Shown = unseen) -> None:
        self._progress = progress
        self._shown = shown
        self._rest = b""
        self._total = 0
        self._fraction = 0.0
        self.result: Result | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises
        ------
        ValueError
            when they are not events, or too many; the message holds nothing of them.
        """
        self._total += len(data)
        if self._total > MAX_TOTAL_BYTES:
            raise ValueError("too many events")
        *lines, self._rest = (self._rest + data).split(b"\n")
        if any(len(line) > MAX_LINE_BYTES for line in (*lines, self._rest)):
            raise ValueError("an event is too long")
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        if self.result is not None:
            raise ValueError("an event follows the last one")
        try:
            event = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise ValueError("an event is not JSON") from None
        if not isinstance(event, dict) or len(event) != 1:
            raise ValueError("an event is not an object of one entry")
        ((name, value),) = event.items()
        if name == "progress":
            self._take_progress(value)
        elif name == "shown" and isinstance(value, dict):
            self._shown(value)
        elif name == "error" and isinstance(value, dict):
            self.result = Refused(LeakgaugeError.from_body(value))
        elif name == "crash" and isinstance(value, dict):
            (kind,) = _strings([value.get("type")], _NAME)
            self.result = Crashed(RedactedTraceback(type=kind, frames=_strings(value.get("frames"), _FRAME)))
        elif name == "done":
            self.result = Done(_strings(value, _NAME))
        else:
            raise ValueError("an event of an unknown kind")

    def _take_progress(self, value: JsonValue) -> None:
        match value:
            case [str() as stage, int() | float() as fraction] if math.isfinite(fraction):
                self._fraction = max(self._fraction, min(max(float(fraction), 0.0), 1.0))
                self._progress(printable(stage, Sink.TERMINAL, longest=_STAGE_CHARACTERS), self._fraction)
            case _:
                raise ValueError("progress is not a stage and a fraction")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _strings(values: JsonValue, pattern: re.Pattern[str]) -> tuple[str, ...]:
    if not isinstance(values, list) or len(values) > _MAX_ITEMS:
        raise ValueError("not a short list")
    if not all(isinstance(value, str) and pattern.fullmatch(value) for value in values):
        raise ValueError("an item of a list is not of the form wanted")
    return tuple(str(value) for value in values)
