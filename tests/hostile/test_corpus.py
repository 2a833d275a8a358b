"""Every file of the corpus is answered with its own error; nothing of it runs."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hostile_corpus import Hostile, code_running, corpus, parameter_files, tables

from leakgauge.bundle import Limits
from leakgauge.errors import LeakgaugeError
from leakgauge.parameters import inversion_parameters, membership_parameters
from leakgauge.tables import read_table
from leakgauge.targets.sklearn.reading import load_model


def refusal(read, folder: Path, hostile: Hostile) -> LeakgaugeError:
    path = folder / "file"
    path.write_bytes(hostile.content)
    with pytest.raises(LeakgaugeError) as caught:
        read(path)
    error = caught.value
    told = str(error.body())
    assert str(folder) not in told
    assert error.message.isprintable()
    assert error.hint
    assert len(told) < 100_000
    return error


def test_pickles_that_would_run_code(tmp_path):
    """In one test, with one canary: no file of them may touch it, nor reach the socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        canary = tmp_path / "canary"
        port = listening.getsockname()[1]
        wrong = {}
        for hostile in code_running(canary=str(canary), port=port):
            code = refusal(load_model, tmp_path, hostile).code
            if code != hostile.code:
                wrong[hostile.name] = code
        assert wrong == {}
        assert not canary.exists()
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize("hostile", tables(), ids=lambda each: each.name)
def test_tables(hostile, tmp_path):
    def read(path):
        read_table(
            path, name="train.csv", limits=Limits(), header=True if "twins" in hostile.name else "auto"
        )

    assert refusal(read, tmp_path, hostile).code == hostile.code


@pytest.mark.parametrize("hostile", parameter_files(), ids=lambda each: each.name)
@pytest.mark.parametrize(
    "read", [membership_parameters, inversion_parameters], ids=["membership", "inversion"]
)
def test_parameters(read, hostile, tmp_path):
    assert refusal(read, tmp_path, hostile).code == hostile.code


def test_there_are_three_hundred_of_them_and_no_two_alike():
    contents = {(hostile.file, hostile.content) for hostile in corpus()}
    assert len(contents) == len(corpus()) >= 300
