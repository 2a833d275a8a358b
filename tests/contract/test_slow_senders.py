"""Senders that are slow, silent or odd take nothing from others, and least of all `/ping`."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack, closing, contextmanager

import pytest
from served import PATIENCE, running, wait_until

HOST = b"Host: x\r\n"
PING = b"GET /ping HTTP/1.1\r\n" + HOST + b"\r\n"
UPLOAD = b"POST /invocations HTTP/1.1\r\n" + HOST + b"Content-Type: application/zip\r\n"
MANY = 60  # more than the service has threads, several times over


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("slow")) as up:
        yield up


@contextmanager
def connections(server, count, beginning):
    """So many connections that have sent a beginning, and now wait."""
    with ExitStack() as stack:
        yield [stack.enter_context(connected(server, beginning)) for _ in range(count)]


@contextmanager
def connected(server, beginning=b""):
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)) as connection:
        connection.sendall(beginning)
        yield connection


def answer(connection):
    """What comes until the connection ends or the first answer without a body is complete."""
    received = b""
    while not received.endswith(b"\r\n\r\n") and (data := connection.recv(65_536)):
        received += data
    return received


def others_are_answered(server, *, uploads=True):
    """While the slow ones wait, which they would do for much longer than this client does."""
    with closing(server.connect(timeout=4.0)) as connection:
        connection.request("GET", "/ping")
        assert connection.getresponse().status == 200
    if uploads:
        assert server.invoke().status == 200


@pytest.mark.parametrize(
    "beginning", [b"", b"P", b"GET /ping HTTP/1.1\r\nX-A", UPLOAD, UPLOAD + b"X: " + b"a" * 60_000]
)
def test_heads_that_do_not_end(server, beginning):
    with connections(server, MANY, beginning):
        others_are_answered(server)
    others_are_answered(server)


@pytest.mark.parametrize("body", [b"", b"PK"])
def test_bodies_that_do_not_end_keep_no_ping_waiting(server, body):
    with connections(server, MANY, UPLOAD + b"Content-Length: 1000000\r\n\r\n" + body):
        others_are_answered(server, uploads=False)
    wait_until(lambda: server.invoke().status == 200)  # those that are gone have to be found out


def test_pings_with_bodies_that_do_not_end_keep_no_ping_waiting(server):
    begun = PING.replace(b"\r\n\r\n", b"\r\nContent-Length: 1000\r\n\r\n")
    with connections(server, MANY, begun + b"x") as slow:
        others_are_answered(server, uploads=False)
        for connection in slow[:4]:
            connection.sendall(PING)  # inside the body that was announced
        others_are_answered(server, uploads=False)


def test_more_connections_than_the_usual_limit_of_descriptors(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1_500
    if hard != resource.RLIM_INFINITY and hard < 2 * wanted:
        pytest.skip("needs more descriptors than this machine gives")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * wanted), hard))
    try:
        with connections(server, wanted, b""):
            others_are_answered(server)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_head_in_single_bytes_is_a_request(server):
    with connected(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PING:
            connection.sendall(bytes([byte]))
        assert answer(connection).startswith(b"HTTP/1.1 200 ")


def test_a_kept_connection_takes_further_requests_in_pieces(server):
    with connected(server) as connection:
        for cut in (0, 1, 10, len(PING) - 1):
            connection.sendall(PING[:cut])
            connection.sendall(PING[cut:])
            assert answer(connection).startswith(b"HTTP/1.1 200 ")


def test_requests_that_come_together_are_all_answered(server):
    with connected(server, 3 * PING + PING[:9]) as connection:
        received = b""
        while received.count(b"HTTP/1.1 200 ") < 3 and (data := connection.recv(65_536)):
            received += data
        connection.sendall(PING[9:])
        assert answer(connection).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_comes_with_its_head_or_after_it_is_whole(server):
    for pieces in ([b"echo abc"], [b"", b"echo abc"], [b"ec", b"ho abc"]):
        head = UPLOAD + b"Accept: application/json\r\nContent-Length: 8\r\nConnection: close\r\n\r\n"
        with connected(server, head + pieces[0]) as connection:
            for piece in pieces[1:]:
                connection.sendall(piece)
            received = b""
            while data := connection.recv(65_536):
                received += data
            assert b'"size": 8' in received


def test_a_head_without_end_is_refused(server):
    with connected(server, PING[:-2] + b"X: " + b"a" * (64 << 10)) as connection:
        assert answer(connection).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("sent", [b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"])
def test_what_is_no_request_ends_its_connection_alone(server, sent):
    with connected(server, sent) as connection:
        connection.shutdown(socket.SHUT_WR)
        answer(connection)
    others_are_answered(server)


def test_a_sender_that_leaves_in_the_middle_of_a_head_leaves_nothing(server):
    for _ in range(MANY):
        with connected(server, PING[:20]):
            pass
    others_are_answered(server)
