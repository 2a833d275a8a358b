"""What README and docs tell people to type is what the program takes.

`tests/contract/test_pages.py` runs it, which takes minutes.
"""

from __future__ import annotations

import ast
import inspect

import click
import pytest
from snippets import PAGES, commands, python

import leakgauge
from leakgauge.cli import main

COMMANDS = [command for page in PAGES for command in commands(page)]
SNIPPETS = [(page, *found) for page in PAGES for found in python(page)]


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


@pytest.mark.parametrize(("page", "line", "source"), SNIPPETS, ids=lambda value: str(value)[:40])
def test_python_on_a_page_calls_what_there_is(page, line, source):
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "leakgauge"
        ):
            assert node.attr in leakgauge.__all__, f"{page}:{line} names leakgauge.{node.attr}"
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("leakgauge."):
            called = getattr(leakgauge, node.func.attr)
            inspect.signature(called).bind(*node.args, **{key.arg: None for key in node.keywords if key.arg})
