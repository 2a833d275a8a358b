"""Everything around a running service breaks once; `benchmarks/faults.py` does so fifty times."""

from __future__ import annotations

import os
import subprocess

import pytest
from served import Server, running

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


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system takes root to mount")
def test_a_full_disk_is_told_and_soon_forgotten(tmp_path):
    small = tmp_path / "tmp"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={faults.TINY},mode=1777", "none", small], check=True)
    try:
        with running(tmp_path) as server:
            faults.disk_full_in_an_upload(server)
            faults.sound(server)
            faults.disk_full_in_the_child(server)
            faults.sound(server)
    finally:
        subprocess.run(["umount", small], check=True)


def started(folder):
    server = Server(folder)
    server.wait_up()
    faults.sound(server)
    return server


def test_a_killed_master_takes_everything_along(tmp_path):
    server = started(tmp_path)
    try:
        faults.kill_master(server)
    finally:
        server.stop()


def test_termination_in_an_audit_is_a_clean_end(tmp_path):
    server = started(tmp_path)
    try:
        faults.terminate_in_an_audit(server)
    finally:
        server.stop()
