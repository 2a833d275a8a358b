"""A training job on several containers of one network, with one processor each, as SageMaker starts them."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import ExitStack

import pytest
from containers import Container, docker, quick_bundle

pytestmark = pytest.mark.images

PARAMETERS = {"attacks": ["gap", "rmia"], "reference_models": 16, "tradeoffs": False}
PATIENCE = 300.0


class Host(Container):
    """One instance of a job."""

    def __init__(self, folder, network, name, names, bundle):
        for part in ("input/config", "input/data/training", "model", "output/data"):
            (folder / part).mkdir(parents=True)
        (folder / "input/data/training/bundle.zip").write_bytes(bundle)
        resources = {"current_host": name, "hosts": names, "network_interface_name": "eth0"}
        (folder / "input/config/resourceconfig.json").write_text(json.dumps(resources))
        options = ("--network", network, "--hostname", name, "--network-alias", name, "--cpus", "1")
        super().__init__("membership", ("train",), (*options, "--volume", f"{folder}:/opt/ml"))
        self.report = folder / "model" / "report.json"

    def wait_for(self, text):
        """Wait until its log says this."""
        begun = time.monotonic()
        while text not in self.logs():
            assert self.running(), self.logs()
            assert time.monotonic() - begun < PATIENCE, self.logs()
            time.sleep(0.1)


@pytest.fixture
def network():
    """Containers reach each other by name, and nothing else: as with SageMaker's network isolation."""
    name = f"leakgauge-test-{uuid.uuid4().hex[:12]}"
    docker("network", "create", "--internal", name)
    yield name
    docker("network", "rm", name, check=False)


@pytest.fixture
def job(network, tmp_path):
    """Start a job on so many hosts; the hosts, the first of which leads."""
    with ExitStack() as stack:

        def start(count):
            names = [f"algo-{number}" for number in range(1, count + 1)]
            bundle = quick_bundle("membership", parameters=PARAMETERS)
            hosts = []
            for name in names:
                hosts.append(Host(tmp_path / f"{count}-{name}", network, name, names, bundle))
                stack.callback(hosts[-1].remove)
            return hosts

        yield start


@pytest.fixture
def alone(job):
    """The bytes of the report of one host."""
    (host,) = job(1)
    assert host.wait() == 0, host.logs()
    content = host.report.read_bytes()
    host.remove()
    return content


@pytest.mark.parametrize("count", [2, 4])
def test_several_hosts_make_the_report_of_one(alone, job, count):
    first, *others = job(count)
    assert first.wait() == 0, first.logs()
    assert first.report.read_bytes() == alone
    for host in others:
        assert host.wait() == 0, host.logs()
        assert not host.report.exists()


def test_a_host_that_is_killed_in_mid_job_costs_its_models_and_no_more(alone, job):
    first, second = job(2)
    second.wait_for("trains reference models for the first host")
    first.wait_for("training reference models")
    docker("kill", second.name)
    assert first.wait() == 0, first.logs()
    assert first.report.read_bytes() == alone
