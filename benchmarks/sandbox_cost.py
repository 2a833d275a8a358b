"""What the sandbox costs a request: the way to a locked-down child and back with an empty job.

    python benchmarks/sandbox_cost.py [JOBS] [RESULTS]

Beside it stands a bare fork of a process that has the same libraries loaded, which is what any
server of forked children pays. RESULTS, by default benchmarks/results/sandbox_cost.md, gets the table.
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

from sandbox_runners import running

from leakgauge.jobs.table import PRELOADS
from leakgauge.progress import Silent
from leakgauge.sandbox.parent import Sandbox

ROOT = Path(__file__).parents[1]
SUPPORT = ROOT / "tests" / "support"


def main(jobs: int, results: Path) -> None:
    """Measure for either kind, print a table and write it."""
    os.environ["PYTHONPATH"] = f"{SUPPORT}:{os.environ.get('PYTHONPATH', '')}"
    lines = [
        "| libraries | a job in the sandbox, ms | a bare fork, ms | the sandbox adds, ms |",
        "|---|---|---|---|",
    ]
    for kind in ("membership", "inversion"):
        whole = _sandboxed(kind, jobs)
        command = [sys.executable, __file__, "bare", kind, str(jobs)]
        bare = float(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - ourselves
        lines.append(f"| {kind} | {whole:.1f} | {bare:.1f} | {whole - bare:.1f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    results.write_text(
        "# What the sandbox costs\n\n"
        f"Written by `python benchmarks/sandbox_cost.py {jobs}`: medians of {jobs} empty jobs, on "
        f"{os.cpu_count()} processors under a load of {os.getloadavg()[0]:.1f}.\n\n{text}"
    )


def _sandboxed(kind: str, jobs: int) -> float:
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(only=kind, preload=True, job=running("echo")) as box,
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
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 100,
            Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "benchmarks" / "results" / "sandbox_cost.md",
        )
