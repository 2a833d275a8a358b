"""`leakgauge gate` and `leakgauge audit --policy` as scripts and build servers meet them."""

from __future__ import annotations

import dataclasses
import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from junitparser import JUnitXml
from report_examples import membership_report
from sandbox_runners import running

import leakgauge
from leakgauge.cli import main
from leakgauge.errors import BadBundle, BadParameters
from leakgauge.policy import SHIPPED
from leakgauge.report.json_document import to_json
from leakgauge.sandbox.parent import Sandbox

HERE = Path(__file__).parent
PATHS = f"{HERE.parents[1] / 'src'}:{HERE.parent / 'support'}"
FOR_PASSED = "membership: {max_auc: 1, max_tpr_at_fpr: {}, required_attacks: [rmia]}"
FOR_FAILED = "membership: {max_auc: 0.5, max_tpr_at_fpr: {}, required_attacks: []}"
AS_NAMES_AND_VALUES = '{"membership": {"max_auc": 0.5, "max_tpr_at_fpr": {}, "required_attacks": []}}'
FOR_INCONCLUSIVE = "membership: {max_auc: null, max_tpr_at_fpr: {'0.05': 0.5}, required_attacks: []}"


@functools.cache
def example():
    """A report of which every attack ran."""
    made = membership_report(n=60)
    return dataclasses.replace(
        made, attacks=tuple(attack for attack in made.attacks if attack.status == "measured")
    )


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.json").write_bytes(to_json(example()))
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(main, ["gate", *arguments])


@pytest.mark.parametrize(
    ("policy", "exit_code", "outcome", "bad_cases"),
    [
        (FOR_PASSED, 0, "passed", 0),
        (FOR_FAILED, 1, "failed", 1),
        (FOR_INCONCLUSIVE, 3, "inconclusive", 1),
    ],
)
def test_exit_code_and_every_output_say_the_same(folder, policy, exit_code, outcome, bad_cases):
    (folder / "policy.yaml").write_text(policy)
    outputs = ["--junit", "out/junit.xml", "--sarif", "out/gate.sarif", "--github"]
    for _ in range(2):  # a second run replaces what the first one wrote
        done = call("report", "--policy", "policy.yaml", *outputs)
        assert done.exit_code == exit_code
    assert done.stdout.splitlines()[-1].startswith(outcome.capitalize())
    suites = JUnitXml.fromfile("out/junit.xml")
    assert suites.failures + suites.errors == bad_cases
    run = json.loads(Path("out/gate.sarif").read_text())["runs"][0]
    assert sum(each["kind"] == "fail" for each in run["results"]) == bad_cases
    assert (
        run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == "report/report.json"
    )
    loud = [line for line in done.stdout.splitlines() if line.startswith(("::error", "::warning"))]
    assert bool(loud) == bool(bad_cases)
    assert sorted(path.name for path in Path("out").iterdir()) == ["gate.sarif", "junit.xml"]


def test_the_process_really_ends_with_the_code(folder):
    (folder / "policy.yaml").write_text(FOR_FAILED)
    done = subprocess.run(
        [sys.executable, "-m", "leakgauge", "gate", "report/report.json", "--policy", "policy.yaml"],
        env={"PYTHONPATH": PATHS},
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing"], "does not exist"),
        (["empty"], "no report to read"),
        (["policy.yaml"], "not JSON"),
        (["report", "--policy", "report"], "directory"),
        (["report", "--policy", "bad.yaml"], "membership.max_acu: is unknown; did you mean max_auc?"),
        (["report", "--policy", "avsis"], "aisvs, edpb-strict"),
        (["report", "--junit", "report"], "directory"),
        (["report", "--junit", "policy.yaml/junit.xml"], "cannot be written"),
    ],
)
def test_bad_input_is_exit_code_2_and_never_a_verdict(folder, arguments, told):
    (folder / "empty").mkdir()
    (folder / "policy.yaml").write_text(FOR_PASSED)
    (folder / "bad.yaml").write_text("membership: {max_acu: 1}")
    done = call(*arguments)
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("policy", [FOR_PASSED, FOR_FAILED, FOR_INCONCLUSIVE])
def test_one_json_object_says_what_the_lines_say(folder, policy):
    (folder / "policy.yaml").write_text(policy)
    lines = call("report", "--policy", "policy.yaml")
    done = call("report", "--policy", "policy.yaml", "--json", "--junit", "junit.xml")
    assert done.exit_code == lines.exit_code
    said = json.loads(done.stdout)
    assert said["exit_code"] == done.exit_code
    assert said["sentence"] == lines.stdout.splitlines()[-1]
    assert [rule["outcome"] for rule in said["rules"]] == [
        line.split()[0] for line in lines.stdout.splitlines()[:-1]
    ]
    assert Path("junit.xml").is_file()


def test_annotations_and_json_on_one_stream_are_refused(folder):
    done = call("report", "--json", "--github")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Leave one of the two out" in done.stderr


def test_an_audit_with_a_policy_ends_as_the_gate_does(folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.setattr(
        "leakgauge.cli.Sandbox",
        functools.partial(Sandbox, job=running("held_to_a_policy")),
    )
    (folder / "bundle.zip").write_bytes(b"PK")
    audit = functools.partial(CliRunner().invoke, main)
    for policy, exit_code, word in (
        (FOR_PASSED, 0, "passed"),
        (FOR_FAILED, 1, "failed"),
        (FOR_INCONCLUSIVE, 3, "inconclusive"),
    ):
        (folder / "policy.yaml").write_text(policy)
        done = audit(["audit", "bundle.zip", "-o", "out", "--policy", "policy.yaml"])
        assert done.exit_code == exit_code, done.output
        assert any(line.startswith(word.capitalize()) for line in done.stdout.splitlines())
    assert audit(["audit", "bundle.zip", "-o", "out"]).exit_code == 0
    (folder / "policy.yaml").write_text("membership: {max_acu: 1}")
    assert audit(["audit", "bundle.zip", "-o", "out", "--policy", "policy.yaml"]).exit_code == 2


def test_the_python_door_takes_reports_paths_and_mappings(folder):
    (folder / "policy.yaml").write_text(FOR_FAILED)
    by_file = leakgauge.gate("report", "policy.yaml")
    by_mapping = leakgauge.gate(example(), json.loads(AS_NAMES_AND_VALUES))
    assert by_file.outcome is by_mapping.outcome is leakgauge.GateOutcome.FAILED
    assert [rule.rule for rule in by_file.rules] == [rule.rule for rule in by_mapping.rules]
    assert leakgauge.gate(folder / "report" / "report.json").rules[0].limit == 0.7
    with pytest.raises(BadParameters):
        leakgauge.gate("report", {"membership": {"max_acu": 1}})
    with pytest.raises(BadBundle):
        leakgauge.gate("elsewhere")


def test_an_audit_with_an_earlier_report_shows_the_trend(folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.setattr("leakgauge.cli.Sandbox", functools.partial(Sandbox, job=running("held_to_a_policy")))
    (folder / "bundle.zip").write_bytes(b"PK")
    audit = functools.partial(CliRunner().invoke, main)
    # the earlier report may lie where the audit writes: it is read beforehand
    for earlier, output in (("report", "out"), ("out", "out")):
        done = audit(["audit", "bundle.zip", "-o", output, "--earlier", earlier])
        assert done.exit_code == 0, done.output
        assert "Since the earlier report: " in done.stdout
        assert '<h2 id="earlier">' in Path(output, "report.html").read_text()
        assert Path(output, "history.json").is_file()
    done = audit(["audit", "bundle.zip", "-o", "elsewhere", "--earlier", "bundle.zip"])
    assert done.exit_code == 2
    assert not Path("elsewhere").exists()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_policy_that_comes_along_holds_by_its_name_and_as_the_file_that_is_printed(folder, name):
    printed = CliRunner().invoke(main, ["policy", name])
    assert printed.exit_code == 0
    (folder / "policy.yaml").write_text(printed.stdout)
    by_name, by_file = call("report", "--policy", name), call("report", "--policy", "policy.yaml")
    assert by_name.exit_code == by_file.exit_code == 1
    assert by_name.stdout == by_file.stdout
    assert leakgauge.gate("report", name) == leakgauge.gate("report", "policy.yaml")
