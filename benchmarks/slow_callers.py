"""What slow, silent and deaf callers take from others: how long `/ping` and good audits need beside them.

    python benchmarks/slow_callers.py [SECONDS] [RESULTS]

24 connections send the head of a request byte by byte, 24 a body, 24 a body at just above the least rate,
24 a body in chunks of one byte, 24 ask twenty times and read no answer, and 2,000 send nothing, all at
the same time, from another process. Who is ended by the server comes again. /ping is asked ten times a
second meanwhile, and good bundles are audited one after the other. The same without slow callers comes
before, since other work on the machine counts in both. RESULTS, by default
benchmarks/results/slow_callers.md, gets a table. `soak.py` has the same callers beside its other load.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "benchmarks")]

SLOW, IDLE = 24, 2_000
STEP_SECONDS = 0.25
PING_SECONDS = 0.1
BETWEEN_AUDITS_SECONDS = 2.0
UPLOAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\n"
BODY = UPLOAD + b"Content-Length: 50000000\r\n\r\nPK"
CHUNKS, CHUNK = UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"
PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
KINDS = (
    (UPLOAD + b"X-A: ", b"a", SLOW),
    (BODY, b"a", SLOW),
    (BODY, bytes(int(20_000 * STEP_SECONDS)), SLOW),
    (CHUNKS + 5_000 * CHUNK, 50 * CHUNK, SLOW),
    (20 * PING, b"", SLOW),
    (b"", b"", IDLE),
)
"""What is sent first, what again and again, and by how many."""
SHARES = (0.5, 0.99, 0.999, 1)


def main(seconds: float, results: Path) -> int:
    """Measure without and with them; 1 when a ping took over 250 ms more than without, or an audit failed."""
    from served import running

    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), app=None, LEAKGAUGE_AUDIT="membership") as server,
    ):
        from hostile_requests import good_bundle

        good = good_bundle("membership")
        server.invoke(good)  # the libraries are imported by then
        without = measured(server, good, seconds)
        with against(server.port):
            time.sleep(2)  # until they are all there
            beside = measured(server, good, seconds)
    rows = [("alone", *without), ("beside slow callers", *beside)]
    lines = [
        "| | pings | ms: median, 99 %, 99.9 %, longest | audits served | failed | s: median, longest |",
        "|---|---|---|---|---|---|",
    ]
    for name, pings, audits, failures in rows:
        lines.append(
            f"| {name} | {len(pings):,} | {spread(pings, 1e3, SHARES)} | {len(audits)} | {len(failures)} "
            f"| {spread(audits, 1, (0.5, 1))} |"
        )
    text = "\n".join(lines) + f"\n\nLoad of the machine at the end: {os.getloadavg()[0]:.0f}; "
    text += f"processors: {os.cpu_count()}.\n"
    print(text, *{failure for row in rows for failure in row[3]})
    results.write_text(
        f"# Slow callers\n\nWritten by `python benchmarks/slow_callers.py {seconds:g}`: {SLOW} each of "
        f"{len(KINDS) - 1} kinds and {IDLE:,} idle connections, all at once.\n\n{text}"
    )
    return 1 if beside[2] or not beside[1] or max(beside[0]) > max(without[0]) + 0.25 else 0


def measured(server, good: bytes, seconds: float) -> tuple[list[float], list[float], list[str]]:
    """Seconds of pings and of audits, each in order of length, and what failed."""
    pings: list[float] = []
    audits: list[float] = []
    failures: list[str] = []
    end = time.monotonic() + seconds

    def audit() -> None:
        while time.monotonic() < end:
            begun = time.monotonic()
            status = server.invoke(good).status
            audits.append(time.monotonic() - begun)
            if status != 200:
                failures.append(f"audit: {status}")
            time.sleep(BETWEEN_AUDITS_SECONDS)

    thread = threading.Thread(target=audit)
    thread.start()
    while (begun := time.monotonic()) < end:
        with closing(server.connect(timeout=30)) as connection:
            connection.request("GET", "/ping")
            if (status := connection.getresponse().status) != 200:
                failures.append(f"/ping: {status}")
        pings.append(time.monotonic() - begun)
        time.sleep(max(0.0, PING_SECONDS - pings[-1]))
    thread.join()
    return sorted(pings), sorted(audits), failures


def spread(values: list[float], unit: float, shares: tuple[float, ...]) -> str:
    """Quantiles of values in order."""
    places = [min(int(len(values) * share), len(values) - 1) for share in shares]
    return ", ".join(f"{unit * values[place]:.{0 if unit > 1 else 1}f}" for place in places)


@contextlib.contextmanager
def against(port: int):
    """Slow callers, in a process of their own, for as long as the context lasts."""
    callers = subprocess.Popen([sys.executable, __file__, "--against", str(port)])  # noqa: S603 - this file
    try:
        yield
    finally:
        callers.kill()
        callers.wait()


def call_slowly(port: int) -> None:
    """Be all of them, until killed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kinds = [(beginning, again) for beginning, again, count in KINDS for _ in range(count)]
    held = [connected(port, beginning) for beginning, _ in kinds]
    while True:
        for place, (beginning, again) in enumerate(kinds):
            if not again:
                continue
            try:
                held[place].send(again)
            except BlockingIOError:
                pass
            except OSError:  # ended by the server
                held[place].close()
                held[place] = connected(port, beginning)
        time.sleep(STEP_SECONDS)


def connected(port: int, beginning: bytes) -> socket.socket:
    """A connection that has sent its beginning."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    with contextlib.suppress(OSError):
        connection.sendall(beginning)
    connection.setblocking(False)
    return connection


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--against"]:
        call_slowly(int(arguments[1]))
    sys.exit(
        main(
            float(arguments[0]) if arguments else 60.0,
            Path(arguments[1]) if len(arguments) > 1 else ROOT / "benchmarks" / "results" / "slow_callers.md",
        )
    )
