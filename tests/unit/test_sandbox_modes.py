"""The sandbox tried out as root, as root without capabilities, as another user, and on an older kernel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from reachable import MODES, command, is_root

from leakgauge.sandbox.landlock import version
from leakgauge.sandbox.lockdown import LAYERS

ROOT = Path(__file__).parents[2]
OLD_KERNEL = (ROOT / "tests" / "support" / "old_kernel.py", sys.executable)

as_root = pytest.mark.skipif(not is_root(), reason="only root can become others; the image tests do so too")


@pytest.fixture
def everybodys():
    """A temporary folder that every user may write to, and in which nothing may be left."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="leakgauge-test-"))
    folder.chmod(0o1777)
    yield folder
    left = [path.name for path in folder.iterdir()]
    shutil.rmtree(folder)
    assert left == []


def run(words, temporary, **environment):
    paths = (ROOT / "src", ROOT / "tests" / "support")
    return subprocess.run(
        list(map(str, words)),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(map(str, paths)),
            "TMPDIR": str(temporary),
            "A_SECRET": "x",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


def examined(words, temporary):
    done = run([*words, "-m", "leakgauge", "doctor", "--json"], temporary)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["sound"] else 1)
    return found


def possible(found):
    return {name for name, refused in found["trials"].items() if not refused}


def test_here_it_holds(everybodys):
    found = examined([sys.executable], everybodys)
    assert len(found["trials"]) >= 19
    if version():
        assert possible(found) == set()
        assert set(found["missing"]) <= {"identity"}


@as_root
def test_root_has_every_layer(everybodys):
    found = examined(command("root"), everybodys)
    assert (tuple(found["layers"]), possible(found)) == (LAYERS, set())


@as_root
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "root"])
def test_without_a_user_to_change_to_it_holds_all_the_same(everybodys, mode):
    found = examined(command(mode), everybodys)
    assert possible(found) == set()
    assert set(found["missing"]) == {"identity"}


@as_root
def test_on_an_older_kernel_root_still_holds(everybodys):
    found = examined(command("root", *OLD_KERNEL), everybodys)
    assert possible(found) == set()
    assert set(found["missing"]) == {"landlock"}


@as_root
def test_on_an_older_kernel_another_user_is_told_what_is_possible(everybodys):
    found = examined(command("another user", *OLD_KERNEL), everybodys)
    assert not found["sound"]
    assert set(found["missing"]) == {"identity", "landlock"}
    # who knows the name gets in; the names are not to be had
    assert possible(found) == {
        "read a file of another audit",
        "write into another audit's folder",
        "write into the service's folder",
    }


@as_root
@pytest.mark.parametrize("mode", ["root", "another user"])
def test_children_that_run_wild_are_ended_each_in_its_way(everybodys, mode):
    done = run(command(mode, ROOT / "tests" / "support" / "rogue_children.py"), everybodys)
    assert done.returncode == 0, done.stdout + done.stderr


@as_root
def test_what_a_user_of_its_own_leaves_where_everybody_may_write_is_removed(everybodys):
    words = command("root", *OLD_KERNEL, ROOT / "tests" / "support" / "rogue_children.py", "leaver", "maze")
    assert run(words, everybodys).returncode == 0
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        assert not Path(folder, "leakgauge-left-behind").exists()


def test_the_doctor_speaks_to_people_and_its_exit_code_to_scripts(everybodys):
    done = run([sys.executable, "-m", "leakgauge", "doctor"], everybodys)
    assert "in force      seccomp" in done.stdout
    assert ("The sandbox holds." in done.stdout) == (done.returncode == 0)


def test_a_required_layer_that_is_missing_is_an_error(everybodys):
    broken = everybodys / "broken"
    broken.mkdir()
    (broken / "pyseccomp.py").write_text("raise RuntimeError('Unable to find libseccomp')")
    path = f"{broken}:{ROOT / 'src'}"
    refused = run([sys.executable, "-m", "leakgauge", "doctor"], everybodys, PYTHONPATH=path)
    assert refused.returncode == 4
    assert "system call filter" in refused.stderr
    relaxed = run(
        [sys.executable, "-m", "leakgauge", "doctor"],
        everybodys,
        PYTHONPATH=path,
        LEAKGAUGE_SANDBOX="relaxed",
    )
    assert relaxed.returncode == 1
    assert "not in force  seccomp" in relaxed.stdout
    assert "POSSIBLE      start another process" in relaxed.stdout
    shutil.rmtree(broken)
