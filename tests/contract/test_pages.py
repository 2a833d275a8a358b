"""Every command and every piece of Python on the pages runs, as somebody who reads along would type it.

Each page has a folder of its own with what it takes for granted: bundles that are quick to audit, reports, a
policy, a live service. Its lines for a shell run in their order with the installed `leakgauge`, and what
`leakgauge serve` starts is the real service, which `curl` then asks. Its Python runs in one namespace
(`page_names`). What needs the network, an engine or an account is in `ELSEWHERE`, with what tests it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import joblib
import pytest
import yaml
from brokered import ENVIRONMENT, PROTOCOLS, settings_of
from dask_cluster import cluster
from profile_bundles import fitted, people, profiles_bundle
from report_examples import membership_report
from service_rows import answers_of_small_forest, small_forest
from services import serving
from snippets import PAGES, ROOT, python, shell

from leakgauge.report.json_document import to_json

BIN = Path(sys.executable).parent
SUPPORT = ROOT / "tests" / "support"
ENDS = {0, 1, 3}
"""What a gate may end with beside success; 2 and 4 say that a command could not be carried out."""
PATIENCE = 600.0
ELSEWHERE = {
    "make": "test_a_target_of_make_is_there",
    "pip": "test_an_extra_is_declared",
    "aws": "test_a_command_of_aws_is_one_that_its_services_know",
    "docker": "tests/images/test_pages.py",
    "gh": "asks the registry of a release",
    "cosign": "asks the registry of a release",
    "open": "shows a page in a browser; tests/browser does",
    "sudo": "installs into the system",
    "python3.11": "what every test runs in",
    ".": "what every test runs in",
    "export": "a build of a library with sanitizers",
    "meson": "a build of a library with sanitizers",
}
IN_LOCAL_MODE = "docs/tutorials/sagemaker.md"
"""By tests/images/test_sagemaker_local.py, as every snippet that names the SDK."""
LINES = [(page, line, text) for page in PAGES for line, text in shell(page)]
RUN_HERE = sorted(
    {page for page, _, text in LINES if text.split()[0] in ("leakgauge", "curl")}
    | {page for page in PAGES if any(python(page))} - {IN_LOCAL_MODE}
)


def of(program: str) -> list[tuple[str, str]]:
    return [(f"{page}:{line}", text) for page, line, text in LINES if text.split()[0] == program]


def test_every_line_for_a_shell_is_taken_care_of() -> None:
    assert {text.split()[0] for _, _, text in LINES} == {*ELSEWHERE, "leakgauge", "curl", "python"}
    assert of("curl")
    assert all("--fail-with-body" in text for _, text in of("curl"))


@pytest.mark.parametrize(("place", "text"), of("make"))
def test_a_target_of_make_is_there(place: str, text: str) -> None:
    rules = (ROOT / "Makefile").read_text()
    targets = [word for word in re.sub(r"<[^>]*>", "value", text).split()[1:] if "=" not in word]
    assert targets
    assert all(re.search(rf"^{target}:", rules, re.MULTILINE) for target in targets), place


@pytest.mark.parametrize(("place", "text"), of("pip"))
def test_an_extra_is_declared(place: str, text: str) -> None:
    rules = (ROOT / "pyproject.toml").read_text()
    (named,) = re.findall(r"'leakgauge\[([\w,-]+)\]'", text)
    assert all(re.search(rf"^{extra} = \[", rules, re.MULTILINE) for extra in named.split(",")), place


@pytest.mark.slow
@pytest.mark.parametrize(("place", "text"), of("aws"))
def test_a_command_of_aws_is_one_that_its_services_know(place: str, text: str) -> None:
    _, service, operation, *rest = text.split()
    model = botocore.session.get_session().get_service_model(service)
    known = model.operation_model("".join(part.capitalize() for part in operation.split("-"))).input_shape
    options = {
        "".join(part.capitalize() for part in word[2:].split("-")) for word in rest if word[:2] == "--"
    }
    assert options <= set(known.members), place
    assert set(known.required_members) <= options, place


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "text"), [found for found in of("python") if "make_bundle.py" not in found[1]]
)
def test_a_script_takes_its_options(place: str, text: str) -> None:
    words = text.split()
    done = subprocess.run(
        [sys.executable, ROOT / words[1], "--help"], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in words[2:] if word.startswith("--")), place


# --- what runs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taken_for_granted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that pages name and do not make."""
    folder = tmp_path_factory.mktemp("pages")
    model, members, non_members = small_forest()
    joblib.dump(model, folder / "model.pkl")
    members.to_csv(folder / "train.csv", index=False)
    for name in ("models/candidate", "digits"):
        (folder / name).mkdir(parents=True)
        shutil.copy(folder / "model.pkl", folder / name)
        members.to_csv(folder / name / "train_mia.csv", index=False)
        non_members.to_csv(folder / name / "test_mia.csv", index=False)
        (folder / name / "parameters.json").write_text('{"attacks": ["gap", "loss"], "tradeoffs": false}')
    for name in ("my-model", "model", "bundle"):
        shutil.make_archive(str(folder / name), "zip", folder / "digits")
    report = to_json(membership_report(n=60))
    for name in ("report", "before", "after", "report-after", "releases/v1", "releases/v2"):
        (folder / name).mkdir(parents=True)
        (folder / name / "report.json").write_bytes(report)
    for name in ("policy.yaml", "leakgauge-policy.yml"):
        (folder / name).write_text("version: 1\n")
    return folder


@pytest.fixture
def folder(taken_for_granted: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A page's own copy, with the live service or the bundle that this page is about."""
    place = tmp_path / "here"
    shutil.copytree(taken_for_granted, place)
    page = request.node.callspec.params["page"]
    if page == "docs/class-profiles.md":
        (place / "bundle.zip").unlink()
        made = profiles_bundle(place / "profiles", fitted(*people(200, seed=0)), people(100, seed=1)[0])
        shutil.make_archive(str(place / "bundle"), "zip", made)
    if page == "docs/tutorials/first-audit.md":
        for name in ("digits", "report", "report-after"):
            shutil.rmtree(place / name)
    if page == "docs/many-machines.md":
        spread = '{"attacks": ["gap", "rmia"], "reference_models": 2, "tradeoffs": false}'
        (place / "digits" / "parameters.json").write_text(spread)
        shutil.make_archive(str(place / "large"), "zip", place / "digits")
    if page != "docs/endpoints.md":
        yield place
        return
    _, members, non_members = small_forest()
    (place / "DATA").mkdir()
    members.to_csv(place / "DATA" / "members.csv", index=False)
    non_members.to_csv(place / "DATA" / "non_members.csv", index=False)
    (place / "DATA" / "parameters.json").write_text('{"attacks": ["gap", "loss"]}')
    with serving(PROTOCOLS["json"](), answers_of_small_forest) as service:
        (place / "endpoint.yaml").write_text(yaml.safe_dump(settings_of("json", service)))
        yield place


class Reader:
    """Somebody who types the lines of a page, one after the other, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.environment = {
            **ENVIRONMENT,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": f"{ROOT / 'src'}:{SUPPORT}",
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.instead = {"localhost:8080": f"localhost:{self.port}"}
        self.server: subprocess.Popen[bytes] | None = None

    def types(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run a line in bash; questions are answered with yes, as on a terminal."""
        for shown, here in self.instead.items():
            text = text.replace(shown, here)
        ours, theirs = os.openpty()
        os.write(ours, b"y\n")
        try:
            return subprocess.run(
                ["bash", "-c", text],
                cwd=self.folder,
                env=self.environment,
                stdin=theirs,
                timeout=PATIENCE,
                capture_output=True,
                text=True,
            )
        finally:
            os.close(ours)
            os.close(theirs)

    def serves(self, text: str) -> None:
        """Start the service and wait until it says that it is healthy."""
        with (self.folder / "log").open("wb") as log:
            self.server = subprocess.Popen(
                text.split(), cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=PATIENCE).close()
                return
            assert self.server.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.1)

    def leaves(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(PATIENCE)


@pytest.fixture
def reader(folder: Path, tmp_path: Path) -> Iterator[Reader]:
    found = Reader(folder)
    with contextlib.ExitStack() as there:
        there.callback(found.leaves)
        if (folder / "large.zip").exists():
            dask = there.enter_context(cluster(tmp_path / "cluster"))
            found.instead["tcp://10.0.0.5:8786"] = dask.address
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN_HERE)
def test_a_page_runs_from_its_first_line_to_its_last(page: str, reader: Reader) -> None:
    files = [(line, "file", source) for line, source in python(page) if is_of_a_file(source, reader.folder)]
    steps = sorted([*((line, "shell", text) for line, text in shell(page)), *files])
    for line, kind, text in steps:
        program = text.split()[0]
        if kind == "file":
            write(text, reader.folder)
        elif text.startswith("leakgauge serve"):
            reader.serves(text)
        elif program in ("leakgauge", "curl") or "make_bundle.py" in text:
            done = reader.types(text)
            allowed = ENDS if program == "leakgauge" else {0}
            assert done.returncode in allowed, f"{page}:{line} {text}\n{done.stdout}{done.stderr}"
            if program == "curl":
                assert json.loads(done.stdout)["verdict"]["severity"]
    if any(python(page)) and not files:
        done = reader.types(f"python {SUPPORT / 'page_names.py'} {page}")
        assert done.returncode == 0, done.stdout + done.stderr


def is_of_a_file(source: str, folder: Path) -> bool:
    """Whether a snippet is a file of its own, or what changes in that file: assignments it has already."""
    return source.startswith("# ") or bool(re.fullmatch(r"(?:(?:model|folder) = .*\n)+", source))


def write(source: str, folder: Path) -> None:
    """Write the file that a snippet is, or change in it the lines that a snippet gives anew."""
    if source.startswith("# "):
        (folder / source.partition("\n")[0][2:]).write_text(source)
        return
    (file,) = folder.glob("*.py")
    text = file.read_text()
    for line in source.splitlines():
        name = line.partition(" = ")[0]
        text, changed = re.subn(rf"^{name} = .*$", line, text, flags=re.MULTILINE)
        assert changed == 1, line
    file.write_text(text)
