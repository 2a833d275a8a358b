"""What people see: progress and errors on standard error, results on standard output.

The command line and the Python door share it; in a notebook what is shown stands below the cell.
"""

from __future__ import annotations

import io
import json
import math
import os
import select
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from leakgauge import summary
from leakgauge.errors import JsonValue, LeakgaugeError
from leakgauge.progress import Calling, Progress, Silent
from leakgauge.redacted_traceback import redacted_traceback
from leakgauge.text import Sink, printable

INTERRUPTED = 130
NOBODY_READS = 141
"""Exit code of a program whose output nobody reads any more, as of one that dies of SIGPIPE: no gate's."""


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Progress]:
    """A bar with the time that is left on a terminal, a few plain lines elsewhere; both on standard error.

    The lines end with 100 % where the work ended well.

    Parameters
    ----------
    quiet
        show nothing.
    """
    console = Console(stderr=True)
    if quiet:
        yield Silent()
        return
    if not console.is_terminal:
        tenths = _Tenths()
        yield tenths
        tenths.report("finished", 1.0)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield Calling(lambda stage, fraction: bar.update(task, description=stage, completed=fraction))


class _Tenths:
    """A line for each tenth of the work that is done, and never two for the same."""

    def __init__(self) -> None:
        self._next = 0.0

    def report(self, stage: str, fraction: float) -> None:
        """Print the stage where a further tenth is done; `fraction` as of any progress."""
        if fraction >= self._next:
            self._next = 1.5 if fraction >= 1 else (math.floor(10 * fraction + 1e-9) + 1) / 10
            click.echo(f"{fraction:4.0%} {stage}", err=True)


@contextmanager
def listening(progress: Progress | bool | None) -> Iterator[Progress]:
    """Whoever is to hear how far an audit is.

    Parameters
    ----------
    progress
        a listener; True for a bar or lines, False for nobody; None for a bar where somebody looks on, which
        is a terminal or a notebook.
    """
    if not isinstance(progress, bool) and progress is not None:
        yield progress
    elif progress is not False and in_notebook():
        with _notebook_bar() as bar:
            yield bar
    elif progress or (progress is None and sys.stderr.isatty()):
        with shown_progress() as bar:
            yield bar
    else:
        yield Silent()


def agreed(plan: str, *, beforehand: bool = False) -> bool:
    """Whether whoever sits here agrees to a plan, which is shown to him.

    Parameters
    ----------
    beforehand
        whether he has said so; then he is not asked. In a script nobody answers, and that is a no.
    """
    click.echo(printable(plan, Sink.TERMINAL), err=True)
    if beforehand or not (in_notebook() or sys.stdin.isatty()):
        return beforehand
    return input("Ask it? [y/N] ").strip().lower() in ("y", "yes")


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    shell = _shell()
    return shell is not None and hasattr(shell, "kernel")


def shown_in_notebook(page: str) -> bool:
    """Show HTML below the cell that runs; False where there is none."""
    if not in_notebook():
        return False
    from IPython.display import HTML, display

    display(HTML(page))
    return True


def print_plain(*lines: str) -> None:
    """Print lines that may hold names out of a report; a line break in one of them makes no further line."""
    for line in lines:
        click.echo(printable(line, Sink.TERMINAL))


def tell(report: Mapping[str, Any], folder: Path) -> None:
    """Print what a report.json says and where it lies: in colours on a terminal, in plain lines elsewhere.

    Raises
    ------
    KeyError, TypeError, AttributeError, ValueError
        for what is no such document.
    """
    console = Console(highlight=False)
    if console.is_terminal:
        summary.show(report, folder, console)
        return
    for line in summary.lines(report, folder):
        print_plain(line)
    for file in summary.files(folder):
        click.echo(file)


def _shell() -> Any:
    """IPython's shell; None where there is none. It is never imported by us first."""
    found = sys.modules.get("IPython")
    return None if found is None else found.get_ipython()


@contextmanager
def _notebook_bar() -> Iterator[Progress]:
    """A bar below the cell, which is gone in the end."""
    from IPython.display import HTML, display

    handle = display(HTML("starting"), display_id=True)
    shown = ""

    def update(stage: str, fraction: float) -> None:
        nonlocal shown
        percent = round(100 * fraction)
        now = f'<progress max="100" value="{percent}"></progress> {percent} % {escape(stage)}'
        if now != shown:  # attacks report far more often than a page can follow
            shown = now
            handle.update(HTML(now))

    try:
        yield Calling(update)
    finally:
        handle.update(HTML(""))


@contextmanager
def printing_errors() -> Iterator[None]:
    """Print an error as a message and a hint on standard error, with the exit code of its family.

    An unexpected error is printed without the text of the exception, which may quote data. Its exit code
    is not 1, which says that a gate has failed.
    """
    try:
        yield
    except LeakgaugeError as error:
        click.echo(f"leakgauge: {printable(error.message, Sink.TERMINAL)}", err=True)
        problems = error.details.get("problems")
        for problem in problems if isinstance(problems, list) else []:
            click.echo(f"  - {printable(_in_words(problem), Sink.TERMINAL)}", err=True)
        click.echo(f"hint: {printable(error.hint, Sink.TERMINAL)}", err=True)
        identifier = error.details.get("id")
        if identifier is not None:
            click.echo(f"id: {printable(str(identifier), Sink.TERMINAL)}", err=True)
        for note in getattr(error, "__notes__", ()):
            for line in note.splitlines():
                click.echo(printable(line, Sink.TERMINAL), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("leakgauge: interrupted; nothing was written", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last resort, which tells what it met
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            sys.exit(NOBODY_READS)
        found = redacted_traceback(error)
        click.echo("leakgauge: The command met a situation that it was not written for.", err=True)
        click.echo("hint: Report it with what stands in the next lines.", err=True)
        click.echo(f"log: {found.type}", err=True)
        for frame in found.frames:
            click.echo(f"  {printable(frame, Sink.TERMINAL)}", err=True)
        sys.exit(LeakgaugeError.exit_code)


def _nobody_reads() -> bool:
    """Whether a pipe that this program writes to was closed, as `head` does; if so, the rest goes nowhere."""
    streams = select.poll()
    for stream in (sys.stdout, sys.stderr):
        streams.register(stream.fileno(), 0)
    closed = streams.poll(0)
    for descriptor, _ in closed:
        # streams are flushed at the end, where it would be an error again
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
    return bool(closed)


def write_what_fits() -> None:
    """Let characters that the terminal or the file has no code for become question marks, not errors."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _in_words(problem: JsonValue) -> str:
    return problem if isinstance(problem, str) else json.dumps(problem, ensure_ascii=False)
