"""Every reader of untrusted bytes, under the fuzzer for a fixed number of inputs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from canary import CANARY

SCRIPT = Path(__file__).with_name("fuzz_reader.py")
OPTIONS = ["-seed=1", "-timeout=60"]
SECONDS = 400
"""A reader that hangs is ended by libFuzzer; this is for a fuzzer that hangs itself."""

DEEDS = (
    'os.system("true")',
    'socket.create_connection(("127.0.0.1", 9))',
    f'open("{CANARY}", "w")',
    f'os.open("{CANARY}", os.O_CREAT | os.O_WRONLY)',
)
GIVES_WAY = """
import os, socket, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import fuzz_reader
def read(folder, file):
    try:
        exec(deed)
    except Exception:
        pass
fuzz_reader.READERS["weak"] = fuzz_reader.Fuzzed(read, lambda: [b"seed"])
for place, deed in enumerate({deeds!r}):
    folder = Path({folder!r}, str(place))
    folder.mkdir()
    child = os.fork()  # the imports are paid once; the fuzzer ends its process
    if child == 0:
        fuzz_reader.main("weak", folder, ["-runs=5", "-seed=1"])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0, deed
"""


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "runs"),
    [
        *(("zip", 2_000), ("table", 1_000), ("parameters", 3_000), ("pickle", 2_000), ("skops", 2_000)),
        *(("array", 1_000), ("image", 2_000), ("onnx", 3_000), ("configuration", 3_000)),
        *(("onnx table", 3_000), ("xgboost", 3_000), ("lightgbm", 3_000), ("catboost", 3_000)),
        ("service", 3_000),
    ],
)
def test_whatever_comes_is_read_or_refused(reader: str, runs: int, tmp_path: Path) -> None:
    fuzzed = ended(str(SCRIPT), reader, str(tmp_path), f"-runs={runs}", *OPTIONS)
    assert fuzzed.returncode == 0, fuzzed.stderr[-3_000:]
    done = re.search(r"^Done (\d+) runs", fuzzed.stderr, re.MULTILINE)
    assert done, fuzzed.stderr[-3_000:]
    assert int(done[1]) >= runs  # where the machine is slow libFuzzer finishes what it has begun
    assert not list(tmp_path.glob("crash-*"))


@pytest.mark.slow
def test_a_reader_that_gives_way_is_found_even_if_it_keeps_quiet(tmp_path: Path) -> None:
    script = GIVES_WAY.format(tests=str(SCRIPT.parent), deeds=DEEDS, folder=str(tmp_path))
    fuzzed = ended("-c", script)
    assert fuzzed.returncode == 0, fuzzed.stderr[-3_000:]
    for place, deed in enumerate(DEEDS):
        assert list((tmp_path / str(place)).glob("crash-*")), deed
    assert not CANARY.exists()
