"""Publishing: what would be sent is shown and checked, and what is sent is waited for."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
from pathlib import Path

import publish
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner
from specifications import Publication, algorithm
from storage import BUCKET, REPORT

import leakgauge

RELEASE = leakgauge.__version__
REGISTRY = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
ROLE = "arn:aws:iam::111122223333:role/validation"


def publication(**changes):
    return Publication(
        **{
            "kind": "membership",
            "version": RELEASE,
            "image": f"{REGISTRY}/leakgauge-membership:{RELEASE}",
            "role": ROLE,
            "samples": f"s3://{BUCKET}/sample/",
            "output": f"s3://{BUCKET}/out/",
        }
        | changes
    )


def command(*words, kind="membership", role=ROLE):
    return CliRunner().invoke(
        publish.main, [kind, "--registry", REGISTRY, "--role", role, "--bucket", BUCKET, *words]
    )


@pytest.mark.parametrize("kind", ["membership", "inversion"])
def test_a_dry_run_prints_every_request_in_order(kind):
    result = command("--dry-run", kind=kind)
    assert result.exit_code == 0, result.output
    documents, decoder, rest = [], json.JSONDecoder(), result.output
    while rest.strip():
        document, end = decoder.raw_decode(rest)
        documents.append(document)
        rest = rest[end:].lstrip()
    assert [next(iter(each)) for each in documents] == [
        "CreateModelPackage",
        "CreateAlgorithm",
        "CreateModel",
        "CreateTransformJob",
    ]
    assert documents[2]["CreateModel"]["PrimaryContainer"]["ModelPackageName"].endswith(
        documents[0]["CreateModelPackage"]["ModelPackageName"]
    )


def test_a_request_that_would_be_refused_ends_the_dry_run():
    result = command("--dry-run", role="not an ARN")
    assert result.exit_code == 1
    assert "ValidationRole: does not match" in result.output
    assert 'CreateModelPackage"' not in result.output


WITHOUT = """
import runpy, sys
library, script = sys.argv[1:]
sys.modules[library] = None  # as where it is not installed
sys.path.insert(0, script.rpartition("/")[0])
sys.argv = [script, "--help"]
runpy.run_path(script, run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "script"), [("boto3", "publish.py"), ("regex", "publish.py"), ("boto3", "transform.py")]
)
def test_without_a_library_a_script_says_how_to_get_it(library, script):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, library, Path(publish.__file__).with_name(script)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines() == [
        f"This needs {library}, which Python does not find.",
        f"hint: Install it with: pip install {library}",
    ]


def test_a_wrong_publication_is_refused_before_anything_is_sent():
    assert publish.found_problems(publication()) == []
    assert publish.found_problems(publication(version="0.1+local"))


def test_the_image_is_pushed_with_a_login_of_its_own(tmp_path, monkeypatch):
    engine = tmp_path / "docker"
    engine.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n[ "$1" != login ] || cat >> {tmp_path}/said\n'
    )
    engine.chmod(engine.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(publish, "_DOCKER", str(engine))

    class Registry:
        def get_authorization_token(self):
            token = base64.b64encode(b"AWS:secret").decode()
            return {"authorizationData": [{"authorizationToken": token}]}

    publish.push(Registry(), local_image="leakgauge-membership", publication=publication())
    image = f"{REGISTRY}/leakgauge-membership:{RELEASE}"
    assert (tmp_path / "said").read_text().splitlines() == [
        f"login --username AWS --password-stdin {REGISTRY}",
        f"secrettag leakgauge-membership {image}",
        f"push {image}",
    ]


def test_the_sample_lies_alone_under_its_prefix(s3, tmp_path):
    bundle = tmp_path / "membership.zip"
    bundle.write_bytes(b"PK")
    publish.upload_sample(s3, bundle=bundle, publication=publication())
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [
        "sample/membership.zip"
    ]


def test_a_model_package_is_created_and_its_validation_awaited(sagemaker):
    told = []
    arn = publish.create_model_package(sagemaker, publication(), tell=told.append, poll_seconds=0)
    assert arn.endswith(f"model-package/{publication().name}")
    assert told[-1] == "model package: Completed"


def test_an_algorithm_is_created_and_its_validation_awaited(sagemaker):
    arn = f"arn:aws:sagemaker:us-east-1:111122223333:algorithm/{publication().name}"
    described = {
        "AlgorithmName": publication().name,
        "AlgorithmArn": arn,
        "CreationTime": 0,
        "TrainingSpecification": algorithm(publication())["TrainingSpecification"],
        "AlgorithmStatusDetails": {},
    }
    told = []
    with Stubber(sagemaker) as stub:
        stub.add_response("create_algorithm", {"AlgorithmArn": arn}, algorithm(publication()))
        for status in ("Pending", "InProgress", "Completed"):
            stub.add_response("describe_algorithm", described | {"AlgorithmStatus": status})
        assert publish.create_algorithm(sagemaker, publication(), tell=told.append, poll_seconds=0) == arn
        stub.assert_no_pending_responses()
    assert told == [f"algorithm: {status}" for status in ("Pending", "InProgress", "Completed")]


def test_a_validation_that_fails_tells_the_reason():
    details = {"ValidationStatuses": [{"Name": "sample", "Status": "Failed", "FailureReason": "No answer."}]}
    with pytest.raises(publish.PublishingFailedError, match=r"is Failed\. No answer\."):
        publish._wait_validated(lambda: ("Failed", details), "model package", tell=print, poll_seconds=0)


@pytest.mark.parametrize(("answer", "proven"), [(REPORT, True), (b"{}", False)])
def test_the_finished_package_is_proved_on_the_sample(sagemaker, s3, tmp_path, answer, proven):
    s3.put_object(Bucket=BUCKET, Key="sample/membership.zip", Body=b"PK")
    s3.put_object(Bucket=BUCKET, Key="out/membership.zip.out", Body=answer)

    def prove():
        return publish.prove(
            sagemaker, s3, publication(), package="x", folder=tmp_path, tell=lambda _: None, poll_seconds=0
        )

    if proven:
        assert prove()[0].severity == "high"
    else:
        with pytest.raises(publish.PublishingFailedError, match=r"membership\.zip"):
            prove()


def test_a_proof_whose_job_fails(sagemaker, s3, tmp_path):
    with pytest.raises(publish.PublishingFailedError, match="validating transform job failed"):
        publish.prove(sagemaker, s3, publication(), package="x", folder=tmp_path, tell=print)
