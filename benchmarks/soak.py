"""A server under good and hostile load for a set time: does it grow, leak or slow down?

    python benchmarks/soak.py [MINUTES] [RESULTS]

Two clients keep both audit slots busy, one request in three with a good bundle, the others hostile,
some of which are given up half way; a third asks /ping ten times a second. Slow callers of every kind
are there all the time, thousands of them (`slow_callers.py`). Once a second the server's memory,
descriptors, processes and temporary files are counted. RESULTS, by default
benchmarks/results/soak, gets a table (.md) and an image (.svg).
"""

from __future__ import annotations

import http.client
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "benchmarks")]

from served import ZIP, Server, children_of, running  # noqa: E402

from hostile_requests import cases, good_bundle, mutated, others, within  # noqa: E402
from slow_callers import IDLE, KINDS, SLOW, against  # noqa: E402

KIND = "membership"
SEED = 1
GOOD_SHARE, GIVEN_UP_SHARE = 1 / 3, 0.05
PING_SECONDS, SAMPLE_SECONDS = 0.1, 1.0
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Measured:
    """What was seen, each with its seconds since the begin."""

    pings: list[tuple[float, float]] = field(default_factory=list)
    audits: list[tuple[float, float]] = field(default_factory=list)
    refusals: list[tuple[float, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    given_up: int = 0
    samples: list[tuple[float, float, int, int, int]] = field(default_factory=list)
    """seconds, MiB of master, worker and fork server, descriptors, processes, files"""


def main(minutes: float, results: Path) -> int:
    """Load, measure, and write the table and the image; 1 when something grew."""
    measured = Measured()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), app=None, LEAKGAUGE_AUDIT=KIND) as server,
    ):
        known = [body for body, _ in cases(KIND, port=1) if len(body) < 1 << 20] + [*others(KIND)]
        good = good_bundle(KIND)
        server.invoke(good)
        begun = time.monotonic()
        end = begun + 60 * minutes
        threads = [
            threading.Thread(target=_load, args=(server, known, good, seed, begun, end, measured))
            for seed in (SEED, SEED + 1)
        ]
        threads.append(threading.Thread(target=_ping, args=(server, begun, end, measured)))
        with against(server.port):
            for thread in threads:
                thread.start()
            while time.monotonic() < end:
                measured.samples.append((time.monotonic() - begun, *_sample(server)))
                time.sleep(SAMPLE_SECONDS)
            for thread in threads:
                thread.join()
        time.sleep(8)  # what is left to a connection that ends
        last = _sample(server)
    return _write(measured, minutes, last, results)


def _load(
    server: Server,
    known: list[bytes],
    good: bytes,
    seed: int,
    begun: float,
    end: float,
    measured: Measured,
) -> None:
    rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    while time.monotonic() < end:
        body = good
        if rng.random() >= GOOD_SHARE:
            base = rng.choice(known)
            body = (within(rng, base, KIND) if rng.random() < 0.6 else None) or mutated(rng, base, good)
        if rng.random() < GIVEN_UP_SHARE:
            _give_up(server, body, rng.random())
            measured.given_up += 1
            continue
        sent = time.monotonic()
        try:
            reply = server.send("POST", "/invocations", body=body, headers=ZIP)
        except (OSError, http.client.HTTPException) as error:
            measured.failures.append(repr(error))
            continue
        taken = (sent - begun, time.monotonic() - sent)
        if reply.status == 200:
            measured.audits.append(taken)
        elif reply.status < 500 or reply.status == 503:
            measured.refusals.append(taken)
        else:
            measured.failures.append(f"{reply.status} {reply.code}")


def _give_up(server: Server, body: bytes, patience: float) -> None:
    with closing(server.connect()) as connection:
        connection.request("POST", "/invocations", body=body, headers=ZIP)
        time.sleep(patience)


def _ping(server: Server, begun: float, end: float, measured: Measured) -> None:
    while time.monotonic() < end:
        sent = time.monotonic()
        try:
            reply = server.send("GET", "/ping")
            if reply.status != 200:
                measured.failures.append(f"/ping {reply.status}")
        except OSError as error:
            measured.failures.append(f"/ping {error!r}")
        measured.pings.append((sent - begun, time.monotonic() - sent))
        time.sleep(max(0.0, PING_SECONDS - (time.monotonic() - sent)))


def _sample(server: Server) -> tuple[float, int, int, int]:
    worker = server.worker
    lasting = [server.process.pid, worker, *children_of(worker)]
    memory = descriptors = 0
    for pid in lasting:
        memory += PAGE * int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        descriptors += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    audits = server.audits()
    files = sum(len(names) for _, _, names in os.walk(server.temporary))
    return memory / 2**20, descriptors, len(lasting) + len(audits), files


def _write(measured: Measured, minutes: float, last: tuple[float, int, int, int], results: Path) -> int:
    samples = measured.samples
    halves = (samples[: len(samples) // 2], samples[len(samples) // 2 :])
    first, second = (statistics.mean(sample[1] for sample in half) for half in halves)
    growth = second / first - 1
    pings = sorted(taken for _, taken in measured.pings)
    rows = {
        "minutes": f"{minutes:g}",
        "processors; load of the machine at the end": f"{os.cpu_count()}; {os.getloadavg()[0]:.1f}",
        "audits; refusals; given up": f"{len(measured.audits):,}; {len(measured.refusals):,}; "
        f"{measured.given_up:,}",
        "failures": str(len(measured.failures)),
        "slow callers": _slow_callers(),
        "/ping, ms: median, 99 %, 99.9 %, longest": _milliseconds(pings, (0.5, 0.99, 0.999, 1)),
        "audits, ms: median, 99 %, longest": _milliseconds(sorted(t for _, t in measured.audits)),
        "refusals, ms: median, 99 %, longest": _milliseconds(sorted(t for _, t in measured.refusals)),
        "memory, MiB: first half, second half": f"{first:.1f}, {second:.1f} ({growth:+.1%})",
        "descriptors: least, most, at the end": _range([s[2] for s in samples], last[1]),
        "processes: least, most, at the end": _range([s[3] for s in samples], last[2]),
        "temporary files: least, most, at the end": _range([s[4] for s in samples], last[3]),
    }
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    lines += [f"\n{failure}" for failure in dict.fromkeys(measured.failures)]
    text = "\n".join(lines) + "\n"
    print(text)
    results.parent.mkdir(exist_ok=True)
    results.with_suffix(".md").write_text(
        f"# Soak\n\nWritten by `python benchmarks/soak.py {minutes:g}`; memory is that of master, worker "
        f"and fork server together.\n\n{text}\n"
        f"![Latency, memory, descriptors and processes]({results.name}.svg)\n"
    )
    results.with_suffix(".svg").write_text(_image(measured))
    return 1 if measured.failures or growth > 0.05 or pings[-1] > 0.25 else 0


def _slow_callers() -> str:
    return f"{SLOW} each of {len(KINDS) - 1} kinds and {IDLE:,} idle connections"


def _milliseconds(seconds: list[float], shares: tuple[float, ...] = (0.5, 0.99, 1)) -> str:
    if not seconds:
        return "none"
    return ", ".join(f"{1e3 * seconds[min(int(len(seconds) * q), len(seconds) - 1)]:.0f}" for q in shares)


def _range(values: list[int], last: int) -> str:
    return f"{min(values)}, {max(values)}, {last}"


def _image(measured: Measured) -> str:
    """Five strips above each other, time from left to right; of values in one place the largest."""
    strips = [
        ("/ping, ms", [(t, 1e3 * taken) for t, taken in measured.pings]),
        ("audits, ms", [(t, 1e3 * taken) for t, taken in measured.audits]),
        ("memory, MiB", [(sample[0], sample[1]) for sample in measured.samples]),
        ("descriptors", [(sample[0], sample[2]) for sample in measured.samples]),
        ("processes", [(sample[0], sample[3]) for sample in measured.samples]),
    ]
    width, height, left, gap = 900, 110, 110, 36
    whole = len(strips) * (height + gap) + gap
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + left + 20} {whole}" '
        'font-family="sans-serif" font-size="13">'
    ]
    end = max(sample[0] for sample in measured.samples)
    for place, (name, points) in enumerate(strips):
        top = gap + place * (height + gap)
        most = max((value for _, value in points), default=1.0) or 1.0
        largest: dict[int, float] = {}
        for t, value in points:
            column = int(width * t / end)
            largest[column] = max(value, largest.get(column, 0.0))
        dots = "".join(
            f"M{left + column} {top + height - height * value / most:.1f}h1.5"
            for column, value in largest.items()
        )
        parts += [
            f'<text x="0" y="{top + height}">{escape(name)}</text>',
            f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{most:.0f}</text>',
            f'<path d="M{left} {top}V{top + height}H{left + width}" fill="none" stroke="#888"/>',
            f'<path d="{dots}" stroke="#14507a" stroke-width="1.5" fill="none"/>',
        ]
    parts.append(
        f'<text x="{left + width}" y="{whole - 8}" text-anchor="end">{end / 60:.0f} minutes</text></svg>'
    )
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(
        main(
            float(arguments[0]) if arguments else 60.0,
            Path(arguments[1]) if len(arguments) > 1 else ROOT / "benchmarks" / "results" / "soak",
        )
    )
