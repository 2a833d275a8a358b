"""What other systems make of our documents, by their own tools: MLflow and the Hugging Face Hub."""

from __future__ import annotations

import json
import subprocess

import pytest
from model_servers import BIN
from profile_reports import profiles_report
from report_examples import inversion_audited, membership_report
from served import ROOT

from leakgauge.report.cards.figures import main_figures
from leakgauge.report.cards.huggingface import huggingface_card
from leakgauge.report.json_document import from_json, to_json

pytestmark = pytest.mark.endpoints

REPORTS = (membership_report(n=200), inversion_audited(classes=1).report, profiles_report())
_LOG = """
import json, sys, mlflow
import leakgauge

mlflow.set_tracking_uri(sys.argv[1])
new = leakgauge.log_to_mlflow(sys.argv[2])
assert mlflow.active_run() is None
with mlflow.start_run() as run:
    active = leakgauge.log_to_mlflow(sys.argv[2])
    assert active == run.info.run_id
assert leakgauge.log_to_mlflow(sys.argv[2], run_id=new) == new != active
client = mlflow.MlflowClient()
found = client.get_run(new).data
files = {file.path for file in client.list_artifacts(new, "leakgauge")}
document = mlflow.artifacts.load_text(f"runs:/{new}/leakgauge/report.json")
print(json.dumps([found.metrics, found.tags, sorted(files), document]))
"""
_HUB = """
import json, sys
from huggingface_hub import ModelCard

card = ModelCard(sys.stdin.read())
results = [[one.task_type, one.metric_type, one.metric_value] for one in card.data.eval_results]
print(json.dumps([card.data.model_name, results, card.text]))
"""


def run(program, *words, folder, given=None, **environment):
    done = subprocess.run(
        [BIN / "python", "-c", program, *words],
        input=given,
        cwd=folder,  # where MLflow keeps files that no address names
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("store", ["files", "sqlite"])
@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.kind)
def test_mlflow_keeps_figures_verdict_and_files(report, store, tmp_path):
    (tmp_path / "report.json").write_bytes(to_json(report))
    # MLflow asks that its older store in files be wanted
    address = {"files": (tmp_path / "runs").as_uri(), "sqlite": f"sqlite:///{tmp_path}/runs.db"}[store]
    metrics, tags, files, document = run(
        _LOG,
        address,
        str(tmp_path),
        folder=tmp_path,
        HOME=str(tmp_path),
        MLFLOW_ALLOW_FILE_STORE="true",
        MLFLOW_DISABLE_TELEMETRY="true",
    )
    for figure in main_figures(from_json(to_json(report))):
        assert metrics[f"leakgauge/{figure.name}"] == figure.estimate.value
        assert metrics[f"leakgauge/{figure.name}_low"] == figure.estimate.low
        assert metrics[f"leakgauge/{figure.name}_high"] == figure.estimate.high
    assert tags["leakgauge.severity"] == report.verdict.severity.value
    assert tags["leakgauge.verdict"] == report.verdict.sentence
    assert files == ["leakgauge/report.html", "leakgauge/report.json"]
    assert document.encode() == to_json(report)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.kind)
def test_the_hub_reads_every_figure_from_the_card(report, tmp_path):
    name, results, text = run(_HUB, folder=tmp_path, given=huggingface_card(report, name="some-model"))
    assert name == "some-model"
    assert {(metric, value) for _, metric, value in results} == {
        (figure.name, round(figure.estimate.value, 6)) for figure in main_figures(report)
    }
    assert all(task.endswith("classification") for task, *_ in results)
    assert report.verdict.severity.value in text
