"""The ending of an audit: for somebody who looks on, for a pipe, for a program."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from profile_reports import profiles_report
from report_examples import inversion_audited, membership_report, with_every_text
from rich.console import Console

from leakgauge import summary
from leakgauge.cli import main
from leakgauge.report.json_document import to_json
from leakgauge.report.model import Audited, Report
from leakgauge.report.writers import write

REPORTS: dict[str, Report] = {
    "membership": membership_report(n=60),
    "inversion": inversion_audited(classes=1).report,
    "profiles": profiles_report(),
}


def document(report: Report) -> dict:
    return json.loads(to_json(report))


def shown(report: Report, folder: Path) -> str:
    written = io.StringIO()
    summary.show(
        document(report), folder, Console(file=written, force_terminal=True, width=100, highlight=False)
    )
    return written.getvalue()


@pytest.mark.parametrize("kind", REPORTS)
def test_who_looks_on_sees_severity_attacks_next_step_and_how_to_open(kind, tmp_path):
    report = REPORTS[kind]
    write(Audited(report), tmp_path)
    text = shown(report, tmp_path)
    assert f"Leakage: {report.verdict.severity.value}" in text
    assert "\x1b[" in text
    assert "Next: " in text
    assert (tmp_path / "report.html").as_uri() in text.replace("\n", "")
    strongest = summary.strongest(document(report))
    assert strongest
    for attack in strongest:
        assert attack.attack[:20] in text
        assert f"{attack.low:.2f}–{attack.high:.2f}" in text
    for notice in report.warnings[:3]:
        assert notice.message[:30] in text


def test_the_three_strongest_are_those_of_the_verdict():
    report = REPORTS["membership"]
    found = summary.strongest(document(report))
    assert 1 <= len(found) <= 3
    assert [attack.low for attack in found] == sorted((attack.low for attack in found), reverse=True)
    assert found[0].attack == "Relative likelihood (RMIA)"
    assert "Leaf counts" not in {attack.attack for attack in found}, "who has the file is another attacker"


def test_names_cannot_move_the_cursor(tmp_path):
    report = with_every_text(REPORTS["membership"], lambda text: f"{text}\x1b[2J")
    text = shown(report, tmp_path)
    assert "\x1b[2J" not in text


@pytest.mark.parametrize("kind", REPORTS)
def test_a_program_gets_one_object(kind, tmp_path):
    write(Audited(REPORTS[kind]), tmp_path)
    result = CliRunner().invoke(main, ["report", str(tmp_path), "--json"])
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["severity"] == REPORTS[kind].verdict.severity.value
    assert found["gate"] is None
    assert str(tmp_path / "report.json") in found["files"]


def test_a_pipe_gets_plain_lines(tmp_path):
    write(Audited(REPORTS["membership"]), tmp_path)
    result = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert result.stdout.splitlines()[0] == REPORTS["membership"].verdict.sentence
    assert "\x1b" not in result.stdout


def test_a_file_to_write_needs_a_kind_of_file(tmp_path):
    write(Audited(REPORTS["membership"]), tmp_path)
    result = CliRunner().invoke(main, ["report", str(tmp_path), "-o", "x.pdf"])
    assert result.exit_code == 2
    assert "--pdf" in result.stderr


def test_a_file_of_another_name_has_nothing_beside_it(tmp_path):
    write(Audited(REPORTS["membership"]), tmp_path)
    (tmp_path / "v3.json").write_bytes(to_json(REPORTS["inversion"]))
    result = CliRunner().invoke(main, ["report", str(tmp_path / "v3.json"), "--json"])
    assert json.loads(result.stdout)["files"] == []
