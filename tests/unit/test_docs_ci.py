"""The examples for build servers: they parse, and every command in them exists with its options."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from leakgauge.cli import main
from leakgauge.report.model import GateOutcome

CI = Path(__file__).parents[2] / "docs" / "ci"


def github():
    return yaml.safe_load((CI / "github-workflow.yml").read_text())


def gitlab():
    return yaml.safe_load((CI / "gitlab-job.yml").read_text())


def sagemaker_audit():
    tree = ast.parse((CI / "sagemaker_pipeline.py").read_text())
    return next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "AUDIT"
    )


def scripts():
    yield from (step["run"] for job in github()["jobs"].values() for step in job["steps"] if "run" in step)
    yield from gitlab()["leakgauge"]["script"]
    yield sagemaker_audit()


def commands():
    """Every call of leakgauge as a list of words."""
    return [
        shlex.split(call)
        for script in scripts()
        for call in re.split(r"\n|;", script)
        if call.strip().startswith("leakgauge ")
    ]


def test_every_example_calls_the_gate_or_an_audit_with_a_policy():
    assert len(commands()) == 5
    assert sum("--policy" in words for words in commands()) == 3


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words[:2]))
def test_the_commands_exist_with_their_options(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = main.commands[words[1]]
    paths = [word for word in words[2:] if not word.startswith("-")]
    for path in paths:
        if not path.startswith("/"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text("")
    if any(path.startswith("/") for path in paths):
        words = [word.lstrip("/") for word in words]
        for path in paths:
            Path(path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            Path(path.lstrip("/")).write_text("")
    command.make_context(command.name, words[2:])
    with pytest.raises(click.NoSuchOption):
        command.make_context(command.name, [*words[2:], "--no-such-option"])


def test_nothing_swallows_the_exit_code_of_the_gate():
    for job in github()["jobs"].values():
        assert "continue-on-error" not in job
        for step in job["steps"]:
            assert "continue-on-error" not in step
            assert "||" not in step.get("run", "")
            # what only shows the result runs after a failed gate too
            if step.get("uses", "").startswith(("github/codeql-action", "actions/upload-artifact")):
                assert "!cancelled()" in step["if"]
    job = gitlab()["leakgauge"]
    assert "allow_failure" not in job
    assert not [line for line in job["script"] if "||" in line]
    assert job["artifacts"]["when"] == "always"
    outputs = next(words for words in commands() if "--junit" in words and "--github" not in words)
    assert job["artifacts"]["reports"]["junit"] == outputs[outputs.index("--junit") + 1]


def test_the_pipeline_waits_for_the_word_that_reports_hold():
    source = (CI / "sagemaker_pipeline.py").read_text()
    assert f'ConditionEquals(left=outcome, right="{GateOutcome.PASSED.value}")' in source
    assert 'json_path="gate.outcome"' in source
    # the step hides the gate's own codes from the job, and no others
    assert re.findall(r'"\$code" -eq (\d)', sagemaker_audit()) == ["1", "3"]
