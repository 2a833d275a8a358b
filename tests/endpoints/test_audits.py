"""Acceptance: audits of a forest behind MLServer and behind MLflow, beside the audit of its file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from dying import with_this_process
from served import PATIENCE, ROOT, wait_until
from service_protocols import MLflow, OpenInference
from services import recorded

pytestmark = pytest.mark.endpoints

ATTACKS = ["gap", "loss", "entropy", "label_only"]
HALF = 4_900
"""Of the rows that these ask about: 120 members and 120 non-members, and 40 changed copies of each."""
SEED = "--seed", "3"


@pytest.fixture(scope="module")
def data(forest, tmp_path_factory):
    """Members and non-members, without a model."""
    folder = tmp_path_factory.mktemp("data")
    forest.members.to_csv(folder / "members.csv", index=False)
    forest.non_members.to_csv(folder / "non_members.csv", index=False)
    (folder / "parameters.json").write_text(json.dumps({"attacks": ATTACKS, "proportions": [50]}))
    return folder


def command(*words):
    """A call of the command line that ends with this process; its environment."""
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "HOME")}
    environment |= {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return with_this_process(sys.executable, "-m", "leakgauge", *words), environment


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


def audited(*words, output):
    """The report of an audit by the command line."""
    words, environment = command("audit", *words, "-o", output, *SEED)
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=4 * PATIENCE)
    assert done.returncode == 0, done.stderr
    return report_of(output)


@pytest.fixture(scope="module")
def of_the_file(forest, data, tmp_path_factory):
    """The report of the audit of the same forest in a bundle."""
    folder = tmp_path_factory.mktemp("file")
    for path in [*data.iterdir(), forest.path]:
        (folder / path.name).write_bytes(path.read_bytes())
    return audited(folder, "--parameter", "tradeoffs=false", output=folder / "report")


@pytest.fixture(params=["mlserver", "mlflow"])
def server(request, tmp_path):
    """What is asked of it goes through a recorder; its settings file."""
    url = request.getfixturevalue(f"{request.param}_url")
    with recorded(OpenInference() if request.param == "mlserver" else MLflow(), url) as recorder:
        settings = {
            "mlserver": {"protocol": "open-inference", "model": "forest", "output": "predict_proba"},
            "mlflow": {"protocol": "mlflow"},
        }[request.param]
        settings |= {
            "url": recorder.url,
            "cache": str(tmp_path / "cache"),
            "price": {"per_1000_rows": 0.5, "per_request": 0.01, "currency": "EUR"},
        }
        path = tmp_path / "endpoint.yaml"
        path.write_text(yaml.safe_dump(settings))
        yield SimpleNamespace(settings=path, recorder=recorder)


def measured(report):
    return {
        each["name"]: each["metrics"]["auc"] for each in report["attacks"] if each["status"] == "measured"
    }


def test_figures_are_those_of_the_file_and_a_killed_audit_asks_no_row_twice(
    server, data, of_the_file, tmp_path
):
    recorder = server.recorder
    whole = ["audit", data, "--endpoint", server.settings, "--yes", "-o", tmp_path / "killed", *SEED]
    recorder.hold_at = HALF
    words, environment = command(*whole)
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as killed:
        wait_until(lambda: recorder.held.is_set() or killed.poll() is not None, 4 * PATIENCE)
        assert killed.poll() is None, killed.communicate()[0]
        killed.kill()
    assert killed.returncode == -signal.SIGKILL
    before = len(recorder.rows)
    assert HALF <= before < HALF + 100
    recorder.hold_at = None
    recorder.released.set()

    resumed = audited(data, "--endpoint", server.settings, "--yes", output=tmp_path / "resumed")
    use = resumed["service"]
    assert use["rows"] == len(recorder.rows) - before
    assert use["rows_from_cache"] == before
    assert use["cost"] == pytest.approx(use["rows"] / 1_000 * 0.5 + use["requests"] * 0.01)
    assert use["currency"] == "EUR"

    # the file audit asks about the same rows once; the service is asked twice about a few, to see whether it
    # gives the same answer
    asked = recorder.times_asked()
    assert max(asked.values()) <= 2
    assert sum(times == 2 for times in asked.values()) <= 10
    assert len(recorder.rows) <= use["most_rows"] == 10_000

    by_file, by_service = measured(of_the_file), measured(resumed)
    assert by_service.keys() == by_file.keys() == set(ATTACKS)
    for name, area in by_service.items():
        assert by_file[name]["low"] <= area["value"] <= by_file[name]["high"], name
        assert area["low"] <= by_file[name]["value"] <= area["high"], name
