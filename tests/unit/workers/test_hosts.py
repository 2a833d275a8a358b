"""A job on several hosts, which are processes with addresses of their own: the report is that of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from itertools import count
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "sample-input" / "membership.zip"
QUICK = {"attacks": '["gap", "rmia", "lira"]', "reference_models": "8", "tradeoffs": "false"}
_NETWORKS = count(os.getpid() % 100 + 1)


@pytest.fixture
def names():
    """The hosts of one job: two addresses that no other job has."""
    network = next(_NETWORKS)
    return [f"127.77.{network}.1", f"127.77.{network}.2"]


def laid_out(folder, current, hosts, bundle=SAMPLE):
    """The folder of one host."""
    for name in ("input/config", "input/data/training", "model", "output/data"):
        (folder / name).mkdir(parents=True)
    with zipfile.ZipFile(SAMPLE) as packed:
        packed.extractall(folder / "input/data/training")
    if bundle is not SAMPLE:
        (folder / "input/data/training" / "model.pkl").write_bytes(bundle)
    config = folder / "input/config"
    (config / "hyperparameters.json").write_text(json.dumps(QUICK))
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": current, "hosts": hosts}))
    return folder


WITHOUT_OWN = """
import sys, distributed
class Cluster(distributed.LocalCluster):
    def __init__(self, **settings):
        super().__init__(**settings | {"n_workers": 0})
distributed.LocalCluster = Cluster
from leakgauge.sagemaker.job import main
sys.exit(main())
"""


def started(folder, program=None):
    return subprocess.Popen(
        [sys.executable, *(["-c", program] if program else [str(ROOT / "train")])],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "LEAKGAUGE_ML_ROOT": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def facts(line):
    """A line of the log; nothing for what is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def ended(process, patience=240):
    """The exit code and the log of a host."""
    printed, _ = process.communicate(timeout=patience)
    return process.returncode, [facts(line) for line in printed.splitlines()]


def report(folder):
    return (folder / "model" / "report.json").read_bytes()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = laid_out(tmp_path_factory.mktemp("alone") / "ml", "algo-1", ["algo-1"])
    assert ended(started(folder))[0] == 0
    return report(folder)


def listening(process):
    """The addresses on which a host listens."""
    return {
        each.laddr.ip
        for each in psutil.Process(process.pid).net_connections(kind="inet")
        if each.status == psutil.CONN_LISTEN
    }


def told(log, event):
    return next((line for line in log if line.get("event") == event), None)


def test_two_hosts_make_the_report_of_one(alone, names, tmp_path):
    """The first has no workers of its own, so that it has to wait for those of the second."""
    second = started(laid_out(tmp_path / "second", names[1], names))
    first = started(laid_out(tmp_path / "first", names[0], names), WITHOUT_OWN)
    code, log = ended(first)
    assert (code, told(log, "reference models trained by workers")["by_the_audit"]) == (0, 0)
    assert report(tmp_path / "first") == alone
    code, log = ended(second)
    assert code == 0
    assert told(log, "trained reference models for the first host")["trained"] > 0
    assert list((tmp_path / "second" / "model").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_host_that_ends_in_mid_job_costs_its_models_and_no_more(alone, names, tmp_path, number):
    second = started(laid_out(tmp_path / "second", names[1], names))
    first = started(laid_out(tmp_path / "first", names[0], names))
    for line in second.stdout:
        if facts(line).get("event") == "trains reference models for the first host":
            break
    for line in first.stdout:
        if facts(line).get("stage") == "training reference models":
            break
    assert {place for host in (first, second) for place in listening(host)} == set(names)
    second.send_signal(number)
    code, _ = ended(second)
    assert code == (0 if number == signal.SIGTERM else -number)
    code, _ = ended(first)
    assert code == 0
    assert report(tmp_path / "first") == alone


def test_a_host_whose_peers_never_come_audits_alone(alone, names, tmp_path):
    assert ended(started(laid_out(tmp_path / "first", names[0], names)))[0] == 0
    assert report(tmp_path / "first") == alone


def test_a_name_that_is_none_is_no_reason_to_fail(alone, tmp_path, monkeypatch):
    """The network of a job may be broken; the audit needs none."""
    hosts = ["algo-1.invalid", "algo-2.invalid"]
    program = (
        "import leakgauge.workers.hosts as hosts; hosts._OWN_NAME_SECONDS = 0.1; hosts.LEADER_SECONDS = 0.1;"
    )
    program += "import sys; from leakgauge.sagemaker.job import main; sys.exit(main())"
    for name in hosts:
        folder = laid_out(tmp_path / name, name, hosts)
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "LEAKGAUGE_ML_ROOT": str(folder)},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
    assert report(tmp_path / hosts[0]) == alone
    assert list((tmp_path / hosts[1] / "model").iterdir()) == []


def test_where_the_first_refuses_the_bundle_the_others_end_well(names, tmp_path):
    second = started(laid_out(tmp_path / "second", names[1], names, b"no model"))
    first = started(laid_out(tmp_path / "first", names[0], names, b"no model"))
    assert ended(first)[0] == 2
    assert (tmp_path / "first" / "output" / "failure").exists()
    second.terminate()  # it may have come too late to be told
    assert ended(second)[0] == 0
    assert not (tmp_path / "second" / "output" / "failure").exists()
