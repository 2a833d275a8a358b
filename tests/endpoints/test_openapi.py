"""The HTTP service beside its document: Schemathesis sends what it allows, and what it forbids."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from model_servers import BIN
from served import ROOT, running

pytestmark = pytest.mark.endpoints

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as found:
        yield found


def checked(document, server):
    """What Schemathesis says of the service, held to a document."""
    return subprocess.run(
        [
            *(BIN / "schemathesis", "run", document, "--url", f"http://127.0.0.1:{server.port}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "40", "--seed", "0", "--generation-database", "none"),
            # hardly anything is no body of bytes, and what is made is thrown away
            *("--suppress-health-check", "filter_too_much"),
        ],
        cwd=document.parent,
        env={"PATH": "/usr/bin:/bin", "HOME": str(document.parent), "NO_COLOR": "1", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=400,
    )


@pytest.fixture
def document(tmp_path):
    """A copy of the document, with the schema that it refers to."""
    for name in ("openapi.json", "report.schema.json"):
        shutil.copy(ROOT / "docs" / name, tmp_path)
    return tmp_path / "openapi.json"


def test_the_service_answers_as_its_document_says(document, server):
    done = checked(document, server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 3" in done.stdout


def test_an_answer_that_the_document_does_not_name_would_be_found(document, server):
    wrong = json.loads(document.read_text())
    del wrong["paths"]["/invocations"]["post"]["responses"]["400"]
    document.write_text(json.dumps(wrong))
    done = checked(document, server)
    assert done.returncode == 1
    assert "Undocumented status code" in done.stdout
