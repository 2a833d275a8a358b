"""Who hears how far an audit is: a listener, a terminal, the cell of a notebook, or nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

from leakgauge import terminal
from leakgauge.progress import Calling, Silent


class Cell:
    """What IPython shows below a cell, with the very few of its names that are used."""

    def __init__(self, monkeypatch, shell):
        self.shown = []
        display = ModuleType("IPython.display")
        display.HTML = lambda text: text
        display.display = self.display
        ipython = ModuleType("IPython")
        ipython.get_ipython = lambda: shell
        ipython.display = display
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def display(self, text, display_id=None):
        self.shown.append(text)
        return SimpleNamespace(update=self.shown.append)


def test_a_notebook_shows_a_bar_that_is_gone_in_the_end(monkeypatch, capsys):
    cell = Cell(monkeypatch, SimpleNamespace(kernel=object()))
    with terminal.listening(None) as progress:
        for step in range(1_000):
            progress.report("training <b>models</b>", step / 1_000)
    assert len(cell.shown) < 120, "a page cannot follow every report"
    assert "&lt;b&gt;" in cell.shown[5]
    assert "<progress" in cell.shown[5]
    assert cell.shown[-1] == ""
    assert capsys.readouterr().err == ""


def test_the_bar_is_gone_after_an_error_too(monkeypatch):
    cell = Cell(monkeypatch, SimpleNamespace(kernel=object()))

    def failing():
        with terminal.listening(True) as progress:
            progress.report("dividing", 0.5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert cell.shown[-1] == ""


def test_a_page_is_shown_in_a_notebook_alone(monkeypatch):
    assert not terminal.shown_in_notebook("<p>")
    plain = Cell(monkeypatch, SimpleNamespace())  # IPython in a terminal has no kernel
    assert not terminal.shown_in_notebook("<p>")
    assert not plain.shown
    cell = Cell(monkeypatch, SimpleNamespace(kernel=object()))
    assert terminal.shown_in_notebook("<p>")
    assert cell.shown == ["<p>"]


def test_a_listener_hears_wherever_it_is(monkeypatch):
    heard_of = []
    Cell(monkeypatch, SimpleNamespace(kernel=object()))
    with terminal.listening(Calling(lambda stage, fraction: heard_of.append(stage))) as progress:
        progress.report("reading", 0.0)
    assert heard_of == ["reading"]


def test_nobody_looks_on(monkeypatch, capsys):
    for asked in (None, False):
        with terminal.listening(asked) as progress:
            assert isinstance(progress, Silent)
    cell = Cell(monkeypatch, SimpleNamespace(kernel=object()))
    with terminal.listening(False) as progress:
        assert isinstance(progress, Silent)
    assert not cell.shown
    assert capsys.readouterr() == ("", "")


def test_lines_are_printed_where_no_terminal_is_and_a_bar_is_asked_for(capsys):
    with terminal.listening(True) as progress:
        progress.report("reading", 0.0)
    assert "reading" in capsys.readouterr().err


def test_lines_are_few_and_reach_the_end(capsys):
    with terminal.listening(True) as progress:
        for step in range(1_000):
            progress.report(f"stage {step}", step / 1_000)
    lines = capsys.readouterr().err.splitlines()
    assert [line[:4] for line in lines] == [f"{tenth:3d}%" for tenth in range(0, 101, 10)]
    assert lines[-1] == "100% finished"


def test_work_that_fails_does_not_reach_the_end(capsys):
    def failing():
        with terminal.listening(True) as progress:
            progress.report("dividing", 0.5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert "100%" not in capsys.readouterr().err


def test_names_in_a_result_cannot_move_the_cursor(capsys):
    terminal.print_plain("one\x1b[2Jtwo", "three\nOWASP: answered", "four\u2028five")
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert len(said.splitlines()) == 3, "nor begin a line of their own"


WRITES = """
from leakgauge import terminal
with terminal.printing_errors():
    {before}
    for _ in range(20_000):
        terminal.print_plain("a line of a report")
"""


def ran(code):
    """A program whose standard output nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        return subprocess.run(
            [sys.executable, "-c", code],
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )


def test_a_reader_that_has_read_enough_is_no_error_and_no_outcome_of_a_gate():
    done = ran(WRITES.format(before=""))
    assert (done.returncode, done.stderr) == (terminal.NOBODY_READS, "")


def test_another_pipe_that_breaks_is_told():
    heard = subprocess.run(
        [sys.executable, "-c", WRITES.format(before="raise BrokenPipeError")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert heard.returncode == 4
    assert "BrokenPipeError" in heard.stderr


def test_what_an_encoding_does_not_know_is_a_question_mark():
    code = (
        "import rich.console; from leakgauge.terminal import write_what_fits; write_what_fits(); "
        "rich.console.Console(force_terminal=True).print('the model\u2019s')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert b"the model?s" in done.stdout
