"""Batch transforms as a subscriber starts them, against an imitation of the service."""

from __future__ import annotations

import json

import pytest
import transform
from click.testing import CliRunner
from storage import BUCKET, REPORT

BUNDLES, OUTPUT = f"s3://{BUCKET}/in/", f"s3://{BUCKET}/out/"
ROLE = "arn:aws:iam::111122223333:role/subscriber"
PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/leakgauge"


def put(s3, **bodies):
    for name, body in bodies.items():
        folder, _, rest = name.partition("_")
        s3.put_object(Bucket=BUCKET, Key=f"{folder}/{rest.replace('_', '.')}", Body=body)


def run(sagemaker, s3, **changes):
    settings = {"package": PACKAGE, "role": ROLE, "bundles": BUNDLES, "output": OUTPUT, "instances": 2}
    return transform.run(sagemaker, s3, **settings | {"poll_seconds": 0, "tell": lambda _: None} | changes)


class Scripted:
    """A client whose job goes through the given states."""

    def __init__(self, client, *states):
        self._client, self._states = client, list(states)

    def __getattr__(self, name):
        return getattr(self._client, name)

    def describe_transform_job(self, **_):
        return self._states.pop(0)


def test_a_job_is_told_of_until_it_ends(sagemaker, s3):
    put(s3, in_a_zip=b"PK", in_b_zip=b"PK", in_notes_txt=b"", out_a_zip_out=REPORT)
    states = [{"TransformJobStatus": word} for word in ("InProgress", "InProgress", "Completed")]
    told = []
    name = run(Scripted(sagemaker, *states), s3, tell=told.append)
    assert [line.rpartition(",")[0] for line in told] == [
        "InProgress, 1 of 2 reports",
        "InProgress, 1 of 2 reports",
        "Completed, 1 of 2 reports",
    ]
    job = sagemaker.describe_transform_job(TransformJobName=name)
    assert job["TransformResources"] == {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}
    assert job["TransformInput"]["SplitType"] == "None"
    assert sagemaker.list_models()["Models"] == []


def test_a_failed_job_tells_the_services_reason_and_leaves_no_model(sagemaker, s3):
    put(s3, in_a_zip=b"PK")
    failed = {"TransformJobStatus": "Failed", "FailureReason": "ClientError: 400"}
    with pytest.raises(transform.TransformFailedError, match="ClientError: 400"):
        run(Scripted(sagemaker, failed), s3)
    assert sagemaker.list_models()["Models"] == []


def test_without_bundles_nothing_is_started(sagemaker, s3):
    put(s3, in_readme_txt=b"")
    with pytest.raises(transform.TransformFailedError, match=r"no \.zip"):
        run(sagemaker, s3)
    assert sagemaker.list_transform_jobs()["TransformJobSummaries"] == []


def test_idle_instances_are_told_of(sagemaker, s3):
    put(s3, in_a_zip=b"PK")
    told = []
    run(Scripted(sagemaker, {"TransformJobStatus": "Completed"}), s3, instances=3, tell=told.append)
    assert told[0] == "1 bundles keep 1 of 3 instances busy; the others idle"


def test_every_bundle_gets_a_row_whatever_became_of_it(s3, tmp_path):
    refusal = json.dumps({"error": {"message": "No model.", "hint": "Add one."}}).encode()
    put(s3, in_a_zip=b"", in_b_zip=b"", in_c_zip=b"", in_d_zip=b"", in_e_zip=b"")
    put(s3, out_a_zip_out=REPORT, out_c_zip_out=refusal, out_d_zip_out=b"<html>", out_e_zip_out=b"[]")
    outcomes = transform.collect(s3, bundles=BUNDLES, output=OUTPUT, folder=tmp_path / "reports")
    assert [(outcome.bundle, outcome.severity) for outcome in outcomes] == [
        ("a.zip", "high"),
        ("b.zip", "missing"),
        ("c.zip", "refused"),
        ("d.zip", "unreadable"),
        ("e.zip", "unreadable"),
    ]
    assert (tmp_path / "reports" / "a.zip.json").read_bytes() == REPORT
    rows = (tmp_path / "reports" / "summary.csv").read_text().splitlines()
    assert rows[:2] == ["bundle,kind,severity,verdict", "a.zip,membership,high,It leaks."]
    assert len(rows) == 6
    assert transform.as_table(outcomes).splitlines()[0] == "a.zip  high        It leaks."


def test_bundles_in_folders_keep_them(s3, tmp_path):
    s3.put_object(Bucket=BUCKET, Key="in/team/a.zip", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="out/team/a.zip.out", Body=REPORT)
    (outcome,) = transform.collect(s3, bundles=BUNDLES, output=OUTPUT, folder=tmp_path)
    assert outcome.severity == "high"
    assert (tmp_path / "team" / "a.zip.json").is_file()


@pytest.mark.parametrize("address", ["bucket/prefix", "https://bucket/prefix", "s3://", "s3:///prefix"])
def test_other_addresses_are_refused(address):
    with pytest.raises(ValueError, match="no address of the form"):
        transform.Location.parse(address)


@pytest.mark.parametrize(("report", "code"), [(REPORT, 0), (None, 4)])
def test_the_command(sagemaker, s3, tmp_path, report, code):
    put(s3, in_a_zip=b"PK")
    if report is not None:
        put(s3, out_a_zip_out=report)
    options = {"--package": PACKAGE, "--role": ROLE, "--bundles": BUNDLES, "--output": OUTPUT}
    words = [word for option in options.items() for word in option]
    result = CliRunner().invoke(transform.main, [*words, "--folder", str(tmp_path)])
    assert result.exit_code == code, result.output
    assert "a.zip" in result.output
