"""What the command line says of itself: whole, with an example for each command that it takes."""

from __future__ import annotations

import shlex

import click
import pytest
from click.testing import CliRunner

from leakgauge.cli import main


def help_of(*arguments: str) -> str:
    found = CliRunner().invoke(main, [*arguments, "--help"], env={"COLUMNS": "80"}, terminal_width=80)
    assert found.exit_code == 0
    return found.output


def test_the_list_of_commands_is_whole_at_eighty_columns():
    _, _, text = help_of().partition("Commands:")
    assert "..." not in text
    assert all(name in text for name in main.commands)


@pytest.mark.parametrize("name", main.commands)
def test_each_command_has_an_example_that_it_takes(name):
    text = " ".join(help_of(name).split())
    example = text.partition("For example: ")[2].partition(" Options:")[0]
    words = shlex.split(example.partition(">")[0])
    assert words[:2] == ["leakgauge", name]
    command = main.commands[name]
    _, left, _ = command.make_parser(click.Context(command)).parse_args(words[2:])
    assert left == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_how_to_complete(shell):
    found = CliRunner().invoke(main, ["completion", shell], prog_name="leakgauge")
    assert found.exit_code == 0
    assert "_LEAKGAUGE_COMPLETE" in found.output


def test_commands_and_options_are_completed():
    for words, index, expected in (
        ("leakgauge sani", "1", "sanitize"),
        ("leakgauge audit --qu", "2", "--quiet"),
    ):
        environment = {"_LEAKGAUGE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": index}
        found = CliRunner().invoke(main, [], prog_name="leakgauge", env=environment)
        assert expected in found.output
