from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox_runners import running

from leakgauge.errors import AuditFailed, BadBundle, BadParameters
from leakgauge.jobs.table import AUDIT, PRIOR
from leakgauge.sagemaker import job
from leakgauge.sagemaker.layout import JobLayout
from leakgauge.sagemaker.metrics import metric_lines
from leakgauge.sandbox.parent import Sandbox

HERE = Path(__file__).parent
PATHS = f"{HERE.parents[1] / 'src'}:{HERE.parent / 'support'}"


@pytest.fixture
def root(tmp_path):
    """The folder as SageMaker lays it out, with loose files in channel `training`."""
    folder = tmp_path / "ml"
    for name in ("input/config", "input/data/training", "model", "output/data"):
        (folder / name).mkdir(parents=True)
    (folder / "input/data/training/model.pkl").write_bytes(b"m")
    (folder / "input/data/training/data.zip").write_bytes(b"z")
    return folder


def configure(root, name, value):
    (root / "input" / "config" / f"{name}.json").write_text(
        value if isinstance(value, str) else json.dumps(value)
    )


@pytest.fixture
def sandbox(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PATHS)

    def make(runner="echo", **_):
        return Sandbox(job=running(runner))

    return make


@pytest.fixture
def main(root, monkeypatch, sandbox):
    """The whole job, as the program `train` runs it."""
    monkeypatch.setenv("LEAKGAUGE_ML_ROOT", str(root))
    monkeypatch.setattr("leakgauge.logs.configure", lambda: None)

    def run(runner):
        before = signal.getsignal(signal.SIGTERM)
        monkeypatch.setattr(job, "Sandbox", lambda **_: sandbox(runner))
        try:
            return job.main()
        finally:
            signal.signal(signal.SIGTERM, before)

    return run


def test_a_job_fills_both_folders_and_prints_metrics(root, main, capsys):
    configure(root, "hyperparameters", {"seed": "7", "label_column": "y", "sagemaker_program": '"x.py"'})
    configure(root, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    assert main("echo") == 0
    for folder in ("model", "output/data"):
        names = sorted(path.name for path in (root / folder).iterdir())
        assert names == ["output.csv", "report.html", "report.json"]
    report = json.loads((root / "model" / "report.json").read_text())
    assert report["overrides"] == {"seed": 7, "label_column": "y"}
    assert capsys.readouterr().out.splitlines() == [
        *("gap_auc=0.5;", "gap_accuracy=0.25;", "attack_auc=0.5;", "attack_accuracy=0.25;")
    ]
    assert not (root / "output" / "failure").exists()


def test_a_refusal_leaves_its_reason_and_its_exit_code(root, main):
    assert main("refuse") == 2
    assert (root / "output" / "failure").read_text() == "This is no zip. Send a zip. [bad_bundle.not_a_zip]"
    assert list((root / "model").iterdir()) == []


def test_a_reason_is_cut_where_sagemaker_cuts_it(root, main):
    assert main("refuse_at_length") == 2
    assert len((root / "output" / "failure").read_text()) == 1_024


def test_a_bug_leaves_a_reason_without_its_text(root, main, monkeypatch, caplog):
    def broken(*_, **__):
        raise KeyError("Alice,42")

    monkeypatch.setattr(job, "run", broken)
    assert main("echo") == 4
    reason = (root / "output" / "failure").read_text()
    assert "audit_failed.unexpected" in reason
    assert caplog.records[0].id in reason
    assert "Alice" not in reason + caplog.text


def test_the_only_channel_may_have_any_name(tmp_path):
    (tmp_path / "input" / "data" / "audit").mkdir(parents=True)
    assert JobLayout(tmp_path).source().name == "audit"


@pytest.mark.parametrize("channels", [[], ["a", "b"]])
def test_no_channel_is_told(tmp_path, channels):
    for name in channels:
        (tmp_path / "input" / "data" / name).mkdir(parents=True)
    with pytest.raises(BadBundle) as raised:
        JobLayout(tmp_path).source()
    assert raised.value.problem == "no_channel"


def hosts(root, current, *names):
    configure(root, "resourceconfig", {"current_host": current, "hosts": names})
    return JobLayout(root).hosts()


def test_of_several_instances_the_first_by_name_leads(root):
    assert hosts(root, "algo-2", "algo-2", "algo-1").leader == "algo-1"
    assert hosts(root, "algo-10", "algo-10", "algo-2", "algo-1").leader == "algo-1"
    assert hosts(root, "algo-1-x3f", "algo-1-x3f", "algo-2-x3f").current == "algo-1-x3f"


def test_one_instance_is_alone(root):
    assert JobLayout(root).hosts() is None
    assert hosts(root, "algo-1", "algo-1") is None
    configure(root, "resourceconfig", {})
    assert JobLayout(root).hosts() is None


@pytest.mark.parametrize(
    "told",
    [
        {"hosts": ["algo-1", "algo-2"]},
        {"hosts": ["algo-1", "algo-2"], "current_host": "algo-3"},
        {"hosts": ["algo-1", "algo-2"], "current_host": 1},
        {"hosts": ["algo-1", 2], "current_host": "algo-1"},
        {"hosts": ["algo-1", None], "current_host": "algo-1"},
        {"hosts": ["algo-1", ""], "current_host": "algo-1"},
        {"hosts": ["algo-1", "algo 2"], "current_host": "algo-1"},
        {"hosts": ["algo-1", "tcp://elsewhere:1"], "current_host": "algo-1"},
        {"hosts": ["algo-1", "-o"], "current_host": "algo-1"},
        {"hosts": ["algo-1", "a" * 254], "current_host": "algo-1"},
        {"hosts": "algo-1", "current_host": "algo-1"},
        {"hosts": {"algo-1": 1}, "current_host": "algo-1"},
        {"hosts": None, "current_host": "algo-1"},
        "[]",
        "{",
        "\xff",
    ],
)
def test_hosts_that_sagemaker_would_not_name_are_refused(root, main, told):
    configure(root, "resourceconfig", told)
    assert main("echo") == 2
    assert "[bad_parameters.job_configuration]" in (root / "output" / "failure").read_text()


def test_what_cannot_be_shared_is_done_by_the_first_alone(root, main):
    configure(root, "hyperparameters", {"task": "prior"})
    configure(root, "resourceconfig", {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]})
    assert main("refuse") == 0
    assert list((root / "model").iterdir()) == []
    configure(root, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]})
    assert main("refuse") == 2


@pytest.mark.parametrize("missing", ["inversion", "dask"])
def test_without_what_it_takes_one_host_audits_alone(root, main, monkeypatch, missing):
    if missing == "inversion":
        monkeypatch.setenv("LEAKGAUGE_AUDIT", "inversion")
    else:
        monkeypatch.setattr(job, "installed", lambda _: False)
    configure(root, "resourceconfig", {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]})
    assert main("echo") == 0
    assert list((root / "model").iterdir()) == []
    configure(root, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]})
    assert main("echo") == 0
    assert (root / "model" / "report.json").is_file()


def test_a_bundle_dealt_out_to_several_instances_is_refused(root):
    configure(root, "inputdataconfig", {"training": {"S3DistributionType": "ShardedByS3Key"}})
    with pytest.raises(BadBundle) as raised:
        hosts(root, "algo-1", "algo-1", "algo-2")
    assert raised.value.problem == "sharded_channel"


def test_the_task_is_an_audit_unless_told(root):
    assert JobLayout(root).job() is AUDIT
    configure(root, "hyperparameters", {"task": "prior", "sagemaker_region": "eu-west-1"})
    assert JobLayout(root).job() is PRIOR
    configure(root, "hyperparameters", {"task": "audit", "seed": "7"})
    assert JobLayout(root).job() is AUDIT
    assert JobLayout(root).overrides() == {"seed": 7}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"task": "Prior"}, "unknown_task"),
        ({"task": "[]"}, "unknown_task"),
        ({"task": "prior", "seed": "7"}, "prior_parameters"),
    ],
)
def test_a_task_that_cannot_be_done_is_told(root, main, given, problem):
    configure(root, "hyperparameters", given)
    assert main("echo") == 2
    assert f"[bad_parameters.{problem}]" in (root / "output" / "failure").read_text()


def test_images_for_a_prior_are_in_a_channel_of_their_own(root):
    (root / "input" / "data" / "auxiliary").mkdir()
    assert JobLayout(root).source(PRIOR).name == "auxiliary"
    assert JobLayout(root).source(AUDIT).name == "training"


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, '{"seed": 7}'])
def test_no_task_is_read_from_what_sagemaker_would_not_write(root, text):
    configure(root, "hyperparameters", text)
    with pytest.raises(BadParameters) as raised:
        JobLayout(root).job()
    assert raised.value.problem == "job_configuration"


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, '{"seed": 7}'])
def test_a_configuration_that_sagemaker_would_not_write(root, text):
    configure(root, "hyperparameters", text)
    with pytest.raises(BadParameters) as raised:
        JobLayout(root).overrides()
    assert raised.value.problem == "job_configuration"


def test_metrics_of_every_measured_attack_and_the_worst(tmp_path):
    report = tmp_path / "report.json"
    measured = {"status": "measured"}
    report.write_text(
        json.dumps(
            {
                "attacks": [
                    {"name": "gap", "metrics": {"auc": {"value": 0.625}, "epsilon": 3}} | measured,
                    {"name": "rmia", "metrics": {"auc": {"value": 0.75}}} | measured,
                    {"name": "lira", "status": "failed", "metrics": {"auc": {"value": 1}}},
                    {"name": "nn", "metrics": {"auc_corrected": {"value": 1}}} | measured,
                ]
            }
        )
    )
    assert metric_lines(report) == ["gap_auc=0.625;", "rmia_auc=0.75;", "attack_auc=0.75;"]


@pytest.mark.parametrize("text", ["{}", '{"attacks": [3, {}]}', '{"attacks": 1}'])
def test_a_report_without_attacks_has_no_metrics(tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    assert metric_lines(tmp_path / "report.json") == []


def test_a_stopped_job_ends_with_a_reason(root, tmp_path):
    program = (
        "import sys, leakgauge.sagemaker.job as job;"
        "from sandbox_runners import running;"
        "stubborn = running('ignore_termination');"
        "job.Sandbox = lambda **_: Sandbox(job=stubborn);"
        "from leakgauge.sandbox.parent import Sandbox;"
        "sys.exit(job.main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": PATHS, "LEAKGAUGE_ML_ROOT": str(root), "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
    ) as process:
        assert any(b"spinning" in line for line in process.stderr)
        process.terminate()
        process.stderr.read()
        assert process.wait(120) == AuditFailed.exit_code  # SageMaker kills it then
    assert "audit_failed.cancelled" in (root / "output" / "failure").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["ml"]


def test_the_program_train_runs_the_job(root, tmp_path):
    configure(root, "hyperparameters", "{")
    done = subprocess.run(
        [sys.executable, str(HERE.parents[1] / "train")],
        env=os.environ | {"PYTHONPATH": PATHS, "LEAKGAUGE_ML_ROOT": str(root), "TMPDIR": str(tmp_path)},
        check=False,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "job_configuration" in (root / "output" / "failure").read_text()


def raising_for(monkeypatch, folder):
    copied = job.shutil.copytree

    def copytree(source, target, **named):
        if target == folder:
            raise OSError(28, "full")
        return copied(source, target, **named)

    monkeypatch.setattr(job.shutil, "copytree", copytree)


@pytest.mark.parametrize("folder", ["model", "output/data"])
def test_a_folder_that_takes_no_files_is_seen_before_the_audit(root, main, folder, monkeypatch):
    def begun(*_, **__):
        raise AssertionError("an audit began")

    monkeypatch.setattr(Sandbox, "run", begun)
    (root / folder).rmdir()
    (root / folder).write_text("")
    assert main("echo") == 2
    assert "bad_parameters.output_folder" in (root / "output" / "failure").read_text()


def test_trying_the_folders_leaves_nothing_in_them(root, main):
    assert main("refuse") == 2
    assert list((root / "model").iterdir()) == list((root / "output/data").iterdir()) == []


@pytest.mark.parametrize(("full", "other"), [("model", "output/data"), ("output/data", "model")])
def test_where_one_folder_fills_up_the_other_gets_the_report(root, main, full, other, monkeypatch, capsys):
    raising_for(monkeypatch, root / full)
    assert main("echo") == 2
    reason = (root / "output" / "failure").read_text()
    assert full in reason
    assert "other output" in reason
    assert (root / other / "report.json").is_file()
    assert "gap_auc=0.5;" in capsys.readouterr().out


def test_a_reason_that_cannot_be_written_is_logged(root, main, caplog):
    (root / "output" / "failure").mkdir()
    assert main("refuse") == 2
    assert "This is no zip." in next(record.reason for record in caplog.records if hasattr(record, "reason"))


@pytest.mark.parametrize("task", ["prior", json.dumps("prior"), json.dumps(json.dumps("prior"))])
def test_the_task_may_come_in_quotes(root, task):
    configure(root, "hyperparameters", {"task": task})
    assert JobLayout(root).job() is PRIOR
