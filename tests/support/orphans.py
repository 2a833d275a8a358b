"""A program that kills a process in the midst of an audit, and prints as JSON what that left behind.

Runs where nothing else uses the folders that everybody may write to; the audit leaves files in all.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rogue_children import entries

PATIENCE = 30.0
AUDITOR = """
import sys, pathlib
from sandbox_runners import running
from leakgauge.progress import Calling
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.resources import ResourceLimits

box = Sandbox(limits=ResourceLimits(), job=running("leave_files_and_sleep"))
tell = Calling(lambda stage, fraction: print(box.server_pid, stage, flush=True))
box.run(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), overrides={}, progress=tell)
"""


def children_of(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def main():
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        source.write_bytes(b"x")
        before = entries()
        with subprocess.Popen(
            [sys.executable, "-c", AUDITOR, source, Path(folder, "report")], stdout=subprocess.PIPE, text=True
        ) as auditor:
            server, *written = auditor.stdout.readline().split()
            family = [int(server), *children_of(server)]
            meanwhile = entries() - before
            auditor.kill()
        end = time.monotonic() + PATIENCE
        while any(Path(f"/proc/{pid}").exists() for pid in family) and time.monotonic() < end:
            time.sleep(0.02)
        alive = [pid for pid in family if Path(f"/proc/{pid}").exists()]
        left = [str(path) for path in entries() - before]
    print(json.dumps({"written": written, "meanwhile": len(meanwhile), "alive": alive, "left": left}))


if __name__ == "__main__":
    main()
