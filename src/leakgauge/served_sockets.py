"""Sockets whose other ends sandboxed processes hold, each served in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Final

_ENDING_SECONDS: Final = 5.0


class ServedSockets:
    """Serves sockets until they close, or all are closed from here.

    Parameters
    ----------
    name
        of the threads.
    serve
        what a thread does; it takes the socket over.
    """

    def __init__(self, name: str, serve: Callable[[socket.socket], None]) -> None:
        self._name = name
        self._serve = serve
        self._serving: list[tuple[threading.Thread, socket.socket]] = []

    def attach(self, connection: socket.socket) -> None:
        """Serve whoever holds the other end, until it closes. Takes the socket over."""
        thread = threading.Thread(target=self._serve, args=(connection,), name=self._name, daemon=True)
        thread.start()
        self._serving.append((thread, connection))

    def close(self) -> None:
        """Break every conversation off, and wait a while for the threads."""
        for thread, connection in self._serving:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(_ENDING_SECONDS)
