"""One running audit, followed from outside."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

from leakgauge.errors import AuditFailed, AuditTimeout
from leakgauge.sandbox.events import Crashed, EventReader, Refused, Result, Shown
from leakgauge.sandbox.exit_status import ExitStatus
from leakgauge.sandbox.ipc import receive_message

_POLL_SECONDS = 0.1
_STOP_SECONDS = 10.0
_READ_BYTES = 64 << 10


class ServerLostError(Exception):
    """The fork server closed the connection without telling how the child ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known of an audit whose child has ended.

    Attributes
    ----------
    status
        what the kernel says; trusted.
    result
        what the child said, if anything.
    layers
        those that it stated to be in force, before it read anything; none where it did not come so far.
    model_was_open
        whether it had said that it opens a stranger's model file.
    """

    status: ExitStatus
    result: Result | None = None
    layers: tuple[str, ...] = ()
    model_was_open: bool = False

    @property
    def of_its_model(self) -> bool:
        """Whether the child died of what it did with a stranger's model file, and said nothing else."""
        return self.model_was_open and self.status.crashed and not isinstance(self.result, Refused | Crashed)


class Cancellation(Protocol):
    """Says whether the audit is still wanted; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether the audit should stop."""


class Watch:
    """Reads what the child tells (not trusted) and what the fork server tells (trusted).

    Leaving the context kills a child that still runs and waits for its end.
    """

    def __init__(
        self, *, events: int, caller: socket.socket, progress: Callable[[str, float], None], shown: Shown
    ) -> None:
        os.set_blocking(events, False)
        caller.settimeout(_STOP_SECONDS)
        self._events = events
        self._caller = caller
        self._reader = EventReader(progress, shown)
        self._listening = True
        self._selector = selectors.DefaultSelector()
        self._selector.register(events, selectors.EVENT_READ, self._read_events)
        self._selector.register(caller, selectors.EVENT_READ, self._read_caller)
        self._exit_status: ExitStatus | None = None
        self.started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening = False
        with contextlib.suppress(OSError):
            self._caller.shutdown(socket.SHUT_WR)
        patience = time.monotonic() + _STOP_SECONDS
        # The pipe closes with the last process that writes to it, also when the server is lost.
        while self._selector.get_map() and time.monotonic() < patience:
            with contextlib.suppress(ServerLostError):
                self._turn(_POLL_SECONDS)
        self._selector.close()
        self._caller.close()
        os.close(self._events)

    def follow(self, *, deadline: float, cancelled: Cancellation | None) -> Ended:
        """Wait for the child's end.

        Parameters
        ----------
        deadline
            on the monotonic clock.
        cancelled
            set once the audit is no longer wanted.

        Raises
        ------
        AuditTimeout
            `wall_clock` at the deadline.
        AuditFailed
            `cancelled` when asked to stop; `child_misbehaved` on events that are not events.
        ServerLostError
            when the fork server has died; `started` tells whether the child had been forked.
        """
        while self._exit_status is None:
            if cancelled is not None and cancelled.is_set():
                raise _called_off()
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise _out_of_time()
            try:
                self._turn(min(remaining, _POLL_SECONDS))
            except ValueError:
                raise _misbehaved() from None
        reader = self._reader
        return Ended(self._exit_status, reader.result, reader.layers or (), reader.model_is_open)

    def _turn(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if key.fileobj in self._selector.get_map():
                key.data()

    def _read_events(self) -> bool:
        """Read once; False when there is nothing more for now."""
        try:
            data = os.read(self._events, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(self._events)
            return False
        if self._listening:
            self._reader.feed(data)
        return True

    def _read_caller(self) -> None:
        try:
            received = receive_message(self._caller)
        except (OSError, ValueError):
            received = None
        if received is None:
            self._selector.unregister(self._caller)
            raise ServerLostError
        message, _ = received
        if "started" in message:
            self.started = True
            return
        self._selector.unregister(self._caller)
        self._exit_status = ExitStatus.from_message(message)
        # All that the child wrote is in the pipe by now.
        while self._events in self._selector.get_map() and self._read_events():
            pass
        with contextlib.suppress(KeyError):
            self._selector.unregister(self._events)


def _called_off() -> AuditFailed:
    return AuditFailed(
        "cancelled", "The audit was called off before its end.", hint="Start it again when it is wanted."
    )


def _out_of_time() -> AuditTimeout:
    return AuditTimeout(
        "wall_clock",
        "The audit did not finish in the time it was given.",
        hint="Ask for less (fewer records, attacks or iterations), or give it more time.",
    )


def _misbehaved() -> AuditFailed:
    return AuditFailed(
        "child_misbehaved",
        "The process that ran the audit sent something that no audit sends.",
        hint="The audit was stopped and nothing of it was kept. Treat the model file as hostile.",
    )
