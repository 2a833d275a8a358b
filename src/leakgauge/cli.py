"""The command line: the audit for people and for scripts."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from leakgauge.errors import BadParameters, JsonValue, LeakgaugeError
from leakgauge.logs import Milestones, configure
from leakgauge.parameters import decode_hyperparameters
from leakgauge.progress import Calling, Progress
from leakgauge.sandbox.events import printable
from leakgauge.sandbox.job import SANITIZE_RUNNER, SANITIZED_MODEL, SANITIZED_NOTES, Kind
from leakgauge.sandbox.parent import Sandbox

_FILES = ("report.html", "report.json", "output.csv")
_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="leakgauge", prog_name="leakgauge")
def main() -> None:
    """How much of its training data does a model give away?"""
    configure(quiet=True)


@main.command()
@click.argument("bundle", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("leakgauge-report"),
    show_default=True,
    help="Folder for the report; an earlier report there is replaced.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all randomness; same seed, same report.")
@click.option(
    "parameters",
    "--parameter",
    multiple=True,
    metavar="NAME=VALUE",
    help="Parameter that wins over the bundle's parameters.json; may be repeated.",
)
@click.option(
    "--only",
    type=click.Choice(["membership", "inversion"]),
    help="Refuse a bundle that asks for the other audit.",
)
def audit(bundle: Path, output: Path, seed: int | None, parameters: Sequence[str], only: Kind | None) -> None:
    """Audit BUNDLE, a zip or a folder with a model and its data, and write a report."""
    with _told_to_people():
        overrides = _overrides(parameters, seed=seed)
        with Sandbox(only=only) as sandbox, _shown_progress() as progress:
            sandbox.run(bundle, output, overrides=overrides, progress=progress)
        _conclude(output)


@main.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The new model file; must not exist yet.",
)
def sanitize(model: Path, output: Path) -> None:
    """Write MODEL, a scikit-learn model file, without what its trees need not tell.

    Seeds, node counts, impurities and out-of-bag results go; predictions stay the same to the
    last bit, which is verified before anything is written.
    """
    with _told_to_people():
        with (
            Sandbox(runner=SANITIZE_RUNNER) as sandbox,
            sandbox.private_folder() as folder,
            _shown_progress() as progress,
        ):
            finished = folder / "finished"
            sandbox.run(model, finished, overrides={}, progress=progress)
            notes = json.loads((finished / SANITIZED_NOTES).read_bytes())
            _keep(finished / SANITIZED_MODEL, output)
        for heading, sentences in (("taken out", notes["removed"]), ("note", notes["remaining"])):
            for sentence in sentences:
                click.echo(f"{heading}: {printable(str(sentence))}", err=True)
        click.echo(output)


def _keep(finished: Path, output: Path) -> None:
    """Copy a finished file to a new one; nothing that stands there is ever replaced."""
    try:
        with finished.open("rb") as reading, output.open("xb") as writing:
            shutil.copyfileobj(reading, writing)
    except OSError as error:
        raise BadParameters(
            "output_file",
            f"The output file cannot be written ({os.strerror(error.errno or 0)}).",
            hint="Name a file that does not exist yet, in a folder that you may write to.",
        ) from None


def _overrides(parameters: Sequence[str], *, seed: int | None) -> dict[str, JsonValue]:
    strings = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals or not name.strip():
            raise BadParameters(
                "not_an_assignment",
                "A --parameter is not of the form NAME=VALUE.",
                hint='For example --parameter reference_models=16 or --parameter "proportions=[50, 90]".',
            )
        strings[name.strip()] = value
    overrides = decode_hyperparameters(strings)
    return overrides if seed is None else overrides | {"seed": seed}


@contextmanager
def _shown_progress() -> Iterator[Progress]:
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


def _conclude(output: Path) -> None:
    report = json.loads((output / "report.json").read_bytes())
    click.echo(printable(str(report["verdict"]["sentence"])))
    for name in _FILES:
        if (output / name).is_file():
            click.echo(output / name)


@contextmanager
def _told_to_people() -> Iterator[None]:
    """Errors as a message and a hint on standard error, with the exit code of their family."""
    try:
        yield
    except LeakgaugeError as error:
        click.echo(f"leakgauge: {printable(error.message)}", err=True)
        problems = error.details.get("problems")
        for problem in problems if isinstance(problems, list) else []:
            click.echo(f"  - {printable(_in_words(problem))}", err=True)
        click.echo(f"hint: {printable(error.hint)}", err=True)
        identifier = error.details.get("id")
        if identifier is not None:
            click.echo(f"id: {printable(str(identifier))}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("leakgauge: interrupted; nothing was written", err=True)
        sys.exit(_INTERRUPTED)


def _in_words(problem: JsonValue) -> str:
    return problem if isinstance(problem, str) else json.dumps(problem, ensure_ascii=False)
