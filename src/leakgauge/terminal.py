"""What the command line tells people: progress and errors, both on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from leakgauge.errors import JsonValue, LeakgaugeError
from leakgauge.logs import Milestones
from leakgauge.progress import Calling, Progress
from leakgauge.redacted_traceback import redacted_traceback
from leakgauge.text import Sink, printable

INTERRUPTED = 130


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A bar on a terminal, plain lines elsewhere; both on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Milestones(lambda stage, fraction: click.echo(f"{fraction:4.0%} {stage}", err=True))
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield Calling(lambda stage, fraction: bar.update(task, description=stage, completed=fraction))


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
        found = redacted_traceback(error)
        click.echo("leakgauge: The command met a situation that it was not written for.", err=True)
        click.echo("hint: Report it with what stands in the next lines.", err=True)
        click.echo(f"log: {found.type}", err=True)
        for frame in found.frames:
            click.echo(f"  {printable(frame, Sink.TERMINAL)}", err=True)
        sys.exit(LeakgaugeError.exit_code)


def _in_words(problem: JsonValue) -> str:
    return problem if isinstance(problem, str) else json.dumps(problem, ensure_ascii=False)
