"""Who may come in, and who may run: bounded, so that overload is answered and not suffered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from leakgauge.errors import Busy

_RETRY_AFTER_SECONDS = 10


class Slots:
    """Admits `slots + queue` requests at once and lets `slots` of them run.

    Parameters
    ----------
    slots:
        audits that run at once.
    queue:
        further requests that may upload and wait.
    wait_seconds:
        longest wait for a slot.
    """

    def __init__(self, *, slots: int, queue: int, wait_seconds: float) -> None:
        self._admission = threading.BoundedSemaphore(slots + queue)
        self._running = threading.BoundedSemaphore(slots)
        self._wait_seconds = wait_seconds

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Be among those who may upload.

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
    def running(self) -> Iterator[None]:
        """Be among those who run.

        Raises
        ------
        Busy
            `no_slot`, after the longest wait.
        """
        if not self._running.acquire(timeout=self._wait_seconds):
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
