"""Callers that are slow, silent or odd take nothing from others, and least of all `/ping`."""

from __future__ import annotations

import resource
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from callers import (
    HOST,
    PING,
    UPLOAD,
    answer,
    code_of,
    connected,
    connections,
    everything,
    others_are_answered,
)
from served import running, wait_until
from served_app import LARGE

MANY = 60  # more than the service has threads, several times over


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("slow"), SAGEMAKER_MAX_PAYLOAD_IN_MB="5") as up:
        yield up


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A server that waits for nobody for long."""
    hurry = {"LEAKGAUGE_HEAD_SECONDS": "1", "LEAKGAUGE_SILENT_SECONDS": "2"}
    with running(tmp_path_factory.mktemp("hasty"), LEAKGAUGE_LEAST_BYTES_PER_SECOND="1000", **hurry) as up:
        yield up


@contextmanager
def many_descriptors(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * wanted:
        pytest.skip("needs more descriptors than this machine gives")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def dripping(connection, piece, seconds=0.05):
    """Somebody who goes on sending `piece` after `piece` until the connection ends."""
    done = threading.Event()

    def drip():
        try:
            while not done.wait(seconds):
                connection.sendall(piece)
        except OSError:
            pass

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


# --- slow ones take nothing from others ------------------------------------------------------------------


@pytest.mark.parametrize(
    "beginning", [b"", b"P", b"GET /ping HTTP/1.1\r\nX-A", UPLOAD, UPLOAD + b"X: " + b"a" * 60_000]
)
def test_heads_that_do_not_end(server, beginning):
    with connections(server, MANY, beginning):
        others_are_answered(server)
    others_are_answered(server)


@pytest.mark.parametrize(
    "begun",
    [
        b"Content-Length: 1000000\r\n\r\n",
        b"Content-Length: 1000000\r\n\r\nPK",
        b"Content-Length: 1000000\r\n\r\n" + bytes(100_000),
        b"Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nech",
        b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nPK",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nP\r\n0\r\nX-Trailer: a",
    ],
)
def test_bodies_that_do_not_end(server, begun):
    with connections(server, MANY, UPLOAD + begun):
        others_are_answered(server)
    others_are_answered(server)


def test_pings_with_bodies_that_do_not_end(server):
    begun = PING.replace(b"\r\n\r\n", b"\r\nContent-Length: 1000\r\n\r\n")
    with connections(server, MANY, begun + b"x") as slow:
        others_are_answered(server)
        for connection in slow[:4]:
            connection.sendall(PING)  # inside the body that was announced
        others_are_answered(server)


def test_answers_that_nobody_takes(server):
    large = b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n"
    with connections(server, MANY, large):
        others_are_answered(server)
    others_are_answered(server)


def test_pings_whose_answers_nobody_takes(server):
    with ExitStack() as stack:
        for _ in range(4):
            connection = stack.enter_context(connected(server))
            connection.setblocking(False)
            try:
                while True:  # until neither side takes any more
                    connection.send(1_000 * PING)
            except BlockingIOError:
                pass
            others_are_answered(server)


def test_slow_ones_of_every_kind_and_two_thousand_idle_ones_together(server):
    with (
        many_descriptors(2_100),
        connections(server, 24, UPLOAD + b"X-A"),
        connections(server, 24, UPLOAD + b"Content-Length: 1000000\r\n\r\nPK"),
        connections(server, 2_000, b""),
    ):
        for _ in range(5):
            others_are_answered(server)
    others_are_answered(server)


def test_more_connections_than_a_service_with_few_descriptors_can_hold(tmp_path):
    few = ["sh", "-c", 'ulimit -n 1024; exec "$@"', "sh"]
    bodies = UPLOAD + b"Content-Length: 1000000\r\n\r\n" + bytes(20_000)
    with many_descriptors(1_600), running(tmp_path, under=few) as server:
        for beginning in (b"", b"P", bodies):
            with connections(server, 1_500, beginning):
                others_are_answered(server)
            others_are_answered(server)


def test_slow_ones_do_not_keep_a_service_from_ending(tmp_path):
    with ExitStack() as stack, running(tmp_path) as server:
        for beginning in (b"", b"P", UPLOAD, UPLOAD + b"Content-Length: 9\r\n\r\nP"):
            begun = stack.enter_context(connections(server, 3, beginning))
        others_are_answered(server)
        server.process.terminate()
        assert code_of(everything(begun[0])) == "busy.shutting_down"


# --- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [b"G", UPLOAD + b"X: "])
def test_a_head_has_a_deadline_that_single_bytes_do_not_move(hasty, head):
    with connected(hasty, head) as connection, dripping(connection, b"a"):
        answered = answer(connection)
        assert answered.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("length", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
def test_a_body_may_not_pause_for_long(hasty, length):
    with connected(hasty, UPLOAD + length + b"\r\n\r\n") as connection:
        answered = everything(connection)
        assert answered.startswith(b"HTTP/1.1 408 ")
        assert code_of(answered) == "http.request_timeout"


@pytest.mark.parametrize(
    ("length", "piece"),
    [(b"Content-Length: 1000000", b"a"), (b"Transfer-Encoding: chunked", b"1\r\na\r\n")],
)
def test_a_body_has_a_least_rate(hasty, length, piece):
    with connected(hasty, UPLOAD + length + b"\r\n\r\n") as connection, dripping(connection, piece):
        assert answer(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_above_the_least_rate_takes_the_time_that_it_needs(hasty):
    content = b"echo ".ljust(15_000)
    head = UPLOAD + b"Accept: application/json\r\nConnection: close\r\nContent-Length: 15000\r\n\r\n"
    with connected(hasty, head) as connection:
        for start in range(0, len(content), 500):  # five thousand bytes a second, for longer than a pause
            connection.sendall(content[start : start + 500])
            time.sleep(0.1)
        assert b'"size": 15000' in everything(connection)


def test_an_answer_that_nobody_takes_is_given_up(hasty):
    def kept(ours):
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(row[2].endswith(f":{ours:04X}") and row[3] == "01" for row in rows)  # established

    with connected(hasty, b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n") as connection:
        size = len(connection.recv(1_000))
        ours = connection.getsockname()[1]
        assert kept(ours)
        wait_until(lambda: not kept(ours))
        with suppress(ConnectionResetError):
            while data := connection.recv(65_536):
                size += len(data)
        assert size < LARGE


def test_tiny_chunks_have_a_limit(server):
    with connected(server, UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n") as connection:
        with dripping(connection, b"1\r\na\r\n" * 20_000, seconds=0):
            answered = answer(connection)
        assert answered.startswith(b"HTTP/1.1 413 ")
    others_are_answered(server)


def test_tiny_chunks_of_a_small_body_are_read(server):
    body = b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in b"echo abc")
    head = UPLOAD + b"Accept: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(server, head + body + b"0\r\nX-Trailer: a\r\n\r\n") as connection:
        assert b'"size": 8' in everything(connection)
