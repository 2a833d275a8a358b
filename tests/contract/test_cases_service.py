"""How services are called and jobs are filled by the SDKs and habits of others: each is answered as meant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bundle_files import laid_out
from cases import CASES
from served import ROOT, running

LONE = (CASES / "tables" / "tab-powershell-backslash.zip").read_bytes()
QUICK = {"attacks": '["gap", "loss"]', "reference_models": "0", "tradeoffs": "False"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("service")) as up:
        yield up


@pytest.mark.parametrize(
    ("accept", "content_type", "beginning"),
    [
        ("application/json; charset=utf-8", "application/json", b"{"),
        ("application/json; verbose=true", "application/json", b"{"),
        ("text/csv; header=present", "text/csv; charset=utf-8", b"a,b"),
        ("text/html;q=0.8, application/json;q=0.2", "text/html; charset=utf-8", b"<!doctype"),
        ("application/x-zip-compressed", "application/x-zip-compressed", b"PK"),
        ("application/octet-stream", "application/octet-stream", b"PK"),
        ("application/zip;version=1", "application/zip", b"PK"),
        ("*", "application/zip", b"PK"),
        ("image/png, */*;q=0.1", "application/zip", b"PK"),
    ],
)
def test_what_callers_accept_is_answered(server, accept, content_type, beginning):
    reply = server.invoke(Accept=accept)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == content_type
    assert reply.body.startswith(beginning)


@pytest.mark.parametrize(
    "accept", ["image/png", "application/jsonlines; x=y", "json", "application/json;q=0"]
)
def test_what_is_not_offered_is_named_with_what_is(server, accept):
    reply = server.invoke(Accept=accept)
    assert (reply.status, reply.code) == (406, "http.not_acceptable")
    error = reply.json["error"]
    assert accept in error["message"]
    for offered in ("application/zip", "application/json", "text/csv", "text/html"):
        assert offered in error["hint"]
        assert offered in error["details"]["offered"]
    assert "extra" not in error["hint"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-zip-compressed",
        "application/x-zip",
        "binary/octet-stream",
        "application/zip; charset=x",
    ],
)
def test_a_zip_by_any_of_its_names_is_taken(server, content_type):
    assert server.invoke(Content_Type=content_type).status == 200


def test_a_default_type_with_parameters(tmp_path):
    with running(tmp_path, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv; header=present") as up:
        assert up.invoke().headers["Content-Type"] == "text/csv; charset=utf-8"


def test_pieces_of_a_zip_are_told_in_a_batch_transform(tmp_path):
    with running(tmp_path, app=None, SAGEMAKER_BATCH="true", LEAKGAUGE_AUDIT="membership") as up:
        for piece in (LONE[:400], LONE[200:600], b"1.5,2.5,0", LONE[-300:]):
            reply = up.invoke(piece)
            assert reply.status == 400
            assert "SplitType=None" in reply.json["error"]["hint"]
        reply = up.invoke(b"1,2\n", Content_Type="text/csv")
        assert reply.status == 415
        assert "SplitType=None" in reply.json["error"]["hint"]


def trained(root: Path, files: dict[str, bytes], hyperparameters: dict[str, str]) -> tuple[int, str]:
    """A training job as its container starts it; the exit code, and the reason of a failure."""
    laid_out({f"input/data/training/{name}": content for name, content in files.items()}, root)
    laid_out({"input/config/hyperparameters.json": json.dumps(hyperparameters).encode()}, root)
    done = subprocess.run(
        [sys.executable, str(ROOT / "train")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "LEAKGAUGE_ML_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    failure = root / "output" / "failure"
    return done.returncode, failure.read_text() if failure.exists() else ""


def test_a_job_reads_quoted_hyperparameters_and_one_zip_among_other_files(tmp_path):
    plain, quoted = tmp_path / "plain", tmp_path / "quoted"
    beside = {"_SUCCESS": b"", "part.manifest": b"[]", ".part.crc": b"", "notes.txt": b"hello"}
    assert trained(plain, {"bundle.zip": LONE}, QUICK | {"seed": "1"}) == (0, "")
    again = {name: json.dumps(text) for name, text in (QUICK | {"seed": "1"}).items()}
    assert trained(quoted, {"bundle.zip": LONE, **beside}, again) == (0, "")
    reports = [(root / "model" / "report.json").read_bytes() for root in (plain, quoted)]
    assert reports[0] == reports[1]
    assert json.loads(reports[0])["seed"] == 1


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"a.zip": LONE, "b.zip": LONE}, ["a.zip", "b.zip"]),
        ({"model.tar.gz": b"\x1f\x8b", "x.tar": b"\0" * 257 + b"ustar\0"}, ["x.tar", "tar archive"]),
        ({"bundle.7z": b"7z\xbc\xaf\x27\x1c"}, ["bundle.7z", "7z archive"]),
    ],
)
def test_a_job_tells_by_name_what_it_cannot_read(files, named, tmp_path):
    code, reason = trained(tmp_path, files, {})
    assert code == 2
    assert all(word in reason for word in named)


@pytest.mark.slow
def test_a_pdf_is_made_of_the_report_that_was_audited(server):
    reply = server.invoke(b"held_to_a_policy ", Accept="application/pdf")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/pdf")
    assert reply.body.startswith(b"%PDF")
    assert "X-Leakgauge-Sandbox" in reply.headers


@pytest.mark.slow
def test_a_pdf_of_what_is_no_report_is_refused_in_the_one_form(server):
    reply = server.invoke(b"echo ", Accept="application/pdf")
    assert reply.code == "bad_bundle.not_a_report"
