"""The container gives the report of the command line, byte for byte, free as root and locked down."""

from __future__ import annotations

import io
import time
import zipfile

import pytest
from containers import LOCKED_DOWN, PATIENCE, send_inside, started

pytestmark = pytest.mark.images


def test_as_root(server, sample, expected):
    reply = server.invoke(sample, Accept="application/json")
    assert reply.status == 200, reply.body
    assert reply.body == (expected / "report.json").read_bytes()


def test_the_whole_folder_is_the_default(server, quick):
    reply = server.invoke(quick())
    assert reply.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(reply.body)) as folder:
        assert {"report.json", "report.html", "output.csv"} <= set(folder.namelist())


def test_locked_down(kind, sample, expected):
    with started(kind, ["serve"], LOCKED_DOWN) as container:
        while send_inside(container, "GET", "/ping")[0] != 200:
            assert container.running(), container.logs()
            assert time.monotonic() - container.begun < PATIENCE, container.logs()
        status, report = send_inside(
            container,
            *("POST", "/invocations", "Content-Type: application/zip", "Accept: application/json"),
            body=sample,
        )
        assert status == 200, report
        assert report == (expected / "report.json").read_bytes()
        assert container.stop()[0] == 0
