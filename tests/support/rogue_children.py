"""A program that lets children run wild, one after the other, and prints as JSON how each was ended.

Runs wherever leakgauge is installed: in the checkout as any user, and inside the images.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path

from sandbox_runners import running

from leakgauge.errors import LeakgaugeError
from leakgauge.progress import Calling
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.resources import ResourceLimits

MIB = 1 << 20
EVERYBODYS = ("/tmp", "/var/tmp", "/dev/shm")
CASES = {
    "memory": ("allocate", {"data_bytes": 128 * MIB}),
    "address_space": ("map_a_hundred_gigabytes", {}),
    "threads": ("start_threads", {"tasks": 40}),
    "processor": ("spin", {"cpu_seconds": 1}),
    "deaf": ("ignore_termination", {"wall_seconds": 1}),
    "file": ("huge_file", {"file_bytes": 8 * MIB}),
    "leaver": ("leave_files_everywhere", {}),
    "maze": ("build_a_maze", {}),
    "files": ("write_many_files", {"folder_entries": 200}),
    "space": ("write_many_small_files", {"folder_bytes": 8 * MIB}),
    "numbers": ("thousand_huge_numbers", {}),
    "layers": ("unknown_layers", {}),
    "model": ("segfault_of_the_model", {}),
}
ENDINGS = {
    "memory": {"limit_exceeded.memory"},
    "address_space": {"limit_exceeded.memory"},
    # by the fork server, or by the kernel where the audit has a user of its own
    "threads": {"limit_exceeded.tasks", "bad_bundle.refused"},
    "processor": {"audit_timeout.cpu"},
    "deaf": {"audit_timeout.wall_clock"},
    "file": {"limit_exceeded.disk"},
    "leaver": {"bad_bundle.done"},
    # a maze that is found before it is done is too deep
    "maze": {"bad_bundle.done", "limit_exceeded.too_much_written"},
    "files": {"limit_exceeded.too_much_written"},
    "space": {"limit_exceeded.too_much_written"},
    "numbers": {"audit_failed.child_misbehaved"},
    "layers": {"audit_failed.child_misbehaved"},
    "model": {"unsafe_model.ended_the_process"},
}


def ended(runner, limits, folder):
    source = folder / "source"
    source.write_bytes(b"x")
    with Sandbox(limits=ResourceLimits(**limits), job=running(runner)) as box:
        try:
            box.run(source, folder / "report", overrides={}, progress=Calling(lambda *_: None), timeout=60)
        except LeakgaugeError as error:
            return error.code
    return "finished"


def entries():
    """Of the temporary folder, and of all that everybody may write to."""
    folders = [Path(folder) for folder in (*EVERYBODYS, tempfile.gettempdir())]
    return {path for folder in folders if folder.is_dir() for path in folder.iterdir()}


def main(*chosen):
    cases = {name: case for name, case in CASES.items() if not chosen or name in chosen}
    with tempfile.TemporaryDirectory() as folder:
        before = entries()
        found = {name: ended(*case, Path(folder)) for name, case in cases.items()}
        left = entries() - before
    for path in left:
        with contextlib.suppress(OSError):
            path.unlink()
    print(json.dumps({"endings": found, "left": [str(path) for path in left]}))
    return 0 if not left and all(code in ENDINGS[name] for name, code in found.items()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
