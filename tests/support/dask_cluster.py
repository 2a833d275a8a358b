"""A Dask cluster of real processes on the loopback interface."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple


class Cluster(NamedTuple):
    """Where the scheduler is, and the processes."""

    address: str
    scheduler: subprocess.Popen[str]
    workers: list[subprocess.Popen[str]]


@contextmanager
def cluster(folder: Path, *, workers: int = 2) -> Iterator[Cluster]:
    """A scheduler and so many workers of one thread each, which all end with the context."""
    with ExitStack() as stack:
        options = ["--host", "127.0.0.1", "--no-dashboard"]
        of_worker = ["--nthreads", "1", "--no-nanny", *options]
        scheduler = _started(stack, folder, "scheduler", "--port", "0", *options)
        assert scheduler.stderr is not None
        address = next(
            line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line and "tcp://" in line
        )
        started = [
            _started(stack, folder / f"worker-{number}", "worker", address, *of_worker)
            for number in range(workers)
        ]
        yield Cluster(address, scheduler, started)


def _started(stack: ExitStack, folder: Path, name: str, *arguments: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{name}", *arguments],
            cwd=folder,
            stderr=subprocess.PIPE if name == "scheduler" else subprocess.DEVNULL,
            text=True,
        )
    )
    stack.callback(process.kill)
    return process
