"""Workers on this machine: real sandboxed processes, and the bytes of the report as without them."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from cases import CASES
from served import children_of, wait_until

from leakgauge.model_pipe import Fit
from leakgauge.progress import Silent
from leakgauge.sandbox.parent import ModelTraining, Sandbox
from leakgauge.workers.dealer import Dealer
from leakgauge.workers.local import LocalWorkers

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[3] / "sample-input" / "membership.zip"
QUICK = {"attacks": ["gap", "rmia", "lira"], "reference_models": 8, "tradeoffs": False}


def report(folder, peer=None):
    with Sandbox() as sandbox:
        sandbox.run(SAMPLE, folder, overrides=QUICK, progress=Silent(), peer=peer)
    return (folder / "report.json").read_bytes()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return report(tmp_path_factory.mktemp("alone") / "report")


def test_the_report_is_that_of_one_process(alone, tmp_path):
    with LocalWorkers(SAMPLE, QUICK, workers=2) as workers, Dealer(workers) as dealer:
        assert report(tmp_path / "report", ModelTraining(dealer.attach)) == alone
    assert dealer.missed == 0
    assert dealer.trained >= 8


class Deadly:
    """Workers of whom one is killed each time that a model of these numbers is handed out."""

    def __init__(self, workers, numbers):
        self._workers = workers
        self._numbers = numbers
        self._submitted = 0

    def __getattr__(self, name):
        return getattr(self._workers, name)

    def submit(self, fit):
        outcome = self._workers.submit(fit)
        if self._submitted in self._numbers:
            server = self._workers._sandbox.server_pid
            wait_until(lambda: children_of(server))
            os.kill(children_of(server)[0], signal.SIGKILL)
        self._submitted += 1
        return outcome


def test_processes_that_are_killed_are_replaced(alone, tmp_path):
    with LocalWorkers(SAMPLE, QUICK, workers=2) as workers, Dealer(Deadly(workers, {2, 5})) as dealer:
        assert report(tmp_path / "report", ModelTraining(dealer.attach)) == alone
    assert dealer.missed == 0


def test_where_every_process_dies_the_audit_goes_on_alone(alone, tmp_path, monkeypatch):
    monkeypatch.setattr("leakgauge.workers.local._SPARE", -1)
    with LocalWorkers(SAMPLE, QUICK, workers=1) as workers, Dealer(workers) as dealer:
        assert workers.count() == 0
        assert report(tmp_path / "report", ModelTraining(dealer.attach)) == alone
    assert dealer.trained == 0


@pytest.mark.parametrize("content", [b"no zip", b""])
def test_a_bundle_that_cannot_be_opened_has_no_workers(content):
    fit = Fit("", bytes(4), bytes(4), 1)
    with LocalWorkers(content, QUICK, workers=1) as workers:
        outcomes = []
        while workers.count():
            outcomes.append(workers.submit(fit).result())
        assert set(outcomes) == {None}


def test_mitigations_are_tried_by_workers_too(tmp_path):
    reports, trained = [], []
    parameters = QUICK | {"attacks": ["gap", "rmia"], "reference_models": 4, "tradeoffs": True}
    for number in (0, 1):
        folder = tmp_path / str(number)
        with LocalWorkers(SAMPLE, parameters, workers=2) as workers, Dealer(workers) as dealer:
            training = ModelTraining(dealer.attach) if number else None
            with Sandbox() as sandbox:
                sandbox.run(SAMPLE, folder, overrides=parameters, progress=Silent(), peer=training)
        reports.append((folder / "report.json").read_bytes())
        trained.append(dealer.trained)
    assert reports[0] == reports[1]
    assert json.loads(reports[0])["tradeoffs"]["changes"]
    assert trained[1] > 4 + 1
    assert dealer.missed == 0


@pytest.mark.parametrize("change", ["max_depth=-1", "as it is", "../x"])
def test_a_change_that_there_is_not_ends_the_process_and_nothing_else(change):
    with LocalWorkers(SAMPLE, QUICK, workers=1) as workers:
        assert workers.submit(Fit(change, bytes(4), bytes(4), 1)).result() is None
        assert workers.count()


def test_a_model_that_cannot_be_trained_again_has_no_use_for_workers():
    """It answers, and holds no recipe: workers say that they cannot, and live on."""
    bundle = CASES / "models" / "skl2onnx_csv.zip"
    with LocalWorkers(bundle, {}, workers=1) as workers:
        assert workers.submit(Fit("", bytes(4), bytes(4), 1)).result() is None
        assert workers.count() == 1


def test_rows_that_there_are_not_end_the_process_and_nothing_else():
    far = Fit("", (2**31 - 1).to_bytes(4, "little"), bytes(4), 1)
    near = Fit("", b"".join(place.to_bytes(4, "little") for place in range(200)), bytes(4), 1)
    with LocalWorkers(SAMPLE, QUICK, workers=1) as workers:
        assert workers.submit(far).result() is None
        assert workers.count()
        assert len(workers.submit(near).result()) == near.records * 9 + 1
