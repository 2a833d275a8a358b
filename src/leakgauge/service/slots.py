"""Who may come in, and who may run: bounded, so that overload is answered and not suffered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from leakgauge.errors import AuditFailed, Busy
from leakgauge.sandbox.watch import Cancellation

_RETRY_AFTER_SECONDS = 10
_LOOK_SECONDS = 0.25


class Slots:
    """Admits `slots + queue` requests at once and lets `slots` of them run.

    Parameters
    ----------
    slots
        audits that run at once.
    queue
        further requests that may wait, their bodies received.
    wait_seconds
        longest wait for a slot.
    """

    def __init__(self, *, slots: int, queue: int, wait_seconds: float) -> None:
        self._admission = threading.BoundedSemaphore(slots + queue)
        self._running = threading.BoundedSemaphore(slots)
        self._wait_seconds = wait_seconds

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Be among those who may wait.

        Raises
        ------
        Busy
            `queue_full`, at once.
        """
        if not self._admission.acquire(blocking=False):
            raise _busy("queue_full", "Every audit slot is taken and the queue is full.")
        try:
            yield
        finally:
            self._admission.release()

    @contextmanager
    def running(self, cancelled: Cancellation, *, within: float | None = None) -> Iterator[None]:
        """Be among those who run.

        Parameters
        ----------
        cancelled
            asked while waiting; set once nobody wants the slot any more.
        within
            seconds after which a slot is of no use; the longest wait holds as well.

        Raises
        ------
        Busy
            `no_slot`, after the longest wait.
        AuditFailed
            `cancelled`.
        """
        until = time.monotonic() + min(self._wait_seconds, self._wait_seconds if within is None else within)
        while not self._running.acquire(timeout=max(0.0, min(_LOOK_SECONDS, until - time.monotonic()))):
            if cancelled.is_set():
                raise AuditFailed(
                    "cancelled",
                    "The sender hung up before its audit began.",
                    hint="Send the bundle again when the report is wanted.",
                )
            if time.monotonic() >= until:
                raise _busy("no_slot", "Every audit slot stayed taken for as long as a request may wait.")
        try:
            yield
        finally:
            self._running.release()


def _busy(problem: str, message: str) -> Busy:
    return Busy(
        problem,
        message,
        hint=f"Send the same request again after {_RETRY_AFTER_SECONDS} seconds.",
        details={"retry_after": _RETRY_AFTER_SECONDS},
    )
