"""Everything around a running service breaks, many times over.

    python benchmarks/faults.py [ROUNDS] [RESULTS]

Kills children, fork servers, workers and masters, runs out of memory, disk, threads and time, cuts
uploads, lets clients vanish, a hundred of them come at once and the clock jump; after each fault no
process and no file may be left and the next request must be served. Linux; the full disk is a small
tmpfs, which takes root. RESULTS, by default benchmarks/results/faults.md, gets a table.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from served import Server, running  # noqa: E402
from small_disk import can_be_had, small_disk  # noqa: E402

import faults  # noqa: E402 - lies beside the tests, which use it too

Outcomes = defaultdict[str, list[float]]


def main(rounds: int, results: Path) -> int:
    """Run them all; 1 when a single one did not end as it should."""
    seconds: Outcomes = defaultdict(list)
    failed: dict[str, list[str]] = defaultdict(list)

    def attempt(name: str, work: Callable[[], object]) -> None:
        begun = time.monotonic()
        try:
            work()
        except AssertionError as error:
            failed[name].append(str(error).splitlines()[0] if str(error) else "assertion")
        seconds[name].append(time.monotonic() - begun)

    def then_sound(fault: Callable[[Server], object], server: Server) -> None:
        fault(server)
        faults.sound(server)

    with tempfile.TemporaryDirectory() as folder, running(Path(folder), **faults.ENVIRONMENT) as server:
        faults.sound(server)
        for _ in range(rounds):
            for fault in faults.EVERYWHERE:
                attempt(fault.__name__, lambda fault=fault: then_sound(fault, server))
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), app="served_app:build_with_a_jumping_clock()") as server,
    ):
        for _ in range(rounds):
            attempt("clock_jumps", lambda: then_sound(faults.clock_jumps, server))
    if can_be_had():
        _on_a_small_disk(rounds, attempt, then_sound)
    for ending in (faults.kill_master, faults.terminate_in_an_audit):
        for _ in range(rounds):
            attempt(ending.__name__, lambda ending=ending: _with_its_own_server(ending))

    lines = ["| fault | rounds | as it should be | seconds, median | longest |", "|---|---|---|---|---|"]
    for name, taken in seconds.items():
        sound = len(taken) - len(failed[name])
        middle = sorted(taken)[len(taken) // 2]
        lines.append(
            f"| {name.replace('_', ' ')} | {len(taken)} | {sound} | {middle:.2f} | {max(taken):.2f} |"
        )
    for name, problems in failed.items():
        lines += [f"\n{name}: {problem}" for problem in dict.fromkeys(problems)]
    text = "\n".join(lines) + "\n"
    print(text)
    results.parent.mkdir(exist_ok=True)
    results.write_text(f"# Faults\n\nWritten by `python benchmarks/faults.py {rounds}`.\n\n{text}")
    return 1 if any(failed.values()) else 0


def _on_a_small_disk(rounds: int, attempt: Callable[..., None], then_sound: Callable[..., None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "tmp"
        small.mkdir()
        with small_disk(small, size=faults.TINY), running(Path(folder)) as server:
            for _ in range(rounds):
                for fault in (faults.disk_full_in_an_upload, faults.disk_full_in_the_child):
                    attempt(fault.__name__, lambda fault=fault: then_sound(fault, server))


def _with_its_own_server(ending: Callable[[Server], object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            server.wait_up()
            faults.sound(server)
            ending(server)
        finally:
            server.stop()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(
        main(
            int(arguments[0]) if arguments else 50,
            Path(arguments[1]) if len(arguments) > 1 else ROOT / "benchmarks" / "results" / "faults.md",
        )
    )
