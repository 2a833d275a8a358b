"""Whether the sender of a request still listens."""

from __future__ import annotations

import select
import socket

from flask import Request

# Linux's own; it tells an end of the connection apart from further requests that wait in it.
_ENDED = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Sender:
    """Who sent a request, for as long as the connection stands.

    Set, as a `sandbox.watch.Cancellation`, once it has hung up. A sender that closes its own half
    counts as gone, as it does for the proxies in front of most services.
    """

    def __init__(self, request: Request) -> None:
        connection = request.environ.get("gunicorn.socket")
        self._poll: select.poll | None = None
        if isinstance(connection, socket.socket) and connection.fileno() >= 0:
            self._poll = select.poll()
            self._poll.register(connection, _ENDED)

    def is_set(self) -> bool:
        """Whether it has hung up; never, where the server does not show its connections."""
        return self._poll is not None and bool(self._poll.poll(0))
