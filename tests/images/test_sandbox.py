"""What a hostile model can do inside the images, in every mode that they are run in: nothing."""

from __future__ import annotations

import json

import pytest
from containers import LOCKED_DOWN, ROOT, docker, image, quick_bundle, send_inside, serving, started

pytestmark = pytest.mark.images

SUPPORT = ROOT / "tests" / "support"
MODES = {
    "as SageMaker starts it": (),
    "another user": ("--user", "1000:1000", "--cap-drop", "ALL"),
    "root without capabilities": ("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    "read-only": ("--read-only", "--tmpfs", "/tmp"),
    "locked down": LOCKED_DOWN,
}


# every kernel feature, whatever this engine's own profile leaves of them, and a kernel without Landlock
WHOLE_KERNEL = ("--security-opt", "seccomp=unconfined")
OLD_KERNEL = ("python3", "/probe/old_kernel.py")
KERNELS = {
    "root": (WHOLE_KERNEL, (), set()),
    "root on an older kernel": (WHOLE_KERNEL, OLD_KERNEL, {"landlock"}),
    "user": ((*WHOLE_KERNEL, "--user", "1000:1000"), (), {"identity"}),
    "read-only": ((*WHOLE_KERNEL, "--read-only", "--tmpfs", "/tmp"), (), set()),
    "no network": ((*WHOLE_KERNEL, "--network", "none"), (), set()),
    "root without capabilities": ((*WHOLE_KERNEL, "--cap-drop", "ALL"), (), {"identity"}),
}
"""Modes in which the sandbox holds: options, how the program is started, and which layers are not there."""


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


def test_the_doctor_finds_it_sound(kind, mode):
    done = docker("run", "--rm", *MODES[mode], image(kind), "leakgauge", "doctor", "--json", check=False)
    found = json.loads(done.stdout)
    print(f"{kind}, {mode}: {found['layers']}; missing: {found['missing']}")
    possible = [trial for trial, refused in found["trials"].items() if not refused]
    if "landlock" in found["missing"] and "identity" in found["missing"]:
        # a kernel that offers nothing to a process without privileges: the doctor must say so
        assert done.returncode == 1
        assert set(possible) <= {
            "read a file of another audit",
            "write into another audit's folder",
            "write into the service's folder",
            "write to the root of the file system",
            "read the machine's secrets",
        }
    else:
        assert (done.returncode, possible) == (0, [])


def on_a_kernel(kind, options, words, *command):
    """The outcome of a command in a container, started as on the kernel that `words` make."""
    probe = ("--volume", f"{SUPPORT}:/probe:ro")
    return docker("run", "--rm", *probe, *options, image(kind), *words, *command, check=False)


@pytest.mark.parametrize("name", KERNELS)
def test_the_doctor_says_what_holds(kind, name):
    options, words, missing = KERNELS[name]
    done = on_a_kernel(kind, options, words, "leakgauge", "doctor", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["sound"], found["refusal"]) == (0, True, None)
    assert set(found["missing"]) == missing
    assert all(found["trials"].values())


def test_the_doctor_says_that_an_older_kernel_keeps_no_other_user_from_its_own_files(kind):
    options = (*WHOLE_KERNEL, "--user", "1000:1000")
    done = on_a_kernel(kind, options, OLD_KERNEL, "leakgauge", "doctor")
    told = done.stdout.decode()
    assert done.returncode == 1
    assert "The sandbox does NOT hold here." in told
    assert "POSSIBLE      read a file of another audit" in told
    assert "only models that you trust" in told


def test_where_nothing_keeps_root_from_anything_no_audit_starts(kind):
    options = (*WHOLE_KERNEL, "--cap-drop", "ALL", "--volume", f"{ROOT / 'sample-input'}:/given:ro")
    told = on_a_kernel(kind, options, OLD_KERNEL, "leakgauge", "doctor")
    assert told.returncode == 1
    assert b"No audit starts here." in told.stdout
    for bundle in (f"/given/{kind}.zip", "/given"):
        done = on_a_kernel(kind, options, OLD_KERNEL, "leakgauge", "audit", bundle, "-o", "/tmp/report")
        assert done.returncode == 4
        assert b"neither a user of its own nor Landlock" in done.stderr


def test_root_gives_each_audit_a_user_of_its_own(kind):
    done = docker("run", "--rm", image(kind), "leakgauge", "doctor", "--json")
    assert "identity" in json.loads(done.stdout)["layers"]


def test_children_that_run_wild_are_ended(kind, mode):
    """Memory, threads, an endless loop, deafness to signals, a huge file, files left all over."""
    done = docker(
        *("run", "--rm", *MODES[mode], "--volume", f"{SUPPORT}:/probe:ro", "--env", "PYTHONPATH=/probe"),
        *(image(kind), "python3", "/probe/rogue_children.py"),
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_a_small_container_serves_the_sample(kind, sample):
    small = ("--pids-limit", "256", "--memory", "4g", "--cpus", "1")
    with serving(kind, options=small) as container:
        reply = container.invoke(sample, Accept="application/json")
        assert reply.status == 200, reply.body
        told = json.loads(container.send("GET", "/execution-parameters").body)
        assert told["MaxConcurrentTransforms"] == 1


@pytest.mark.parametrize("options", [(), LOCKED_DOWN], ids=["as SageMaker starts it", "locked down"])
def test_the_answer_names_the_layers_in_the_log(kind, options):
    with started(kind, ["serve"], options) as container:
        status = None
        while status is None:
            status, _ = send_inside(container, "GET", "/ping")
        bundle = quick_bundle(kind)
        status, body = send_inside(container, "POST", "/invocations", "Accept: application/json", body=bundle)
        assert status == 200, body
        ended = [json.loads(line) for line in container.logs().splitlines() if '"audit ends"' in line]
        assert {"limits", "no_new_privileges", "capabilities", "seccomp"} <= set(ended[0]["layers"])
        assert ("identity" in ended[0]["layers"]) == (options == ())
