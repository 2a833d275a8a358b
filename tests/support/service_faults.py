"""Faults of services, to be switched on one by one; `services.py` has the services.

A fault does one of three things: it says something in place of an answer (`instead`), it changes the answers
(`changed`), or it spoils the bytes on their way (`spoiled`).
"""

from __future__ import annotations

import gzip
import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flask import Response


class Fault:
    """Nothing goes wrong."""

    def instead(self, request_number: int) -> Response | None:
        """What is said in place of an answer to the request of this number, from 0; None: an answer."""
        return None

    def changed(self, answers: Any) -> Any:
        """The (n, k) answers, or what stands in their place."""
        return answers

    def spoiled(self, body: bytes, response: Response) -> Response:
        """The response that carries these bytes."""
        return response


@dataclass
class Says(Fault):
    """Another status for some requests: all of them, or those of certain numbers."""

    status: int
    at: Iterable[int] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": "no"}'

    def instead(self, request_number):
        if self.at is not None and request_number not in self.at:
            return None
        return Response(self.body, status=self.status, headers=self.headers, content_type="application/json")


def too_many(at=None, *, retry_after=None):
    """429, with or without Retry-After."""
    return Says(429, at, {} if retry_after is None else {"Retry-After": str(retry_after)})


def redirected(to, status=307, at=None):
    """Sent elsewhere, with the method and the body kept."""
    return Says(status, at, {"Location": to})


@dataclass
class Slow(Fault):
    """Answers after a while."""

    seconds: float
    at: Iterable[int] | None = None

    def instead(self, request_number):
        if self.at is None or request_number in self.at:
            time.sleep(self.seconds)


@dataclass
class Changed(Fault):
    """Other answers: `change` is a function of the (n, k) probabilities."""

    change: Any

    def changed(self, answers):
        return self.change(answers)


def with_value(value):
    """One of the numbers is no probability."""

    def change(answers):
        spoiled = answers.astype(float)
        spoiled[len(answers) // 2, 0] = value
        return spoiled

    return Changed(change)


def _top(answers, k):
    kept = np.argsort(-answers, axis=1, kind="stable")[:, :k]
    mask = np.zeros(answers.shape, dtype=bool)
    np.put_along_axis(mask, kept, values=True, axis=1)
    return np.where(mask, answers, 0.0)


def top(k):
    """All but the k likeliest are 0."""
    return Changed(lambda answers: _top(answers, k))


def rounded(decimals):
    return Changed(lambda answers: answers.round(decimals))


def labels(classes=None):
    """Labels for probabilities: positions, or names of classes."""

    def change(answers):
        positions = answers.argmax(axis=1)
        return positions if classes is None else np.asarray(classes)[positions]

    return Changed(change)


def noisy(scale=0.01, seed=0):
    """Answers that change from call to call."""
    rng = np.random.default_rng(seed)

    def change(answers):
        moved = np.clip(answers + rng.normal(0, scale, answers.shape), 1e-6, None)
        return moved / moved.sum(axis=1, keepdims=True)

    return Changed(change)


WRONG_SHAPES = {
    "a_row_less": lambda answers: answers[:-1],
    "a_row_more": lambda answers: np.concatenate([answers, answers[:1]]),
    "a_column_less": lambda answers: answers[:, :-1],
    "a_column_more": lambda answers: np.column_stack([answers, answers[:, :1]]),
    "no_rows": lambda answers: answers[:0],
    "an_axis_more": lambda answers: answers[:, :, None],
    "turned": lambda answers: answers.T,
    "one_number": lambda answers: answers[:1, :1],
}


@dataclass
class Spoiled(Fault):
    """Other bytes: `change` is a function of the bytes of the answer."""

    change: Any
    headers: dict[str, str] = field(default_factory=dict)

    def spoiled(self, body, response):
        response.set_data(self.change(body))
        response.headers.update(self.headers)
        return response


BAD_BODIES = {
    "empty": lambda body: b"",
    "half": lambda body: body[: len(body) // 2],
    "html": lambda body: b"<html>Service unavailable</html>",
    "null": lambda body: b"null",
    "a_number": lambda body: b"1",
    "a_string": lambda body: b'"predictions"',
    "an_empty_object": lambda body: b"{}",
    "an_empty_list": lambda body: b"[]",
    "deep": lambda body: b"[" * 100_000 + b"]" * 100_000,
    "not_utf8": lambda body: b'{"predictions": [[\xff\xfe]]}',
    "a_long_integer": lambda body: b'{"predictions": [[' + b"9" * 100_000 + b"]]}",
    "bytes_behind_it": lambda body: body + b"{}",
    "zeros": lambda body: bytes(1000),
}
"""What is no answer in any protocol but that of CSV."""


def compressed():
    """An answer of a few kilobytes that unpacks to many megabytes."""
    packed = gzip.compress(bytes(1 << 20), mtime=0) * 200
    return Spoiled(lambda _body: packed, {"Content-Encoding": "gzip"})


@dataclass
class Endless(Fault):
    """A body that never ends: as fast as it is read, or a byte in a while."""

    seconds_a_piece: float = 0.0
    piece: bytes = b" " * 65536
    at: Iterable[int] | None = None
    sent: int = 0

    def instead(self, request_number):
        if self.at is not None and request_number not in self.at:
            return None
        return Response(self._pieces(), content_type="application/json")

    def _pieces(self) -> Iterator[bytes]:
        for _ in itertools.count():
            self.sent += len(self.piece)
            yield self.piece
            time.sleep(self.seconds_a_piece)


def dripping(seconds=0.05):
    """A byte in a while, for ever."""
    return Endless(seconds, b" ")


@dataclass
class Dropped(Fault):
    """The connection is dropped: before the answer, or in the middle of its body."""

    in_body: bool
    at: Iterable[int] | None = None

    def due(self, request_number):
        return self.at is None or request_number in self.at


@dataclass
class Raw(Fault):
    """These very bytes in place of an answer, again and again if need be; then the connection ends."""

    said: bytes
    goes_on: bool = False


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BAD_HTTP = {
    "no_http": Raw(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "nothing": Raw(b""),
    "half_a_head": Raw(_HEAD),
    "a_status_of_text": Raw(b"HTTP/1.1 OK OK\r\n\r\n"),
    "a_status_out_of_range": Raw(b"HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\n{}"),
    "a_length_below_zero": Raw(_HEAD + b"Content-Length: -5\r\n\r\n{}"),
    "a_length_of_text": Raw(_HEAD + b"Content-Length: many\r\n\r\n{}"),
    "two_lengths": Raw(_HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a_length_that_is_not_kept": Raw(_HEAD + b"Content-Length: 900\r\n\r\n{}"),
    "a_huge_length": Raw(_HEAD + b"Content-Length: 99999999999999999999\r\n\r\n{}"),
    "a_chunk_of_no_size": Raw(_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "chunks_without_an_end": Raw(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    "a_long_header": Raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"),
    "many_headers": Raw(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 10_000 + b"\r\n"),
    "headers_without_an_end": Raw(b"X: a\r\n" * 1000, goes_on=True),
    "continue_without_an_end": Raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, goes_on=True),
    "a_switch_of_protocols": Raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00"),
}
"""What is not HTTP, or hardly."""
