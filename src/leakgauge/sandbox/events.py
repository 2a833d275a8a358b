"""What a child tells its parent: JSON lines over a pipe.

    {"layers": ["limits", "seccomp"]}             those in force; once, before everything but a failure
    {"opened": "model"}                           what follows works on a stranger's model file
    {"progress": ["fitting attack models", 0.4]}
    {"shown": {"loss": 0.3}}                      something to look at meanwhile: numbers and short text
    {"error": {...}}                              a refusal, as `LeakgaugeError.body()` gives it
    {"crash": {"type": "builtins.KeyError", "frames": ["leakgauge/bundle.py:12"]}}
    {"done": true}                                the report is complete

The writer runs beside a stranger's model and may have been taken over by it, so the reader takes
nothing on trust: not the size, not the form, not a number, not that an end is an end.
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

from leakgauge.errors import (
    AuditFailed,
    AuditTimeout,
    InputError,
    JsonValue,
    LeakgaugeError,
    ServiceFailed,
)
from leakgauge.progress import Opened
from leakgauge.redacted_traceback import RedactedTraceback
from leakgauge.sandbox.lockdown import LAYERS, REQUIRED, relaxed
from leakgauge.strict_json import bounded, parse
from leakgauge.text import Sink, printable

MAX_LINE_BYTES = 256 << 10
MAX_TOTAL_BYTES = 8 << 20

_PROGRESS_SECONDS = 0.1
_STAGE_CHARACTERS = 120
_MAX_ITEMS = 64
_FRAME = re.compile(r"[\w./<>+ -]{1,200}:\d{1,7}", re.ASCII)
_NAME = re.compile(r"[\w.<>]{1,200}", re.ASCII)
_PROBLEM = re.compile(r"[a-z0-9_]{1,100}")
# images for the demo, as they stand in a page
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_FAMILIES = (InputError, ServiceFailed, AuditTimeout, AuditFailed)
"""Families of errors that a child may raise; that the service is busy, say, is not for it to tell."""


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
    """The report stands complete in its folder."""


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

    def in_force(self, layers: tuple[str, ...]) -> None:
        """State the layers, before the first byte of a stranger's is read."""
        self._send({"layers": list(layers)})

    def opened(self, file: Opened) -> None:
        """Tell that all that follows works on such a file."""
        self._send({"opened": file})

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

    def done(self) -> None:
        """Tell that the report is complete."""
        self._send({"done": True})

    def _send(self, event: Mapping[str, JsonValue]) -> None:
        line = json.dumps(event, allow_nan=False).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]


class EventReader:
    """The parent's end: bytes in, progress and one result out.

    Parameters
    ----------
    progress
        called with each stage and a fraction that lies in 0 to 1.
    shown
        called with what the child gives to look at: names and numbers, and text of one line or base64.

    Attributes
    ----------
    layers
        those that the child has stated to be in force; None before it has.
    model_is_open
        whether the child works on a stranger's model file.
    result
        how the audit ended; None before it has.
    """

    def __init__(self, progress: Callable[[str, float], None], shown: Shown = unseen) -> None:
        self._progress = progress
        self._shown = shown
        self._rest = b""
        self._total = 0
        self.layers: tuple[str, ...] | None = None
        self.model_is_open = False
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
        event = parse(line)
        if not isinstance(event, dict) or len(event) != 1:
            raise ValueError("an event is not an object of one entry")
        ((name, value),) = event.items()
        # a child that cannot be locked down says so, and has read nothing
        if self.layers is None and name not in ("layers", "error", "crash"):
            raise ValueError("an event comes before the layers")
        match name, value:
            case "layers", list():
                self._take_layers(value)
            case "opened", "model" if not self.model_is_open:
                self.model_is_open = True
            case "progress", [str() as stage, int() | float() as fraction]:
                shown = printable(stage, Sink.TERMINAL, longest=_STAGE_CHARACTERS)
                self._progress(shown, min(max(float(fraction), 0.0), 1.0))
            case "shown", dict():
                self._shown(_to_look_at(value))
            case "error", dict():
                self.result = Refused(_error(value))
            case "crash", {"type": str() as kind, "frames": list() as frames}:
                (kind,) = _strings([kind], _NAME)
                self.result = Crashed(RedactedTraceback(type=kind, frames=_strings(frames, _FRAME)))
            case "done", True:
                self.result = Done()
            case _:
                raise ValueError("an event of an unknown kind or form")

    def _take_layers(self, value: list[JsonValue]) -> None:
        names = _strings(value, _NAME)
        if self.layers is not None:
            raise ValueError("an event states the layers a second time")
        # in the order of the table, each at most once
        if names != tuple(layer for layer in LAYERS if layer in names):
            raise ValueError("an event states layers that there are not")
        optional = {"seccomp"} if relaxed() else set()
        if not {*REQUIRED} - optional <= {*names}:
            raise ValueError("an event leaves out a layer without which no audit starts")
        self.layers = names


def _error(body: dict[str, JsonValue]) -> LeakgaugeError:
    """The error that a child tells of, with text that does no harm wherever it is shown."""
    received = LeakgaugeError.from_body(body)
    if not isinstance(received, _FAMILIES) or not _PROBLEM.fullmatch(received.problem):
        raise ValueError("an error that no child raises")
    details = bounded(received.details)
    assert isinstance(details, dict)  # noqa: S101 - narrows the type: an object stays one
    message, hint = (printable(text, Sink.MESSAGE) for text in (received.message, received.hint))
    return type(received)(received.problem, message, hint=hint, details=details)


def _to_look_at(values: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if len(values) > _MAX_ITEMS:
        raise ValueError("an event shows too much")
    found: dict[str, JsonValue] = {}
    for name, value in values.items():
        if not _NAME.fullmatch(name) or isinstance(value, list | dict):
            raise ValueError("an event shows what is neither a number nor text")
        if isinstance(value, str) and not _BASE64.fullmatch(value):
            value = printable(value, Sink.TERMINAL)
        found[name] = value
    return found


def _strings(values: list[JsonValue], pattern: re.Pattern[str]) -> tuple[str, ...]:
    if len(values) > _MAX_ITEMS:
        raise ValueError("not a short list")
    if not all(isinstance(value, str) and pattern.fullmatch(value) for value in values):
        raise ValueError("an item of a list is not of the form wanted")
    return tuple(str(value) for value in values)
