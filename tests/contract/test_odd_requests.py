"""Requests that are odd, broken or more than one: each is answered as it should be."""

from __future__ import annotations

import socket

import pytest
from callers import HOST, PING, UPLOAD, answer, code_of, connected, everything, others_are_answered
from served import running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("odd"), SAGEMAKER_MAX_PAYLOAD_IN_MB="5") as up:
        yield up


def test_who_expects_a_go_ahead_gets_it_before_the_body(server):
    expecting = UPLOAD + b"Expect: 100-continue\r\nConnection: close\r\n"
    with connected(server, expecting + b"Content-Length: 5\r\n\r\n") as connection:
        assert answer(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"echo ")
        assert everything(connection).startswith(b"HTTP/1.1 200 ")
    with connected(server, expecting + b"Content-Length: 6000000\r\n\r\n") as connection:
        assert answer(connection).startswith(b"HTTP/1.1 413 ")


def test_nothing_in_a_body_is_taken_for_a_request(server):
    refused = UPLOAD + b"Content-Length: 99999999\r\n\r\n"
    twice = UPLOAD + b"Content-Length: 5\r\nContent-Length: 60\r\n\r\necho "
    both = UPLOAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    folded = UPLOAD + b"X: y\r\n Content-Length: 5\r\n\r\necho "
    for beginning in (refused, twice, both, folded):
        with connected(server, beginning + 3 * PING) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert everything(connection).count(b"HTTP/1.1 ") == 1


def test_what_follows_a_body_is_a_request(server):
    whole = UPLOAD + b"Content-Length: 5\r\n\r\necho "
    chunked = UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\necho \r\n0\r\n\r\n"
    with connected(
        server, whole + chunked + PING.replace(HOST, HOST + b"Connection: close\r\n")
    ) as connection:
        assert everything(connection).count(b"HTTP/1.1 200 ") == 3


def test_a_request_of_http_1_0(server):
    old = UPLOAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\necho "
    with connected(server, old) as connection:
        assert b" 200 OK" in everything(connection).splitlines()[0]


def test_nobody_is_upgraded_to_another_protocol(server):
    plain = b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    with connected(server, PING.replace(HOST, HOST + plain)) as connection:
        assert answer(connection).startswith(b"HTTP/1.1 200 ")
    key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    websocket = b"Connection: close\r\nUpgrade: websocket\r\n" + key
    with connected(server, PING.replace(HOST, HOST + websocket)) as connection:
        assert b" 101 " not in everything(connection).splitlines()[0]
    with connected(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") as connection:
        assert b" 400 " in everything(connection).splitlines()[0]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /alice=42 HTTP/9.9\r\n", 400),
        (b"alice=42\r\n", 400),
        (PING[:-2] + b"alice=42\r\n", 400),
        (PING[:-2] + b"X: y\r\n alice=42\r\n", 400),
        (PING[:-2] + b"Transfer-Encoding: alice=42\r\n", 501),
        (PING[:-2] + b"Content-Length: alice=42\r\n", 400),
        (PING[:-2] + b"Expect: alice=42\r\n", 417),
        (b"GET /?alice=42" + b"a" * 5_000 + b" HTTP/1.1\r\n", 414),
    ],
)
def test_a_request_that_cannot_be_read_is_answered_in_the_one_form_and_not_repeated(server, sent, status):
    with connected(server, sent + b"\r\n") as connection:
        answered = everything(connection)
    assert answered.startswith(b"HTTP/1.1 %d " % status)
    assert code_of(answered) == "http.bad_request"
    assert b"alice" not in answered
    assert "alice" not in server.log.read_text()


def test_many_large_headers_are_refused(server):
    with connected(server, PING[:-2] + b"X: " + b"a" * 9_000 + b"\r\n\r\n") as connection:
        assert b" 431 " in answer(connection).splitlines()[0]
    with connected(
        server, PING[:-2] + b"".join(b"X%d: a\r\n" % n for n in range(200)) + b"\r\n"
    ) as connection:
        assert b" 431 " in answer(connection).splitlines()[0]


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
    for _ in range(60):
        with connected(server, PING[:20]):
            pass
    others_are_answered(server)
