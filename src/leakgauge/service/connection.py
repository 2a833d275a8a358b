"""The connection of a sender, for threads that must not wait for it."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PIECE = 256 << 10
_MOST_DESCRIPTORS = 16_384


class Connection(socket.socket):
    """A connection on which nobody waits: what is sent is kept until `flush` can pass it on.

    Parameters
    ----------
    accepted
        the socket as the listener gave it, which is used up.

    Attributes
    ----------
    unsent
        what has been sent and not yet passed on.
    rest
        what has arrived beyond the last request.
    begun
        when the first byte of the last request arrived, by `time.monotonic`.
    """

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        self.unsent = bytearray()
        self.rest = b""
        self.begun = time.monotonic()

    def sendall(self, data: Any, flags: int = 0, /) -> None:  # noqa: ARG002 - the signature of a socket
        """Keep `data` for `flush`."""
        self.unsent += data

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Keep `data` for `flush`; its length."""
        before = len(self.unsent)
        self.sendall(data, flags)
        return len(self.unsent) - before

    def flush(self) -> int:
        """Pass on as much as the receiver takes without waiting; how many bytes that was.

        Raises
        ------
        OSError
            where nobody receives any more.
        """
        passed = 0
        while self.unsent:
            try:
                count = super().send(self.unsent[:_PIECE])
            except BlockingIOError:
                break
            del self.unsent[:count]
            passed += count
        return passed


def begun(environ: Mapping[str, Any]) -> float:
    """When the first byte of a request arrived, by `time.monotonic`; now, where the server does not say."""
    connection = environ.get("gunicorn.socket")
    return connection.begun if isinstance(connection, Connection) else time.monotonic()


@dataclass(slots=True)
class Pace:
    """How slow a transfer may be.

    Attributes
    ----------
    silent
        seconds for which it may stop, and after which `rate` holds.
    rate
        bytes a second that must have been moved since the begin, on average.
    """

    silent: float
    rate: float
    moved: int = 0
    begun: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)

    def move(self, count: int) -> None:
        """Count `count` more bytes."""
        if count:
            self.moved += count
            self.last = time.monotonic()

    @property
    def deadline(self) -> float:
        """When it will have been too slow unless it goes on."""
        return min(self.last, self.begun + self.moved / self.rate) + self.silent


def raised_limit() -> int:
    """How many descriptors this process may have, after asking for as many as it may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
