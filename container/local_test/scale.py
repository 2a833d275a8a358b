"""Sends many bundles through several containers, as a batch transform does through instances.

    python container/local_test/scale.py IMAGE OUTPUT BUNDLE [BUNDLE ...] --instances 1 2 4 --price 0.25

For each number of instances: as many containers are started, each is asked for its execution
parameters, every bundle is one request to whichever instance is free, and each answer becomes
`<bundle>.zip.out`. What comes out is a table with throughput and cost; the start of the containers
is told apart, because a batch transform pays for it once.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

DOCKER = os.environ.get("DOCKER", "/usr/bin/docker")
PORT = 8080
HEALTHY_SECONDS = 240.0
ANSWER_SECONDS = 3_600.0
THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run over all bundles took.

    Attributes
    ----------
    instances, bundles, failed:
        how many; a bundle that was not answered with 200 counts as failed.
    start_seconds:
        from the first `docker run` until every instance was healthy.
    seconds:
        from the first request to the last answer.
    """

    instances: int
    bundles: int
    failed: int
    start_seconds: float
    seconds: float

    @property
    def audits_per_hour(self) -> float:
        """Audits that all instances together finish in an hour."""
        return self.bundles / self.seconds * 3_600

    def cost_per_thousand(self, price: float) -> float:
        """Cost of a thousand audits, in the currency of `price`, which is that of one instance-hour."""
        return THOUSAND / self.audits_per_hour * self.instances * price


def run(
    image: str, bundles: Mapping[str, Path], output: Path, *, instances: int, options: Sequence[str] = ()
) -> Figures:
    """Send every bundle to one of `instances` containers and write the answers into `output`.

    Parameters
    ----------
    bundles:
        by the name that the answer is to have.
    options:
        further words for `docker run`, for example `--cpus 1`.
    """
    output.mkdir(parents=True, exist_ok=True)
    waiting: SimpleQueue[tuple[str, Path]] = SimpleQueue()
    for named in bundles.items():
        waiting.put(named)
    failed: list[str] = []
    with ExitStack() as stack:
        begun = time.monotonic()
        ports = [stack.enter_context(_instance(image, options)) for _ in range(instances)]
        concurrent = [_concurrent_transforms(port) for port in ports]
        healthy = time.monotonic()
        senders = [
            threading.Thread(target=_send_all, args=(port, waiting, output, failed))
            for port, senders_of_one in zip(ports, concurrent, strict=True)
            for _ in range(senders_of_one)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        ended = time.monotonic()
    return Figures(
        instances=instances,
        bundles=len(bundles),
        failed=len(failed),
        start_seconds=healthy - begun,
        seconds=ended - healthy,
    )


@contextmanager
def _instance(image: str, options: Sequence[str]) -> Iterator[int]:
    """One container that serves; its port on this machine."""
    words = ["run", "--detach", "--publish", f"127.0.0.1::{PORT}", *options]
    name = _docker(*words, image, "serve").strip()
    try:
        yield int(_docker("port", name, str(PORT)).splitlines()[0].rpartition(":")[2])
    finally:
        _docker("rm", "--force", name)


def _docker(*words: str) -> str:
    done = subprocess.run([DOCKER, *words], capture_output=True, text=True, check=True)  # noqa: S603 - own words
    return done.stdout


def _concurrent_transforms(port: int) -> int:
    """How many requests an instance takes at once, asked as soon as it is healthy."""
    end = time.monotonic() + HEALTHY_SECONDS
    while True:
        try:
            if _request(port, "GET", "/ping")[0] == http.client.OK:
                return int(
                    json.loads(_request(port, "GET", "/execution-parameters")[1])["MaxConcurrentTransforms"]
                )
        except (OSError, http.client.HTTPException):
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


def _send_all(port: int, waiting: SimpleQueue[tuple[str, Path]], output: Path, failed: list[str]) -> None:
    while True:
        try:
            name, bundle = waiting.get_nowait()
        except Empty:
            return
        try:
            status, body = _request(port, "POST", "/invocations", bundle.read_bytes())
        except (OSError, http.client.HTTPException) as error:
            status, body = 0, repr(error).encode()
        if status != http.client.OK:
            failed.append(name)
        (output / f"{name}.out").write_bytes(body)


def _request(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/zip", "Accept": "application/json"} if body is not None else {}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)) as connection:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()


def as_table(figures: Sequence[Figures], *, price: float) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| instances | bundles | failed | start s | audits s | audits an hour | cost of 1,000 |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for each in figures:
        cells = (
            f"{each.instances}",
            f"{each.bundles}",
            f"{each.failed}",
            f"{each.start_seconds:.1f}",
            f"{each.seconds:.1f}",
            f"{each.audits_per_hour:,.0f}",
            f"{each.cost_per_thousand(price):.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run once for each number of instances and print the table; exit code 1 when a bundle failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("image")
    parser.add_argument("output", type=Path)
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument("--copies", type=int, default=1, help="how often each bundle is sent")
    parser.add_argument("--instances", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--price", type=float, default=0.25, help="of one instance for an hour")
    parser.add_argument("--cpus", help="processors that each container may use")
    asked = parser.parse_args()
    bundles = {
        f"{copy}-{bundle.name}" if copy else bundle.name: bundle
        for copy in range(asked.copies)
        for bundle in asked.bundles
    }
    options = ["--cpus", asked.cpus] if asked.cpus else []
    figures = [
        run(asked.image, bundles, asked.output / str(number), instances=number, options=options)
        for number in asked.instances
    ]
    print(as_table(figures, price=asked.price))
    if any(each.failed for each in figures):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
