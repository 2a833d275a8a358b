"""A gunicorn worker that senders cannot keep busy by being slow.

gunicorn's threaded worker gives a connection to a thread as soon as it stands, and the thread then waits
for the request: as many slow senders as there are threads, and nobody is answered. Here the main loop
collects the head of each request, for as many connections as there are descriptors, and a thread gets one
whose head is complete. `/ping` has threads of its own, so that uploads, however many, never keep it waiting.

Connections that send nothing, or too little, end after a while; where there are too many the oldest go first.
"""

from __future__ import annotations

import contextlib
import errno
import resource
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import TConn, ThreadWorker

_HEAD_BYTES = 64 << 10
"""Longest head of a request. gunicorn's own limits, on lines and their number, hold within."""
_HEAD_SECONDS = 10.0
"""Time for a head, from its first byte; a connection without one may idle as long as a kept one."""
_LAST_SECONDS = 2.0
"""What is left to a head when the service stops, and to a sender that has its answer."""
_MOST_DESCRIPTORS = 16_384
_SPARE_DESCRIPTORS = 256
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PING = b"GET /ping "
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class _Head:
    """What has arrived of a request, and until when the rest may."""

    deadline: float
    data: bytearray = field(default_factory=bytearray)


class HeadFirstWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """See the module. Everything but `handle` runs in the main loop, and never waits there."""

    def init_process(self) -> None:
        """Make room for connections before the first is accepted."""
        allowed = _raised_limit() - _SPARE_DESCRIPTORS
        self.worker_connections: int = max(min(self.cfg.worker_connections, allowed), self.cfg.threads + 1)
        self.max_keepalived = self.worker_connections - self.cfg.threads
        self._heads: dict[TConn, _Head] = {}
        self._leaving: dict[TConn, float] = {}
        self._with_body: set[TConn] = set()
        self._pings = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ping")
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection and wait for its request without a thread."""
        if self.nr_conns >= self.worker_connections - 1:
            self._drop_oldest()
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _FULL:
                self._drop_oldest()
                return
            if error.errno in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                return
            raise
        self.nr_conns += 1
        self._await_head(TConn(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """A kept connection brings the first bytes of a further request."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """A kept connection has brought bytes of a further request together with the last one."""
        conn.sock.setblocking(False)
        self._await_head(conn, conn.parser.unreader.take_buffered())

    def murder_pending(self) -> None:
        """End connections whose time is over."""
        now = time.monotonic()
        for conn, deadline in list(self._leaving.items()):
            if deadline <= now:
                self._leave(conn)
        for conn, head in list(self._heads.items()):
            if not self.alive:
                head.deadline = min(head.deadline, now + (_LAST_SECONDS if head.data else 0.0))
            if head.deadline <= now:
                self._give_up(conn)

    def finish_request(self, conn: TConn, done: Future[Any]) -> None:
        """A connection with its request answered: kept, or left without waiting for its sender to leave."""
        kept = not done.cancelled() and done.exception() is None and bool(done.result())
        if kept:
            super().finish_request(conn, done)
            return
        # closed at once, with bytes of its sender unread, it would take the answer with it
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        self._leaving[conn] = time.monotonic() + _LAST_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))

    def _await_head(self, conn: TConn, data: bytes = b"") -> None:
        self._heads[conn] = _Head(time.monotonic() + self.cfg.keepalive)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._readable, conn))
        if data:
            self._take(conn, data)

    def _readable(self, conn: TConn, client: socket.socket) -> None:
        data = _received(client)
        if data:
            self._take(conn, data)
        elif data is not None:
            self._give_up(conn)

    def _discard(self, conn: TConn, client: socket.socket) -> None:
        if _received(client) == b"":
            self._leave(conn)

    def _leave(self, conn: TConn) -> None:
        del self._leaving[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _take(self, conn: TConn, data: bytes) -> None:
        head = self._heads[conn]
        if not head.data:
            head.deadline = time.monotonic() + _HEAD_SECONDS
        # an end that is split between two pieces lies within three bytes before the second
        searched = max(len(head.data) - 3, 0)
        head.data += data
        end = head.data.find(b"\r\n\r\n", searched)
        if end >= 0:
            self._submit(conn, bytes(head.data), head_bytes=end)
        elif len(head.data) > _HEAD_BYTES:
            self._refuse_long(conn)

    def _submit(self, conn: TConn, data: bytes, *, head_bytes: int) -> None:
        self._forget(conn)
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        conn.parser.unreader.unread(data)
        conn.data_ready = True
        lower = data[:head_bytes].lower()
        if b"\ncontent-length:" in lower or b"\ntransfer-encoding:" in lower:
            self._with_body.add(conn)
        # a body that was never read is read before the next request, which may take its time
        own = data.startswith(_PING) and conn not in self._with_body
        submit: Callable[..., Future[Any]] = (self._pings if own else self.tpool).submit
        submit(self.handle, conn).add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def _refuse_long(self, conn: TConn) -> None:
        with contextlib.suppress(OSError):
            conn.sock.send(_TOO_LONG)
        self._give_up(conn)

    def _drop_oldest(self) -> None:
        """End the connection that has waited longest with nothing, or little, to show for it."""
        if self._heads:
            self._give_up(next(iter(self._heads)))
        elif self.keepalived_conns:
            conn = self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self._close(conn)

    def _give_up(self, conn: TConn) -> None:
        self._forget(conn)
        self._close(conn)

    def _forget(self, conn: TConn) -> None:
        del self._heads[conn]
        self.poller.unregister(conn.sock)

    def _close(self, conn: TConn) -> None:
        self._with_body.discard(conn)
        self.nr_conns -= 1
        conn.close()


def _received(client: socket.socket) -> bytes | None:
    """What has arrived; nothing where the sender has left, None where it has not sent anything yet."""
    try:
        return client.recv(_HEAD_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _raised_limit() -> int:
    """How many descriptors this process may have, after asking for as many as it may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
