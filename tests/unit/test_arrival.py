"""Where a request ends, and how slow it may be."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser

from leakgauge.errors import LimitExceeded
from leakgauge.service.arrival import Arrival, Chunks
from leakgauge.service.connection import Connection, Pace

HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"
NEXT = b"GET /ping HTTP/1.1\r\n"


@pytest.fixture
def arriving():
    """Makes arrivals by their headers, and closes them in the end."""
    with ExitStack() as stack:

        def made(headers, *, limit=1_000_000):
            arrival = Arrival(HEAD + headers + b"\r\n", limit=limit, pace=Pace(1.0, 1.0))
            stack.callback(arrival.close)
            return arrival

        yield made


def read_by_gunicorn(arrival):
    """The body as gunicorn's parser reads it, and whether it read all that was kept."""
    arrival.rewind()
    parser = get_parser(Config(), arrival, ("127.0.0.1", 1))
    body = next(parser).body.read()
    return body, arrival.used_up and not parser.unreader.take_buffered()


@pytest.mark.parametrize(
    ("headers", "body", "content"),
    [
        (b"", b"", b""),
        (b"Content-Length: 0\r\n", b"", b""),
        (b"content-length:5\r\n", b"hello", b"hello"),
        (b"Content-Length: \t 005\r\n", b"hello", b"hello"),
        (b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b""),
        (b"TRANSFER-ENCODING: Chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"Transfer-Encoding: chunked\r\n", b"2;a=b\r\n\r\n\r\n03;c\r\n\n0\r\r\n0\r\n\r\n", b"\r\n\n0\r"),
        (b"Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n00\r\nA: b\r\nC: d\r\n\r\n", b"x"),
        (b"Transfer-Encoding: chunked\r\n", b"A\r\n0\r\n\r\n12345\r\n0\r\n\r\n", b"0\r\n\r\n12345"),
    ],
)
def test_a_request_ends_where_gunicorn_ends_it_however_it_is_cut(arriving, headers, body, content):
    rng = random.Random(0)
    for _ in range(50):
        arrival = arriving(headers)
        left = body + NEXT
        rest = arrival.add(b"")
        while not arrival.complete:
            size = rng.randint(1, 4)
            rest, left = arrival.add(left[:size]), left[size:]
        assert arrival.whole
        assert rest + left == NEXT
        assert read_by_gunicorn(arrival) == (content, True)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: +5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: " + b"9" * 5_000 + b"\r\n",
        b"Content-Length: \xb2\r\n",
        b"Content-Length:\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"X: y\ncontent-length: 5\r\nContent-Length: 7\r\n",
    ],
)
def test_no_end_is_waited_for_where_none_can_be_known(arriving, headers):
    arrival = arriving(headers)
    assert arrival.complete
    assert not arrival.whole
    assert arrival.add(NEXT) == NEXT


@pytest.mark.parametrize(
    "line", [b"zz\r\n", b"\r\n", b"-5\r\n", b"0x5\r\n", b"1" * 17 + b"\r\n", b"5;" + b"a" * 9_000]
)
def test_chunks_that_are_none_are_not_waited_for(arriving, line):
    arrival = arriving(b"Transfer-Encoding: chunked\r\n")
    arrival.add(line)
    assert arrival.complete
    assert not arrival.whole


@pytest.mark.parametrize("content", [b"a", b"a" * 100])
def test_framing_of_chunks_is_limited_and_content_is_not(content):
    chunk = b"%x\r\n%s\r\n" % (len(content), content)
    framing = Chunks()

    def endless():
        for _ in range(1_000):
            framing.take(1_000 * chunk)

    with pytest.raises(LimitExceeded) as raised:
        endless()
    assert raised.value.problem == "chunks"
    assert framing.content <= len(content) << 20


def test_more_than_the_limit_is_not_waited_for(arriving):
    assert arriving(b"Content-Length: 11\r\n", limit=10).complete
    assert not arriving(b"Content-Length: 10\r\n", limit=10).complete
    arrival = arriving(b"Transfer-Encoding: chunked\r\n", limit=10)
    arrival.add(b"ffffffffffffffff\r\n" + b"x" * 10)
    assert not arrival.complete
    arrival.add(b"x")
    assert arrival.complete
    assert not arrival.whole


def test_a_pace_is_broken_by_silence_and_by_too_few_bytes():
    pace = Pace(silent=10.0, rate=100.0, begun=1_000.0, last=1_000.0)
    assert pace.deadline == 1_010.0
    pace.moved, pace.last = 500, 1_009.0  # worth five seconds
    assert pace.deadline == 1_015.0
    pace.moved, pace.last = 50_000, 1_100.0
    assert pace.deadline == 1_110.0


def test_a_connection_keeps_what_nobody_takes():
    ours, theirs = socket.socketpair()
    with Connection(ours) as connection, theirs:
        connection.setblocking(False)
        sent = bytes(range(256)) * 40_000
        connection.sendall(sent[:1_000])
        assert connection.send(sent[1_000:]) == len(sent) - 1_000
        passed, received = connection.flush(), b""
        assert 0 < passed < len(sent)
        while len(received) < len(sent):
            received += theirs.recv(1 << 20)
            connection.flush()
        assert received == sent
        assert not connection.unsent
        theirs.close()
        connection.sendall(b"x")
        with pytest.raises(OSError):  # noqa: PT011 - which one the system chooses
            connection.flush()
