"""Callers that write to a server's port what they like, and wait as long as they like."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, closing, contextmanager

from served import PATIENCE

HOST = b"Host: x\r\n"
PING = b"GET /ping HTTP/1.1\r\n" + HOST + b"\r\n"
UPLOAD = b"POST /invocations HTTP/1.1\r\n" + HOST + b"Content-Type: application/zip\r\n"


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
    with closing(server.connect(timeout=8.0)) as connection:
        connection.request("GET", "/ping")
        assert connection.getresponse().status == 200
    assert server.invoke().status == 200
