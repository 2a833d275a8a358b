from __future__ import annotations

import functools
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from leakgauge.cli import main
from leakgauge.sandbox.parent import Sandbox

HERE = Path(__file__).parent
PATHS = f"{HERE.parents[1] / 'src'}:{HERE.parent / 'support'}"


@pytest.fixture(autouse=True)
def _logging_untouched(monkeypatch):
    monkeypatch.setattr("leakgauge.cli.configure", lambda **_: None)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """The command line with a runner for tests in place of the audit."""
    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundle.zip").write_bytes(b"PK")

    def invoke(*arguments, runner="echo"):
        replaced = functools.partial(Sandbox, runner=f"sandbox_runners:{runner}")
        monkeypatch.setattr("leakgauge.cli.Sandbox", replaced)
        return CliRunner().invoke(main, ["audit", "bundle.zip", *arguments])

    return invoke


def test_verdict_and_files_on_stdout_progress_on_stderr(call):
    result = call()
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Nothing leaks.",
        *(f"leakgauge-report/{name}" for name in ("report.html", "report.json", "output.csv")),
    ]
    assert result.stderr.splitlines() == [" 25% reading", "100% writing"]


def test_options_reach_the_audit(call):
    options = ["--seed", "7", "--parameter", "proportions=[50, 90]", "--parameter", "label_column=a=b"]
    assert call("-o", "out", "--only", "membership", *options).exit_code == 0
    report = json.loads(Path("out/report.json").read_text())
    assert report["overrides"] == {"seed": 7, "proportions": [50, 90], "label_column": "a=b"}
    assert report["only"] == "membership"


def test_an_error_is_told_with_its_hint_and_exit_code(call):
    result = call(runner="refuse")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == ["leakgauge: This is no zip.", "hint: Send a zip."]
    assert result.stdout == ""


def test_all_problems_are_told(call):
    result = call(runner="refuse_parameters")
    assert result.exit_code == 2
    assert "  - seed\ufffd[2J is negative" in result.stderr
    assert '  - {"parameter": "x", "message": "y"}' in result.stderr


def test_a_failure_of_ours_has_an_id_and_no_traceback(call):
    result = call(runner="crash_with_a_secret")
    assert result.exit_code == 4
    assert "id: " in result.stderr
    assert "Traceback" not in result.output
    assert "Alice" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "missing.zip"],
        ["audit"],
        ["audit", "bundle.zip", "--seed", "-1"],
        ["audit", "bundle.zip", "--only", "both"],
        ["audit", "bundle.zip", "--parameter", "seed"],
        ["audit", "bundle.zip", "--parameter", "=1"],
        ["audit", "bundle.zip", "-o", "bundle.zip"],
    ],
)
def test_bad_input_is_exit_code_2(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundle.zip").write_bytes(b"PK")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert (tmp_path / "bundle.zip").read_bytes() == b"PK"


def test_a_limit_that_cannot_be_read_is_told(call, monkeypatch):
    monkeypatch.setenv("LEAKGAUGE_WALL_SECONDS", "soon")
    result = call()
    assert result.exit_code == 2
    assert "LEAKGAUGE_WALL_SECONDS" in result.stderr


def test_version():
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("leakgauge, version ")


def test_a_terminal_sees_a_bar(tmp_path):
    (tmp_path / "bundle.zip").write_bytes(b"PK")
    program = (
        "import functools, leakgauge.cli as cli;"
        "cli.Sandbox = functools.partial(cli.Sandbox, runner='sandbox_runners:nap');"
        "cli.main(['audit', 'bundle.zip'])"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": PATHS, "TERM": "xterm", "COLUMNS": "80"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=30,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 65_536)
    os.close(ours)
    assert b"starting" in shown
    assert b"\x1b[" in shown
    assert done.stdout.startswith(b"Nothing leaks.\n")
