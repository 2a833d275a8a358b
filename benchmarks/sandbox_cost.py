"""What the sandbox costs a request: the way to a locked-down child and back with an empty job.

    python benchmarks/sandbox_cost.py [JOBS]

Printed beside a bare fork of a process that has the same libraries loaded, which is what any
server of forked children pays.
"""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from leakgauge.progress import Silent
from leakgauge.sandbox.fork_server import PRELOADS
from leakgauge.sandbox.parent import Sandbox

SUPPORT = Path(__file__).parents[1] / "tests" / "support"


def main(jobs: int) -> None:
    """Measure for either kind and print a table."""
    os.environ["PYTHONPATH"] = f"{SUPPORT}:{os.environ.get('PYTHONPATH', '')}"
    print("| libraries | a job in the sandbox, ms | a bare fork, ms | the sandbox adds, ms |")
    print("|---|---|---|---|")
    for kind in ("membership", "inversion"):
        whole = _sandboxed(kind, jobs)
        command = [sys.executable, __file__, "bare", kind, str(jobs)]
        bare = float(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - ourselves
        print(f"| {kind} | {whole:.1f} | {bare:.1f} | {whole - bare:.1f} |")


def _sandboxed(kind: str, jobs: int) -> float:
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(only=kind, preload=True, runner="sandbox_runners:echo") as box,
    ):
        source = Path(folder) / "source"
        source.write_bytes(b"x")
        box.wait_ready(240)

        def job() -> None:
            box.run(source, Path(folder) / "report", overrides={}, progress=Silent())

        return _median(job, jobs)


def _bare(kind: str, jobs: int) -> float:
    for name in PRELOADS[kind]:
        importlib.import_module(name)

    def fork() -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    return _median(fork, jobs)


def _median(work: Callable[[], None], times: int) -> float:
    taken = []
    for _ in range(times + 1):
        begun = time.perf_counter()
        work()
        taken.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(taken[1:])


if __name__ == "__main__":
    if sys.argv[1:2] == ["bare"]:
        print(_bare(sys.argv[2], int(sys.argv[3])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
