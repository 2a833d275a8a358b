"""Commands about a model file itself: what it holds of its training data, and a copy with less of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from leakgauge.errors import BadParameters
from leakgauge.file_contents import look_into
from leakgauge.jobs.table import SANITIZE
from leakgauge.parameters import decode_assignments
from leakgauge.report.contents_words import contents_lines
from leakgauge.report.json_document import plain, written
from leakgauge.sandbox.output import read_document
from leakgauge.sandbox.parent import Sandbox
from leakgauge.terminal import printing_errors, shown_progress
from leakgauge.text import Sink, printable


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--include-values", is_flag=True, help="Also show a few of the values that were found.")
@click.option("as_json", "--json", is_flag=True, help="For programs: one JSON object.")
@click.option(
    "parameters",
    "--parameter",
    multiple=True,
    metavar="NAME=VALUE",
    help="How TABLE is read, such as label_column=income; may be repeated.",
)
def contents(
    model: Path, table: Path | None, *, include_values: bool, as_json: bool, parameters: tuple[str, ...]
) -> None:
    """Tell what MODEL holds of its training table, word for word.

    MODEL is a file or a membership bundle. With TABLE, which is CSV or Parquet, the file is compared with
    it value by value; without, it is told what estimators of its kind are known to keep.

    For example: leakgauge contents model.pkl train.csv --parameter label_column=income
    """
    with printing_errors():
        with Sandbox() as sandbox, shown_progress() as progress:
            found = look_into(
                sandbox,
                model,
                table,
                overrides=decode_assignments(parameters, seed=None),
                include_values=include_values,
                progress=progress,
            )
        if as_json:
            click.echo(written(plain(found, exact=False)), nl=False)
            return
        for line in contents_lines(found):
            click.echo(printable(line, Sink.TERMINAL))


@click.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The new model file; must not exist yet.",
)
def sanitize(model: Path, output: Path) -> None:
    """Write MODEL without what its trees need not tell.

    MODEL is of scikit-learn, XGBoost, LightGBM or CatBoost. Seeds, node counts, impurities and out-of-bag
    results go; predictions stay the same to the last bit, which is verified before anything is written.

    For example: leakgauge sanitize model.pkl -o released.pkl
    """
    with printing_errors():
        _check_new(output)
        with (
            Sandbox(job=SANITIZE) as sandbox,
            sandbox.private_folder() as folder,
            shown_progress() as progress,
        ):
            finished = folder / "finished"
            sandbox.run(model, finished, overrides={}, progress=progress)
            model_name, notes_name = SANITIZE.leaves
            notes = read_document(finished / notes_name)
            _keep(finished / model_name, output)
        for heading, sentences in (("taken out", notes.get("removed")), ("note", notes.get("remaining"))):
            for sentence in sentences if isinstance(sentences, list) else ():
                click.echo(f"{heading}: {printable(str(sentence), Sink.TERMINAL)}", err=True)
        click.echo(output)


def _check_new(output: Path) -> None:
    """See that a new file can be written there; leaves none."""
    with _output_file():
        output.open("xb").close()
        output.unlink()


def _keep(finished: Path, output: Path) -> None:
    """Copy a finished file to a new one; nothing that stands there is ever replaced."""
    with _output_file(), finished.open("rb") as reading, output.open("xb") as writing:
        shutil.copyfileobj(reading, writing)


@contextmanager
def _output_file() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadParameters(
            "output_file",
            f"The output file cannot be written ({os.strerror(error.errno or 0)}).",
            hint="Name a file that does not exist yet, in a folder that you may write to.",
        ) from None
