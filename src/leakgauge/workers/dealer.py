"""Hands out what an audit wants trained, and brings it the answers."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Final, Protocol, Self

from leakgauge.model_pipe import Fit, answers_message
from leakgauge.served_sockets import ServedSockets
from leakgauge.socket_messages import read_message, write_message

_log = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 60.0
"""How long there may be no worker, at the start or later, before the audit goes on alone."""
_LOOK_SECONDS: Final = 0.5
_MOST_BYTES_AHEAD: Final = 1 << 30
"""Bytes of rows that may wait for workers: an audit that has been taken over could ask for any number."""


class Outcome(Protocol):
    """What will come of a model; a future of the standard library or of Dask is one."""

    def result(self, timeout: float) -> bytes | None:
        """Its answers; None where it cannot be trained. Raises `TimeoutError` while they are not there."""

    def done(self) -> bool:
        """Whether it has come to its end."""

    def cancel(self) -> object:
        """It is wanted no more."""


class Workers(Protocol):
    """Those who train."""

    def prepare(self) -> None:
        """Get ready: models will come. May be said more than once."""

    def count(self) -> int:
        """How many models they train at once, as of now; 0 when none is there."""

    def submit(self, fit: Fit) -> Outcome:
        """Have a model trained."""


class Dealer:
    """Serves an audit in a thread, for as long as the context lasts.

    Parameters
    ----------
    workers
        those who train.
    patience
        how many seconds there may be no worker before the audit is told to go on alone.

    Attributes
    ----------
    trained, missed
        models that workers have brought, and that none has.
    """

    def __init__(self, workers: Workers, *, patience: float = PATIENCE_SECONDS) -> None:
        self._workers = workers
        self._patience = patience
        self._gone_since: float | None = None
        self._stopping = threading.Event()
        self._sockets = ServedSockets("dealer", self._serve)
        self.trained = 0
        self.missed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._sockets.close()

    def attach(self, connection: socket.socket) -> None:
        """Serve whoever holds the other end, in a thread, until it closes. Takes the socket over."""
        self._sockets.attach(connection)

    def _serve(self, connection: socket.socket) -> None:
        waiting: deque[tuple[Fit, Outcome]] = deque()
        # what breaks the connection off leaves the audit to train the rest itself
        with connection, contextlib.suppress(OSError, ValueError):
            try:
                while (message := read_message(connection.fileno())) is not None:
                    reply = self._reply(message, waiting)
                    write_message(connection.fileno(), reply | {"workers": self._count()})
            finally:
                _forget(waiting)

    def _reply(self, message: dict[str, Any], waiting: deque[tuple[Fit, Outcome]]) -> dict[str, Any]:
        match message:
            case {"workers": True, **rest} if not rest:
                self._workers.prepare()
            case {"train": dict() as asked, **rest} if not rest:
                fit = Fit.from_message(asked)
                ahead = sum(len(one.rows) + len(one.queried) for one, _ in waiting)
                if ahead + len(fit.rows) + len(fit.queried) > _MOST_BYTES_AHEAD:
                    raise ValueError("too much that waits")
                waiting.append((fit, self._workers.submit(fit)))
            case {"next": True, **rest} if not rest and waiting:
                return answers_message(self._answers(waiting.popleft()[1]))
            case {"forget": True, **rest} if not rest:
                _forget(waiting)
            case _:
                raise ValueError("no message that is known")
        return {}

    def _count(self) -> int:
        """How many workers the audit may reckon with: one that is to come counts, for a time."""
        workers = self._workers.count()
        if workers:
            self._gone_since = None
            return workers
        now = time.monotonic()
        if self._gone_since is None:
            self._gone_since = now
        return int(now - self._gone_since < self._patience)

    def _answers(self, outcome: Outcome) -> bytes | None:
        found = self._awaited(outcome)
        if found is None:
            self.missed += 1
        else:
            self.trained += 1
        return found

    def _awaited(self, outcome: Outcome) -> bytes | None:
        while not self._stopping.is_set():
            ended = outcome.done()  # looked at before: then a timeout is its own, not ours
            try:
                return outcome.result(timeout=_LOOK_SECONDS)
            except TimeoutError:
                if not ended and self._count():
                    continue
                _log.warning("no worker is left to train a reference model")
            except Exception as error:  # noqa: BLE001 -- whatever became of a worker, the audit goes on
                _log.warning("a reference model was lost", extra={"type": type(error).__name__})
            break
        outcome.cancel()
        return None


def tell(dealer: Dealer) -> None:
    """Log what workers did, as a warning where the audit had to do some of it."""
    facts = {"by_workers": dealer.trained, "by_the_audit": dealer.missed}
    if dealer.missed:
        _log.warning(
            "workers were lost: the audit trained models itself, and its report is the same", extra=facts
        )
    else:
        _log.info("reference models trained by workers", extra=facts)


def _forget(waiting: deque[tuple[Fit, Outcome]]) -> None:
    while waiting:
        waiting.popleft()[1].cancel()
