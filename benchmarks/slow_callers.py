"""Slow, silent and deaf callers, all at once, against a server that runs already.

    python benchmarks/slow_callers.py PORT [SECONDS]

In turns of 20 seconds, 24 connections send the head of a request byte by byte, 24 a body, 24 a body at
just above the least rate, 24 ask for /ping without end and read no answer, and 2,000 send nothing; in
between they are gone for 10 seconds. `soak.py` runs it beside its other load.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import sys
import time
from contextlib import ExitStack

SLOW, IDLE = 24, 2_000
HELD_SECONDS, FREE_SECONDS = 20.0, 10.0
STEP_SECONDS = 0.25
UPLOAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\n"
BODY = UPLOAD + b"Content-Length: 50000000\r\n\r\nPK"
PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
KINDS = (
    (UPLOAD + b"X-A: ", b"a", SLOW),
    (BODY, b"a", SLOW),
    (BODY, bytes(int(20_000 * STEP_SECONDS)), SLOW),
    (PING, 200 * PING, SLOW),
    (b"", b"", IDLE),
)
"""What is sent first, what again and again, and by how many."""


def main(port: int, seconds: float) -> None:
    """Come and go until the time is over."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with ExitStack() as stack:
            held = [
                (stack.enter_context(_connected(port, beginning)), again)
                for beginning, again, count in KINDS
                for _ in range(count)
            ]
            until = min(end, time.monotonic() + HELD_SECONDS)
            while time.monotonic() < until:
                for connection, again in held:
                    with contextlib.suppress(OSError):  # full, or ended by the server
                        connection.send(again)
                time.sleep(STEP_SECONDS)
        time.sleep(FREE_SECONDS)


def _connected(port: int, beginning: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    with contextlib.suppress(OSError):
        connection.sendall(beginning)
    connection.setblocking(False)
    return connection


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 60.0)
