"""The SageMaker SDK (version 2) in local mode against the built images, and the notebook of the listing."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from containers import ROOT, SAMPLES, image, quick_bundle

pytestmark = pytest.mark.images

PYTHON = Path(os.environ.get("SAGEMAKER_PYTHON", ROOT / "build" / "sagemaker" / "bin" / "python"))
"""The SDK has an environment of its own: it asks for other versions than the audits do."""
REFERENCED = {"attacks": ["gap", "rmia"], "reference_models": 8, "tradeoffs": False}
REPORT = {"report.json", "report.html", "output.csv"}


def local(kind, folder, scenario, *bundles):
    done = subprocess.run(
        [
            *(PYTHON, ROOT / "container" / "local_test" / "sagemaker_local.py"),
            *(image(kind), folder, scenario, *bundles),
        ],
        capture_output=True,
        timeout=600,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def packed(path):
    with tarfile.open(path) as archive:
        return {
            Path(member.name).name: archive.extractfile(member).read()
            for member in archive.getmembers()
            if member.isfile()
        }


@pytest.fixture
def bundle(kind, tmp_path):
    path = tmp_path / "first.zip"
    path.write_bytes(quick_bundle(kind))
    return path


def test_batch_transform_answers_every_bundle(kind, bundle, tmp_path):
    second = bundle.with_name("second.zip")
    second.write_bytes(quick_bundle(kind, further={"notes.txt": b"a second one"}))
    local(kind, tmp_path / "work", "transform", bundle, second)
    answers = {path.name: path for path in (tmp_path / "work" / "transformed").iterdir()}
    assert set(answers) == {"first.zip.out", "second.zip.out"}
    for path in answers.values():
        assert json.loads(path.read_bytes())["kind"] == kind


def test_an_endpoint_predicts(kind, bundle, tmp_path):
    local(kind, tmp_path / "work", "endpoint", bundle)
    assert json.loads((tmp_path / "work" / "predicted.json").read_bytes())["kind"] == kind


@pytest.mark.parametrize("form", ["zipped", "loose"])
def test_a_training_job_packs_the_report(kind, bundle, tmp_path, form):
    given = bundle
    if form == "loose":
        given = tmp_path / "loose"
        with zipfile.ZipFile(io.BytesIO(bundle.read_bytes())) as files:
            files.extractall(given)
    printed = local(kind, tmp_path / "work", "training", given)
    files = packed(tmp_path / "work" / "trained" / "model.tar.gz")
    assert set(files) >= REPORT
    assert json.loads(files["report.json"])["seed"] == 7
    assert "=" in printed


@pytest.mark.parametrize("instances", [2, 4])
def test_a_training_job_on_several_instances_packs_the_report_of_one(bundle, kind, tmp_path, instances):
    if kind == "inversion":
        pytest.skip("one instance audits, and local mode ends all with the first that ends")
    bundle.write_bytes(quick_bundle(kind, parameters=REFERENCED))
    reports = []
    for scenario in ("training", f"training-{instances}"):
        printed = local(kind, tmp_path / scenario, scenario, bundle)
        reports.append(packed(tmp_path / scenario / "trained" / "model.tar.gz")["report.json"])
    assert reports[0] == reports[1]
    assert "reference models trained by workers" in printed


def test_a_training_job_that_fails_raises_and_says_why(kind, tmp_path):
    bundle = tmp_path / "broken.zip"
    bundle.write_bytes(b"not a zip")
    printed = local(kind, tmp_path / "work", "failing-training", bundle)
    assert "the job failed, as it should" in printed
    reason = packed(tmp_path / "work" / "trained" / "output.tar.gz")["failure"]
    assert b"[bad_bundle.not_a_zip]" in reason


def test_the_notebook_runs(tmp_path):
    script = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""
    executed = tmp_path / "executed.ipynb"
    subprocess.run(
        [PYTHON, "-c", script, ROOT / "marketplace-listing" / "usage.ipynb", executed],
        check=True,
        capture_output=True,
        timeout=900,
        cwd=ROOT / "marketplace-listing",
        env=os.environ
        | {
            "LEAKGAUGE_LOCAL_IMAGE": image("membership"),
            "LEAKGAUGE_BUNDLE": str(SAMPLES["membership"]),
            "LEAKGAUGE_WORK": str(tmp_path / "work"),
        },
    )
    assert "the same report as the endpoint's: True" in executed.read_text()
    assert (tmp_path / "work" / "transformed" / "membership.zip.out").is_file()
