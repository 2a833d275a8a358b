"""A gunicorn worker that callers cannot keep busy by being slow.

gunicorn's threaded worker gives a connection to a thread as soon as it stands. The thread then waits for
the request and for the receiver of its answer: as many slow callers as there are threads, and nobody is
answered. Here no thread ever waits for a caller. The main loop collects the head of each request, a few
helpers take its body, and a thread gets it when it is whole (`arrival`). What the thread answers is passed
on by the main loop (`connection`). `/ping` has threads of its own, so that audits never keep it waiting.

Connections that send nothing, or too little, or that do not take their answer, end after a while; where
there are too many, or they fill too much disk or memory, the oldest go first.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import selectors
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from gunicorn import http
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from leakgauge.errors import Busy, LeakgaugeError
from leakgauge.service.arrival import Arrival
from leakgauge.service.connection import Connection, Pace, raised_limit
from leakgauge.service.error_handlers import raw_answer, unexpected
from leakgauge.service.settings import Settings

_log = logging.getLogger(__name__)

_HEAD_BYTES = 64 << 10
"""Longest head of a request. gunicorn's own limits, on lines and their number, hold within."""
_LAST_SECONDS = 2.0
"""What is left, when the service stops, to a request that has begun and to a sender that has its answer."""
_LINGER_SECONDS = 5.0
"""What is left to a sender that has its answer, and may still be busy sending."""
_LOOK_SECONDS = 0.2
"""How often the connections whose time is over are looked for."""
_SPARE_DESCRIPTORS = 256
_MOST_UNSENT_BYTES = 256 << 20
"""Answers that wait in memory for their receivers, together."""
_SWITCH_SECONDS = 0.001
"""How long a thread that computes, on a body in small chunks for example, keeps the main loop waiting."""
_READ_AHEAD = 1 << 10
"""Bytes of content that gunicorn's reader of a body takes beyond those it is asked for. One that is too long
by less must be here as far as that, or as far as it goes; else it would be taken for one that was cut off."""
_BODY_THREADS = 2
_PING_THREADS = 2
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PING = b"GET /ping "
_STATUS: dict[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.ParseException: HTTPStatus.BAD_REQUEST,
}
"""What gunicorn's parser finds wrong; the first row that fits."""
_CROWDED = Busy(
    "connections",
    "So many requests arrive slowly that the oldest of them had to give way.",
    hint="Send the request again, on a faster line or with a smaller bundle.",
    details={"retry_after": 10},
)


_ENDING = Busy(
    "shutting_down",
    "The service is being stopped, and the request had not arrived by then.",
    hint="Send the request again, to the service that takes its place.",
    details={"retry_after": 10},
)


@dataclass(slots=True)
class _Head:
    """What has arrived of a head, and until when the rest may."""

    deadline: float
    data: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class _Answer:
    """An answer that its receiver has not taken yet, and whether a further request may follow it."""

    pace: Pace
    keep: bool


class WholeRequestWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """See the module. All but `handle` and `Arrival.receive` runs in the main loop, which never waits."""

    def init_process(self) -> None:
        """Make room for connections before the first is accepted."""
        self._settings = settings = Settings.from_environment()
        # a connection needs a second descriptor for a body that does not fit into memory
        allowed = (raised_limit() - _SPARE_DESCRIPTORS) // 2
        self.worker_connections: int = max(min(self.cfg.worker_connections, allowed), self.cfg.threads + 1)
        self._most_spooled = (settings.slots + settings.queue + 2) * settings.max_payload_bytes
        self._spooled = 0
        self._looked = 0.0
        self._heads: dict[TConn, _Head] = {}
        self._bodies: dict[TConn, Arrival] = {}
        self._handled: dict[TConn, Arrival] = {}
        self._answers: dict[TConn, _Answer] = {}
        self._leaving: dict[TConn, float] = {}
        self._bodies_pool = ThreadPoolExecutor(_BODY_THREADS, thread_name_prefix="body")
        self._pings_pool = ThreadPoolExecutor(_PING_THREADS, thread_name_prefix="ping")
        sys.setswitchinterval(_SWITCH_SECONDS)
        super().init_process()

    # --- coming -----------------------------------------------------------------------------------------

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
        self._await_head(TConn(self.cfg, Connection(client), address, listener.getsockname()))

    def _await_head(self, conn: TConn) -> None:
        self._heads[conn] = _Head(time.monotonic() + self.cfg.keepalive)
        self._watch(conn, selectors.EVENT_READ, self._more_of_a_head)
        if conn.sock.rest:
            data, conn.sock.rest = conn.sock.rest, b""
            self._take(conn, data)

    def _more_of_a_head(self, conn: TConn) -> None:
        if conn not in self._heads:  # dropped since the poller told of it, as in those that follow
            return
        data = _received(conn.sock)
        if data:
            self._take(conn, data)
        elif data is not None:
            self._close(conn)

    def _take(self, conn: TConn, data: bytes) -> None:
        head = self._heads[conn]
        if not head.data:
            conn.sock.begun = time.monotonic()
            head.deadline = conn.sock.begun + self._settings.head_seconds
        # an end that is split between two pieces lies within three bytes before the second
        searched = max(len(head.data) - 3, 0)
        head.data += data
        end = head.data.find(b"\r\n\r\n", searched) + 4
        if end >= 4:
            self._await_body(conn, bytes(head.data[:end]), bytes(head.data[end:]))
        elif len(head.data) > _HEAD_BYTES:
            self._refuse(conn, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _await_body(self, conn: TConn, head: bytes, data: bytes) -> None:
        self._forget(conn)
        limit = self._settings.max_payload_bytes + _READ_AHEAD
        arrival = Arrival(head, limit=limit, pace=self._pace())
        self._bodies[conn] = arrival
        self._spooled += arrival.size
        conn.sock.rest = data
        if arrival.complete:
            self._submit(conn, own=head.startswith(_PING))
            return
        if arrival.expects_go_ahead and not data:
            conn.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            with contextlib.suppress(OSError):
                conn.sock.flush()
        if data:
            self._receive(conn)
        else:
            self._watch(conn, selectors.EVENT_READ, self._more_of_a_body)

    def _more_of_a_body(self, conn: TConn) -> None:
        if conn in self._bodies:
            self.poller.unregister(conn.sock)
            self._receive(conn)

    def _receive(self, conn: TConn) -> None:
        arrival = self._bodies[conn]
        arrival.under_way = True
        before = arrival.size
        self._bodies_pool.submit(arrival.receive, conn.sock).add_done_callback(
            lambda done: self.method_queue.defer(self._taken, conn, done, before)
        )

    def _taken(self, conn: TConn, done: Future[None], before: int) -> None:
        arrival = self._bodies[conn]
        arrival.under_way = False
        self._spooled += arrival.size - before
        error = done.exception()
        if isinstance(error, LeakgaugeError):
            self._refuse(conn, error)
        elif error is not None:
            self._close(conn)
        elif arrival.complete:
            self._submit(conn, own=False)
        elif arrival.pace.deadline <= time.monotonic():
            self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT)
        else:
            self._watch(conn, selectors.EVENT_READ, self._more_of_a_body)
            if self._spooled > self._most_spooled:
                self._drop_oldest_body()

    def _submit(self, conn: TConn, *, own: bool) -> None:
        arrival = self._bodies[conn]
        self._forget(conn, keep_body=True)
        self._handled[conn] = arrival
        arrival.rewind()
        conn.parser = http.get_parser(self.cfg, arrival, conn.client)
        conn.data_ready = True
        submit: Callable[..., Future[Any]] = (self._pings_pool if own else self.tpool).submit
        submit(self.handle, conn).add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """As gunicorn does, where what has been read is all that was sent."""
        req._expected_100_continue = False  # that has been answered before the body came
        if not self._handled[conn].whole:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def handle_error(self, req: Any, client: Connection, addr: Any, exc: BaseException) -> None:  # noqa: ARG002
        """Answer as every error is answered; gunicorn's own page and log repeat what the caller sent."""
        found = [status for kind, status in _STATUS.items() if isinstance(exc, kind)]
        status, code, answer = raw_answer(found[0] if found else unexpected(exc))
        _log.info("refused", extra={"code": code, "status": status})
        client.sendall(answer)

    # --- going ------------------------------------------------------------------------------------------

    def finish_request(self, conn: TConn, done: Future[Any]) -> None:
        """Pass on the answer of a thread, then wait for a further request, or leave."""
        arrival = self._handled.pop(conn)
        kept = not done.cancelled() and done.exception() is None and bool(done.result())
        # what gunicorn has not taken for this request would be taken for the next
        keep = kept and arrival.whole and arrival.used_up and not conn.parser.unreader.take_buffered()
        arrival.close()
        self._answer(conn, keep=keep)

    def _answer(self, conn: TConn, *, keep: bool) -> None:
        self._answers[conn] = _Answer(self._pace(), keep)
        try:
            conn.sock.setblocking(False)
            self._watch(conn, selectors.EVENT_WRITE, self._more_of_an_answer)
        except (OSError, ValueError):  # closed by gunicorn in a thread, which it does after errors
            self._close(conn)
            return
        self._more_of_an_answer(conn)
        while sum(len(other.sock.unsent) for other in self._answers) > _MOST_UNSENT_BYTES:
            self._close(next(iter(self._answers)))

    def _more_of_an_answer(self, conn: TConn) -> None:
        if conn not in self._answers:
            return
        answer = self._answers[conn]
        try:
            answer.pace.move(conn.sock.flush())
        except OSError:
            self._close(conn)
            return
        if conn.sock.unsent:
            return
        self._forget(conn)
        if answer.keep:
            self._await_head(conn)
        else:
            self._leave(conn)

    def _leave(self, conn: TConn) -> None:
        # closed at once, with bytes of its sender unread, it would take the answer with it
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        self._leaving[conn] = time.monotonic() + _LINGER_SECONDS
        self._watch(conn, selectors.EVENT_READ, self._discard)

    def _discard(self, conn: TConn) -> None:
        if conn in self._leaving and _received(conn.sock) == b"":
            self._close(conn)

    def _refuse(self, conn: TConn, error: LeakgaugeError | HTTPStatus) -> None:
        """Answer what no thread needs to see."""
        status, code, answer = raw_answer(error)
        _log.info("refused", extra={"code": code, "status": status})
        self._forget(conn)
        conn.sock.sendall(answer)
        self._answer(conn, keep=False)

    # --- ends that nobody asked for -----------------------------------------------------------------------

    def murder_pending(self) -> None:
        """End what takes too long."""
        now = time.monotonic()
        if now < self._looked + _LOOK_SECONDS:
            return
        self._looked = now
        for conn, head in list(self._heads.items()):
            if not self.alive:
                head.deadline = min(head.deadline, now + (_LAST_SECONDS if head.data else 0.0))
            if head.deadline <= now:
                self._end_slow(conn, begun=bool(head.data))
        for conn, arrival in list(self._bodies.items()):
            if not self.alive:
                arrival.pace.silent = min(arrival.pace.silent, _LAST_SECONDS)
            if arrival.pace.deadline <= now and not arrival.under_way:
                self._end_slow(conn, begun=True)
        late = [conn for conn, answer in self._answers.items() if answer.pace.deadline <= now]
        early = 0.0 if self.alive else _LINGER_SECONDS - _LAST_SECONDS
        late += [conn for conn, deadline in self._leaving.items() if deadline - early <= now]
        for conn in late:
            self._close(conn)

    def _end_slow(self, conn: TConn, *, begun: bool) -> None:
        if begun:
            self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT if self.alive else _ENDING)
        else:
            self._close(conn)

    def _drop_oldest(self) -> None:
        """End the connection that has waited longest with nothing, or little, to show for it."""
        for waiting in (self._leaving, self._heads):
            if waiting:
                self._close(next(iter(waiting)))
                return
        if not self._drop_oldest_body() and self._answers:
            self._close(next(iter(self._answers)))

    def _drop_oldest_body(self) -> bool:
        for conn, arrival in self._bodies.items():
            if not arrival.under_way:
                self._refuse(conn, _CROWDED)
                return True
        return False

    # --- the books ----------------------------------------------------------------------------------------

    def _pace(self) -> Pace:
        return Pace(self._settings.silent_seconds, self._settings.least_bytes_per_second)

    def _watch(self, conn: TConn, event: int, then: Callable[[TConn], None]) -> None:
        self.poller.register(conn.sock, event, lambda _socket: then(conn))

    def _forget(self, conn: TConn, *, keep_body: bool = False) -> None:
        """Wait for nothing of this connection any more."""
        for waiting in (self._heads, self._answers, self._leaving):
            waiting.pop(conn, None)
        arrival = self._bodies.pop(conn, None)
        if arrival is not None:
            self._spooled -= arrival.size
            if not keep_body:
                arrival.close()
        with contextlib.suppress(KeyError, ValueError, OSError):  # not watched at this moment, or closed
            self.poller.unregister(conn.sock)

    def _close(self, conn: TConn) -> None:
        self._forget(conn)
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
