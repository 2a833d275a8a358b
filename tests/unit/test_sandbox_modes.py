"""The sandbox tried out as root, as root without capabilities, as another user, and on an older kernel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from reachable import MODES, can_become_others, command

from leakgauge.sandbox.landlock import version
from leakgauge.sandbox.lockdown import LAYERS

ROOT = Path(__file__).parents[2]
SUPPORT = ROOT / "tests" / "support"
EVERYBODYS = ("/tmp", "/var/tmp", "/dev/shm")
OLD_KERNEL = (SUPPORT / "old_kernel.py", sys.executable)

as_root = pytest.mark.skipif(
    not can_become_others(),
    reason="takes root who may mount, and a checkout whose files others may read; the image tests do so too",
)


@pytest.fixture
def everybodys(tmp_path):
    """A temporary folder that every user may write to, and in which nothing may be left."""
    folder = tmp_path / "everybodys"
    folder.mkdir()
    folder.chmod(0o1777)
    yield folder
    assert [path.name for path in folder.iterdir()] == []


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
    found = examined(command("root", shown=[everybodys]), everybodys)
    assert (tuple(found["layers"]), possible(found)) == (LAYERS, set())


@as_root
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "root"])
def test_without_a_user_to_change_to_it_holds_all_the_same(everybodys, mode):
    found = examined(command(mode, shown=[everybodys]), everybodys)
    assert possible(found) == set()
    assert set(found["missing"]) == {"identity"}


@as_root
def test_on_an_older_kernel_root_still_holds(everybodys):
    found = examined(command("root", *OLD_KERNEL, shown=[everybodys]), everybodys)
    assert possible(found) == set()
    assert set(found["missing"]) == {"landlock"}


@as_root
def test_on_an_older_kernel_another_user_is_told_what_is_possible(everybodys):
    found = examined(command("another user", *OLD_KERNEL, shown=[everybodys]), everybodys)
    assert not found["sound"]
    assert set(found["missing"]) == {"identity", "landlock"}
    told = run(
        [*command("another user", *OLD_KERNEL, shown=[everybodys]), "-m", "leakgauge", "doctor"], everybodys
    )
    assert "only models that you trust" in told.stdout
    # who knows the name gets in; the names are not to be had
    assert possible(found) == {
        "read a file of another audit",
        "write into another audit's folder",
        "write into the service's folder",
    }


@as_root
def test_root_with_neither_a_user_to_change_to_nor_landlock_starts_no_audit(everybodys):
    words = command("root without capabilities", *OLD_KERNEL, shown=[everybodys])
    found = examined(words, everybodys)
    assert (found["sound"], found["layers"], found["trials"]) == (False, [], {})
    assert set(found["missing"]) == {"landlock", "identity"}
    told = run([*words, "-m", "leakgauge", "doctor"], everybodys)
    assert told.returncode == 1
    assert "No audit starts here." in told.stdout
    zipped = ROOT / "sample-input" / "membership.zip"
    unpacked, report = everybodys / "bundle", everybodys / "report"
    shutil.unpack_archive(zipped, unpacked)
    for bundle in (zipped, unpacked):
        done = run([*words, "-m", "leakgauge", "audit", bundle, "-o", report], everybodys)
        assert done.returncode == 4
        assert "neither a user of its own nor Landlock" in done.stderr
        assert not report.exists()
    shutil.rmtree(unpacked)


LOOKING = """
import json, sys, pathlib
from sandbox_runners import running
from leakgauge.errors import LeakgaugeError
from leakgauge.progress import Silent
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.resources import ResourceLimits
folder = pathlib.Path(sys.argv[1])
with Sandbox(limits=ResourceLimits(**json.loads(sys.argv[2])), job=running("look_around")) as box:
    try:
        box.run(folder / "given", folder / "report", overrides={}, progress=Silent(), timeout=60)
        print((folder / "report" / "report.json").read_text())
    except LeakgaugeError as error:
        print(json.dumps({"code": error.code}))
"""


@pytest.fixture
def given(everybodys):
    """A folder of root's that nobody else may enter, with what a bundle's folder may hold, and more."""
    folder = everybodys / "kept"
    place = folder / "given"
    (place / "images" / "inner").mkdir(parents=True)
    (place / ".hidden").mkdir()
    for name in ("model.pkl", "images/inner/a.png", ".hidden/b", ".c"):
        (place / name).write_text(name)
    (place / "link").symlink_to("/etc/shadow")
    (place / "folders").symlink_to("/etc")
    os.mkfifo(place / "pipe")
    for each in (folder, place, place / "images", place / "model.pkl"):
        each.chmod(0o700)
    yield folder
    shutil.rmtree(folder)


@as_root
@pytest.mark.parametrize("kernel", [(), OLD_KERNEL], ids=["with Landlock", "an older kernel"])
def test_a_folder_of_roots_is_copied_for_a_user_of_its_own(everybodys, given, kernel):
    done = run(command("root", *kernel, "-c", LOOKING, given, "{}", shown=[everybodys]), everybodys)
    found = json.loads(done.stdout)
    assert found["user"] >= 60_000
    assert found["found"] == {
        "model.pkl": "model.pkl",
        "images": "folder",
        "images/inner": "folder",
        "images/inner/a.png": "images/inner/a.png",
        "link": "link",
        "folders": "link",
        "pipe": "special",
    }
    assert found["possible"] == []
    assert not found["folder"].startswith(str(given))


@as_root
@pytest.mark.parametrize("limits", [{"folder_bytes": 20}, {"folder_entries": 3}])
def test_a_folder_that_is_too_large_to_be_copied_is_not_read_by_root_alone(everybodys, given, limits):
    words = ("-c", LOOKING, given, json.dumps(limits))
    done = run(command("root", *OLD_KERNEL, *words, shown=[everybodys]), everybodys)
    assert json.loads(done.stdout) == {"code": "limit_exceeded.disk"}
    if version():
        done = run(command("root", *words, shown=[everybodys]), everybodys)
        # Landlock keeps it from everything else
        assert json.loads(done.stdout)["user"] == 0


@as_root
@pytest.mark.parametrize("mode", ["root", "another user"])
def test_children_that_run_wild_are_ended_each_in_its_way(everybodys, mode):
    done = run(command(mode, SUPPORT / "rogue_children.py", shown=[everybodys]), everybodys)
    assert done.returncode == 0, done.stdout + done.stderr


@as_root
def test_what_a_user_of_its_own_leaves_where_everybody_may_write_is_removed(everybodys):
    program = SUPPORT / "rogue_children.py"
    done = run(command("root", *OLD_KERNEL, program, "leaver", "maze", shown=[everybodys]), everybodys)
    assert done.returncode == 0, done.stdout + done.stderr


@as_root
def test_a_killed_parent_leaves_nothing_where_everybody_may_write(everybodys):
    words = command("root", *OLD_KERNEL, SUPPORT / "orphans.py", shown=[everybodys])
    done = run(words, everybodys)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["written"] == ["/tmp", "/dev/shm", "/var/tmp", str(everybodys)]
    assert found["meanwhile"] >= 5  # the workspace too
    assert (found["alive"], found["left"]) == ([], [])


@as_root
def test_what_is_left_in_a_view_goes_with_it(everybodys, tmp_path):
    """Whatever a test does there: killed, it takes along what the machine would have kept."""
    name = f"leakgauge-of-{tmp_path.name}-{os.getpid()}"
    program = (
        f"import os, pathlib; [pathlib.Path(folder, {name!r}).touch() for folder in {EVERYBODYS}];"
        "os.kill(os.getpid(), 9)"
    )
    assert run(command("root", "-c", program, shown=[everybodys]), everybodys).returncode == -9
    assert not any(Path(folder, name).exists() for folder in EVERYBODYS)


@as_root
@pytest.mark.parametrize("mode", MODES)
def test_in_a_view_every_user_reads_the_checkout_and_nothing_else_of_a_closed_folder(
    everybodys, tmp_path, mode
):
    (tmp_path / "private").write_text("secret")
    program = (
        "import json, pathlib, sys, leakgauge, numpy, rogue_children;"
        f"print(json.dumps([pathlib.Path({str(tmp_path / 'private')!r}).exists(), leakgauge.__file__]))"
    )
    done = run(command(mode, "-c", program, shown=[everybodys]), everybodys)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [False, str(ROOT / "src" / "leakgauge" / "__init__.py")]


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
