"""Everything around a running service breaks once; `benchmarks/faults.py` does so fifty times."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import small_disk
from served import ROOT, Server, children_of, running, wait_until

import faults


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("faults"), **faults.ENVIRONMENT) as up:
        faults.sound(up)
        yield up


@pytest.mark.parametrize("fault", faults.EVERYWHERE, ids=lambda fault: fault.__name__)
def test_a_fault_ends_as_it_should_and_the_next_request_is_served(server, fault):
    fault(server)
    faults.sound(server)


def test_a_jumping_clock_ends_no_audit_and_saves_none(tmp_path):
    with running(tmp_path, app="served_app:build_with_a_jumping_clock()") as server:
        faults.clock_jumps(server)
        faults.sound(server)


@pytest.mark.skipif(not small_disk.can_be_had(), reason="a small file system takes root to mount")
def test_a_full_disk_is_told_and_soon_forgotten(tmp_path):
    small = tmp_path / "tmp"
    small.mkdir()
    with small_disk.small_disk(small, size=faults.TINY), running(tmp_path) as server:
        faults.disk_full_in_an_upload(server)
        faults.sound(server)
        faults.disk_full_in_the_child(server)
        faults.sound(server)


@pytest.fixture
def server_to_end(tmp_path):
    """A server of the test's own, which is ended afterwards if it has not been yet."""
    server = Server(tmp_path)
    try:
        server.wait_up()
        faults.sound(server)
        yield server
    finally:
        server.stop()


def test_a_killed_master_takes_everything_along(server_to_end):
    faults.kill_master(server_to_end)


def test_termination_in_an_audit_is_a_clean_end(server_to_end):
    faults.terminate_in_an_audit(server_to_end)


def test_a_server_does_not_outlive_a_killed_test(tmp_path):
    program = (
        "import pathlib, sys, time; from served import Server;"
        "server = Server(pathlib.Path(sys.argv[1])); server.wait_up();"
        "print(server.process.pid, flush=True); time.sleep(600)"
    )
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("src", "tests/support"))
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
    ) as test:
        master = int(test.stdout.readline())
        family = [master, *children_of(master)]
        test.kill()
    wait_until(lambda: not any(map(faults.alive, family)))
    wait_until(lambda: list((tmp_path / "tmp").iterdir()) == [])


@pytest.mark.skipif(not small_disk.can_be_had(), reason="a small file system takes root to mount")
def test_a_small_disk_does_not_outlive_a_killed_test(tmp_path):
    program = (
        "import sys, time; from small_disk import small_disk;"
        "disk = small_disk(sys.argv[1], size=1 << 20); disk.__enter__();"
        "print(flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path],
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests" / "support")},
        stdout=subprocess.PIPE,
    ) as test:
        test.stdout.readline()
        assert os.path.ismount(tmp_path)
        test.kill()
    wait_until(lambda: not os.path.ismount(tmp_path))
