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
from sandbox_runners import running

from leakgauge.cli import main
from leakgauge.sandbox.parent import Sandbox

HERE = Path(__file__).parent
PATHS = f"{HERE.parents[1] / 'src'}:{HERE.parent / 'support'}"


@pytest.fixture
def call(tmp_path, monkeypatch):
    """The command line with a runner for tests in place of the audit."""
    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundle.zip").write_bytes(b"PK")

    def invoke(*arguments, runner="echo"):
        replaced = functools.partial(Sandbox, job=running(runner))
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


def test_who_wants_quiet_gets_the_exit_code_alone(call):
    result = call("--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert call("-q", runner="refuse").stderr.startswith("leakgauge: This is no zip.")


def test_a_program_gets_json_and_progress_stays_apart(call):
    result = call("--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["severity"], found["exit_code"], found["strongest"]) == ("low", 0, [])
    assert "reading" in result.stderr
    assert call("--json", "--quiet").stderr == ""


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
    assert "  - seed\\x1b[2J is negative" in result.stderr
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
        "import functools, leakgauge.cli as cli; from sandbox_runners import running;"
        "cli.Sandbox = functools.partial(cli.Sandbox, job=running('nap'));"
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


def by_a_shell(tmp_path, runner, *arguments, **environment):
    """The command as somebody runs it whose standard error is no terminal, logs and all."""
    (tmp_path / "bundle.zip").write_bytes(b"PK")
    program = (
        "import functools, sys, leakgauge.cli as cli; from sandbox_runners import running;"
        f"cli.Sandbox = functools.partial(cli.Sandbox, job=running('{runner}'));"
        "cli.main(['audit', 'bundle.zip', *sys.argv[1:]])"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"PYTHONPATH": PATHS} | environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("runner", "code", "beginnings"),
    [
        ("refuse", 2, ["leakgauge: This is no zip.", "hint: Send a zip."]),
        ("crash_with_a_secret", 4, ["leakgauge: ", "hint: ", "id: ", "log: builtins.", "  "]),
        ("segfault", 4, ["leakgauge: ", "hint: ", "id: "]),
    ],
)
def test_an_error_is_printed_once_and_as_text(tmp_path, runner, code, beginnings):
    done = by_a_shell(tmp_path, runner)
    lines = [line for line in done.stderr.splitlines() if "%" not in line]
    assert done.returncode == code
    assert all(line.startswith(start) for line, start in zip(lines, beginnings, strict=False))
    assert len(lines) >= len(beginnings)
    assert len(set(lines)) == len(lines)
    assert not any(line.lstrip().startswith(("{", "Traceback")) for line in lines)
    assert "Alice" not in done.stderr
    assert done.stdout == ""


def test_a_model_that_ends_its_process_is_the_senders_side(tmp_path):
    done = by_a_shell(tmp_path, "segfault_of_the_model")
    assert done.returncode == 2
    assert done.stderr.count("SIGSEGV, twice on the same bytes.") == 1
    assert done.stderr.count("hint: Treat the file as hostile") == 1
    assert done.stderr.count("audit died of its model") == 1, "the first death is logged, the second told"


def test_the_frames_of_a_failure_lead_to_its_place(tmp_path):
    done = by_a_shell(tmp_path, "crash_with_a_secret")
    assert "sandbox_runners.py:" in done.stderr
    assert done.stderr.count("sandbox_runners.py:") == 1


def test_the_log_that_somebody_asks_for_is_text_as_well(tmp_path):
    done = by_a_shell(tmp_path, "crash_with_a_secret", LEAKGAUGE_LOG_LEVEL="info")
    assert "audit failed" in done.stderr
    assert '{"event"' not in done.stderr
    assert "\x1b" not in done.stderr


def test_what_the_command_line_itself_trips_over_is_no_failed_gate(call, monkeypatch):
    def broken(*_, **__):
        raise KeyError("Alice,42")

    monkeypatch.setattr("leakgauge.cli._conclude", broken)
    result = call()
    assert result.exit_code == 4
    assert "log: builtins.KeyError" in result.stderr
    assert "leakgauge/cli.py:" in result.stderr
    assert "Alice" not in result.output
