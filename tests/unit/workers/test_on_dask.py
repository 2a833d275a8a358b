"""Workers behind Dask: a real scheduler, real workers, and the bytes of the report as without them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from dask_cluster import cluster
from served import wait_until

from leakgauge.errors import BadParameters
from leakgauge.model_pipe import Fit
from leakgauge.progress import Silent
from leakgauge.sandbox.parent import ModelTraining, Sandbox
from leakgauge.workers import on_dask
from leakgauge.workers.dealer import Dealer
from leakgauge.workers.hiring import check_hired
from leakgauge.workers.on_dask import Bundle, DaskWorkers, connected

SAMPLE = Path(__file__).parents[3] / "sample-input" / "membership.zip"
QUICK = {"attacks": ["gap", "rmia", "lira"], "reference_models": 8, "tradeoffs": False}
SOME = Fit("", b"".join(place.to_bytes(4, "little") for place in range(200)), bytes(4), 1)
slow = pytest.mark.slow


def audited(*arguments):
    words = [f"--parameter={name}={json.dumps(value)}" for name, value in QUICK.items()]
    return subprocess.run(
        [sys.executable, "-m", "leakgauge", "audit", *words, *map(str, arguments)],
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone") / "report"
    done = audited(SAMPLE, "-o", folder)
    assert done.returncode == 0, done.stderr
    return (folder / "report.json").read_bytes()


@slow
@pytest.mark.parametrize("form", ["zip", "folder", "folder with a zip"])
def test_the_report_is_that_of_one_machine(alone, tmp_path, form):
    bundle = SAMPLE
    if form == "folder":
        bundle = tmp_path / "bundle"
        with zipfile.ZipFile(SAMPLE) as packed:
            packed.extractall(bundle)
    elif form == "folder with a zip":
        bundle = tmp_path / "channel"
        bundle.mkdir()
        (bundle / "bundle.zip").write_bytes(SAMPLE.read_bytes())
        (bundle / "_SUCCESS").touch()
    with cluster(tmp_path / "cluster") as dask:
        done = audited(bundle, "-o", tmp_path / "report", "--dask", dask.address)
    assert done.returncode == 0, done.stderr
    assert "workers were lost" not in done.stderr
    found = (tmp_path / "report" / "report.json").read_bytes()
    assert found == alone


@slow
def test_the_command_line_has_workers_here(alone, tmp_path):
    done = audited(SAMPLE, "-o", tmp_path / "report", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "workers were lost" not in done.stderr
    assert (tmp_path / "report" / "report.json").read_bytes() == alone


class Deadly:
    """Workers of a cluster, of which `kill` ends some when the third model is handed out."""

    def __init__(self, workers, kill):
        self._workers = workers
        self._kill = kill
        self._submitted = 0

    def __getattr__(self, name):
        return getattr(self._workers, name)

    def submit(self, fit):
        outcome = self._workers.submit(fit)
        self._submitted += 1
        if self._submitted == 3:
            self._kill()
        return outcome


def report(folder, dask, kill):
    with (
        connected(dask.address) as client,
        DaskWorkers(client, Bundle.sent(SAMPLE, QUICK)) as workers,
        Dealer(Deadly(workers, kill), patience=3.0) as dealer,
        Sandbox() as sandbox,
    ):
        wait_until(lambda: workers.count() == len(dask.workers))
        training = ModelTraining(dealer.attach)
        sandbox.run(SAMPLE, folder, overrides=QUICK, progress=Silent(), peer=training)
    return (folder / "report.json").read_bytes(), dealer


@slow
def test_the_tasks_of_a_worker_that_is_killed_are_done_by_another(alone, tmp_path):
    with cluster(tmp_path / "cluster") as dask:
        found, dealer = report(tmp_path / "report", dask, dask.workers[0].kill)
        assert dask.workers[0].wait() == -signal.SIGKILL
    assert found == alone
    assert dealer.missed == 0


@slow
@pytest.mark.parametrize("lost", ["workers", "scheduler"])
def test_where_all_are_lost_the_audit_goes_on_alone(alone, tmp_path, lost):
    with cluster(tmp_path / "cluster") as dask:

        def kill():
            for process in dask.workers if lost == "workers" else [dask.scheduler]:
                process.kill()

        found, dealer = report(tmp_path / "report", dask, kill)
    assert found == alone
    assert dealer.missed > 0


@slow
def test_what_a_worker_keeps_for_an_audit_ends_when_it_is_idle(monkeypatch):
    monkeypatch.setattr(on_dask, "IDLE_SECONDS", 0.1)
    keeper = on_dask.Keeper()
    assert keeper.train(Bundle.sent(SAMPLE, QUICK), SOME, threads=1) is not None
    wait_until(lambda: not keeper._kept)
    keeper.close()


@slow
def test_nobody_is_asked_where_no_scheduler_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(on_dask, "CONNECT_SECONDS", 0.5)
    with pytest.raises(BadParameters) as raised, connected("tcp://127.0.0.1:1"):
        pass
    assert raised.value.problem == "dask_cluster"


@pytest.mark.parametrize(
    "address",
    [
        "nonsense://x:1",
        "tcp://",
        "tcp://host",
        "file:///etc/passwd",
        "tcp://127.0.0.1:99999",
        "tcp://a:b",
        "",
    ],
)
def test_what_is_no_address_is_refused(address, monkeypatch):
    monkeypatch.setattr(on_dask.distributed, "Client", None)  # nobody is asked
    with pytest.raises(BadParameters) as raised, connected(address):
        pass
    assert raised.value.problem == "dask_address"


def test_a_worker_of_another_version_trains_nothing():
    bundle = replace(Bundle.found(SAMPLE, {}), version="0.0.1")
    with pytest.raises(RuntimeError, match="another version"):
        on_dask.train(bundle, SOME)


@pytest.mark.parametrize(
    "asked",
    [
        {"workers": 2, "dask": "tcp://x:1", "service": False},
        {"workers": 2, "dask": None, "service": True},
        {"workers": None, "dask": "tcp://x:1", "service": True},
    ],
)
def test_what_does_not_go_together_is_refused(asked):
    with pytest.raises(BadParameters) as raised:
        check_hired(**asked)
    assert raised.value.problem == "workers"
