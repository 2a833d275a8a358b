"""The SageMaker SDK (versions 2 and 3) in local mode against the images, and the notebooks that use it."""

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
PYTHON_V3 = Path(os.environ.get("SAGEMAKER_V3_PYTHON", ROOT / "build" / "sagemaker-v3" / "bin" / "python"))
"""Likewise; both versions are one package."""
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


def local_v3(folder, scenario, bundle):
    script = ROOT / "container" / "local_test" / "sagemaker_local_v3.py"
    done = subprocess.run(
        [PYTHON_V3, script, image("membership"), folder, scenario, bundle],
        capture_output=True,
        timeout=900,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_version_3_transforms(tmp_path):
    bundle = tmp_path / "first.zip"
    bundle.write_bytes(quick_bundle("membership"))
    local_v3(tmp_path / "work", "transform", bundle)
    (answer,) = (tmp_path / "work" / "transformed").iterdir()
    assert json.loads(answer.read_bytes())["kind"] == "membership"


def test_version_3_trains(tmp_path):
    bundle = tmp_path / "first.zip"
    bundle.write_bytes(quick_bundle("membership"))
    local_v3(tmp_path / "work", "training", bundle)
    (archive,) = (tmp_path / "work").rglob("model.tar.gz")
    files = packed(archive)
    assert set(files) >= REPORT
    assert json.loads(files["report.json"])["seed"] == 7


EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def executed(notebook, folder):
    """A notebook with its outputs, from a clean kernel, with the images in the place of an account."""
    path = folder / "executed.ipynb"
    done = subprocess.run(
        [PYTHON, "-c", EXECUTE, notebook, path],
        capture_output=True,
        text=True,
        timeout=1800,
        cwd=notebook.parent,
        env=os.environ
        | {
            "LEAKGAUGE_LOCAL_IMAGE": image("membership"),
            "LEAKGAUGE_BUNDLE": str(SAMPLES["membership"]),
            "LEAKGAUGE_WORK": str(folder / "work"),
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return path.read_text()


READ_ALONG = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
os.environ |= {"AWS_DEFAULT_REGION": "us-east-1"}
os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "PATH": "/usr/bin:" + os.environ["PATH"]}
from types import SimpleNamespace
import boto3, sagemaker
from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession
from snippets import python
session = LocalSession(boto3.Session())
session.config = {"local": {"local_code": True, "container_root": os.getcwd()}}

def from_package(*, role, model_package_arn, enable_network_isolation, predictor_cls):
    # local mode has no subscriptions: the image is there in the place of the package
    data = Path("model").absolute().as_uri()
    return sagemaker.Model(
        os.environ["IMAGE"], data, role=role, predictor_cls=predictor_cls, sagemaker_session=session
    )

def from_algorithm(*, algorithm_arn, role, instance_count, instance_type, encrypt_inter_container_traffic):
    assert instance_count > 1
    return Estimator(
        os.environ["IMAGE"], role, 2, "local", output_path=Path.cwd().as_uri(), sagemaker_session=session
    )

said = SimpleNamespace(ModelPackage=from_package, predictor=sagemaker.predictor)
said.algorithm = SimpleNamespace(AlgorithmEstimator=from_algorithm)
names = {"sagemaker": said, "ROLE": "arn:aws:iam::111122223333:role/local", "BUCKET": "bucket"}
names |= {"MODEL_PACKAGE_ARN": "arn", "ALGORITHM_ARN": "arn"}
for _, source in python(sys.argv[2]):
    local = {"ml.m5.xlarge": "local", "s3://{BUCKET}": Path.cwd().as_uri()}
    for here, there in local.items():
        source = source.replace(here, there)
    exec(source.replace("split_type=None", "split_type=None, wait=False, logs=False"), names)
    if "deploy" in source:
        names["predictor"].delete_endpoint()
        Path("answer.json").write_bytes(names["answer"])
"""


def read_along(page, folder):
    """Run the Python of a page in `folder`, in local mode."""
    for name in ("my-model.zip", "bundles/one.zip", "large/one.zip", "model/nothing", "reports/nothing"):
        # several instances need something to share: local mode ends all with the first that ends
        shared = REFERENCED if name.startswith("large") else None
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(quick_bundle("membership", parameters=shared))
    done = subprocess.run(
        [PYTHON, "-c", READ_ALONG, ROOT / "tests" / "support", page],
        capture_output=True,
        text=True,
        timeout=1800,
        cwd=folder,
        env=os.environ
        | {
            "IMAGE": image("membership"),
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(ROOT / "container/local_test/telemetry-off.yaml"),
        },
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_snippets_of_the_tutorial_run(tmp_path):
    read_along("docs/tutorials/sagemaker.md", tmp_path)
    assert json.loads((tmp_path / "answer.json").read_bytes())["kind"] == "membership"
    with zipfile.ZipFile(tmp_path / "reports" / "one.zip.out") as report:
        assert set(report.namelist()) >= REPORT


def test_the_snippet_on_several_instances_runs(tmp_path):
    read_along("docs/many-machines.md", tmp_path)
    assert set(packed(tmp_path / "model.tar.gz")) >= REPORT


def test_the_notebook_of_the_listing_runs(tmp_path):
    shown = executed(ROOT / "marketplace-listing" / "usage.ipynb", tmp_path)
    assert "the training job's figures are those of the batch transform: True" in shown
    assert "<iframe sandbox=" in shown
    assert (tmp_path / "work" / "transformed" / "membership.zip.out").is_file()
    assert set(REPORT) <= {path.name for path in (tmp_path / "work" / "report").iterdir()}
    # the endpoint kept to its time, which stands in its report
    assert "leakgauge 0." in shown


def test_the_example_runs(tmp_path):
    shown = json.loads(executed(ROOT / "examples" / "sagemaker-local-mode.ipynb", tmp_path))
    values = [
        "".join(output["data"]["text/plain"])
        for cell in shown["cells"]
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
        if output["output_type"] == "execute_result"
    ]
    assert values[-2:] == ["True", "'failed'"]
