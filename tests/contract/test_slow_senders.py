"""Callers that are slow, silent or odd take nothing from others, and least of all `/ping`."""

from __future__ import annotations

import json
import resource
import socket
import threading
import time
from contextlib import ExitStack, closing, contextmanager

import pytest
from served import PATIENCE, running
from served_app import LARGE

HOST = b"Host: x\r\n"
PING = b"GET /ping HTTP/1.1\r\n" + HOST + b"\r\n"
UPLOAD = b"POST /invocations HTTP/1.1\r\n" + HOST + b"Content-Type: application/zip\r\n"
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


def everything(connection):
    """All that comes until the connection ends."""
    received = b""
    while data := connection.recv(65_536):
        received += data
    return received


def code_of(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]


def others_are_answered(server):
    """While the slow ones wait, which they would do for much longer than this client does."""
    with closing(server.connect(timeout=4.0)) as connection:
        connection.request("GET", "/ping")
        assert connection.getresponse().status == 200
    assert server.invoke().status == 200


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
    content = b"echo ".ljust(30_000)
    head = UPLOAD + b"Accept: application/json\r\nConnection: close\r\nContent-Length: 30000\r\n\r\n"
    with connected(hasty, head) as connection:
        for start in range(0, len(content), 500):  # about five thousand bytes a second
            connection.sendall(content[start : start + 500])
            time.sleep(0.1)
        assert b'"size": 30000' in everything(connection)


def test_an_answer_that_nobody_takes_is_given_up(hasty):
    with connected(hasty, b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n") as connection:
        size = len(connection.recv(1_000))
        time.sleep(6)  # three times as long as an answer may pause
        try:
            while data := connection.recv(65_536):
                size += len(data)
        except ConnectionResetError:
            pass
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


# --- odd ones ----------------------------------------------------------------------------------------------


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
    for _ in range(MANY):
        with connected(server, PING[:20]):
            pass
    others_are_answered(server)
