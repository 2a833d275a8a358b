"""What README and docs tell people to type is what the program takes; what needs no model is run."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import shutil
import textwrap
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from report_examples import membership_report
from snippets import PAGES, ROOT, commands, python

import leakgauge
from leakgauge.cli import main
from leakgauge.report.json_document import to_json

COMMANDS = [command for page in PAGES for command in commands(page)]
SNIPPETS = [(page, *found) for page in PAGES for found in python(page)]
ON_REPORTS = {"gate", "policy", "clauses", "card", "history", "report"}
ENDS = {0, 1, 3}
"""What a gate may end with beside success; 2 and 4 say that a command could not be carried out."""


def named(command):
    return f"{command.page}:{command.line}"


def test_pages_show_every_command_somewhere():
    assert {command.words[0] for command in COMMANDS} >= set(main.commands) - {"demo"}
    assert len(SNIPPETS) >= 5


@pytest.mark.parametrize("command", COMMANDS, ids=named)
def test_a_command_on_a_page_is_one_that_the_program_takes(command, monkeypatch):
    # that files are there is not asked for
    monkeypatch.setattr(click.Path, "convert", lambda _self, value, _param, _context: value)
    context = main.make_context("leakgauge", list(command.words))
    name, found, rest = main.resolve_command(context, list(command.words))
    assert found is not None, name
    if "-h" not in rest and "--help" not in rest:
        found.make_context(name, rest, parent=context)


@functools.cache
def documents():
    """Two reports as files hold them."""
    report = membership_report(n=60)
    return to_json(report), to_json(dataclasses.replace(report, seed=1))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with what commands on reports name."""
    made, other = documents()
    for name, document in (
        *itertools.product(("report", "before", "leakgauge-report", "releases/v1"), (made,)),
        *itertools.product(("after", "report-after", "releases/v2"), (other,)),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "report.json").write_bytes(document)
    for name in ("policy.yaml", "leakgauge-policy.yml"):
        (tmp_path / name).write_text("version: 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def on_reports(command):
    return command.words[0] in ON_REPORTS or (
        command.words[0] == "compare" and not any(word.startswith("--defence") for word in command.words)
    )


@pytest.mark.parametrize("command", [command for command in COMMANDS if on_reports(command)], ids=named)
def test_a_command_on_reports_runs_as_it_stands(command, folder):
    done = CliRunner().invoke(main, list(command.words))
    assert done.exit_code in ENDS, done.output
    if command.into:
        assert done.stdout.strip()


@pytest.mark.parametrize(("page", "line", "source"), SNIPPETS, ids=lambda value: str(value)[:40])
def test_python_on_a_page_calls_what_there_is(page, line, source):
    for node in ast.walk(ast.parse(textwrap.dedent(source))):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "leakgauge"
        ):
            assert node.attr in leakgauge.__all__, f"{page}:{line} names leakgauge.{node.attr}"
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("leakgauge."):
            called = getattr(leakgauge, node.func.attr)
            inspect.signature(called).bind(*node.args, **{key.arg: None for key in node.keywords if key.arg})


@pytest.mark.slow
def test_commands_on_models_run_as_they_stand(tmp_path, monkeypatch):
    """Those of the pages that open a model, on the sample bundle by the names that the pages give it."""
    sample = ROOT / "sample-input" / "membership.zip"
    with zipfile.ZipFile(sample) as packed:
        packed.extractall(tmp_path / "unpacked")
    for pattern, name in (("*.pkl", "model.pkl"), ("*train*.csv", "train.csv")):
        shutil.copy(next((tmp_path / "unpacked").rglob(pattern)), tmp_path / name)
    for name in ("my-model.zip", "model.zip", "bundle.zip"):
        shutil.copy(sample, tmp_path / name)
    (tmp_path / "policy.yaml").write_text("version: 1\n")
    (tmp_path / "releases" / "v1").mkdir(parents=True)
    (tmp_path / "releases" / "v1" / "report.json").write_bytes(documents()[0])
    monkeypatch.chdir(tmp_path)
    ran = 0
    for words in dict.fromkeys(command.words for command in COMMANDS):
        opened = [word for word in words[1:] if Path(word).suffix in (".zip", ".pkl")]
        if words[0] in ("audit", "contents", "sanitize") and opened and (tmp_path / opened[0]).is_file():
            if "class_to_attack=default" in words:
                continue  # the bundle of class profiles, which is another
            done = CliRunner().invoke(main, list(words))
            assert done.exit_code in ENDS, (words, done.output)
            ran += 1
    assert ran >= 5
