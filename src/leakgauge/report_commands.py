"""Commands about reports that lie there already, and about what they are held to."""

from __future__ import annotations

import json
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from leakgauge import summary
from leakgauge.errors import BadParameters
from leakgauge.extras import check
from leakgauge.jobs.table import PDF
from leakgauge.policy import SHIPPED, shipped
from leakgauge.sandbox.parent import Sandbox
from leakgauge.terminal import print_plain, printing_errors, shown_progress, tell
from leakgauge.text import Sink, printable

_REPORT = click.argument("report", type=click.Path(exists=True, path_type=Path))


@click.command()
@click.argument("name", type=click.Choice(SHIPPED))
def policy(name: str) -> None:
    """Print the policy NAME that comes along.

    It is meant to be kept as a file and changed.

    For example: leakgauge policy edpb-strict > policy.yaml
    """
    click.echo(shipped(name), nl=False)


@click.command()
@_REPORT
@click.option("as_json", "--json", is_flag=True, help="For programs: a JSON list.")
def clauses(report: Path, *, as_json: bool) -> None:
    """Tell what of laws and standards REPORT answers.

    REPORT is a report.json or its folder. Each clause has the figure that answers it, or was not tested. No
    answer says that anything is complied with. For example: leakgauge clauses leakgauge-report/
    """
    # imported at first use: SciPy comes along, which the other commands need not wait for
    from leakgauge.report.evidence.clauses import answers
    from leakgauge.report.files import read_report

    with printing_errors():
        found = answers(read_report(report))
        if as_json:
            click.echo(json.dumps([answer.plain() for answer in found], ensure_ascii=False, indent=2))
            return
        for answer in found:
            clause = answer.clause
            print_plain(f"{clause.framework.name} {clause.number}: {clause.asks}\n    {answer.words}")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("leakgauge-history"),
    show_default=True,
    help="Folder for history.json and history.html.",
)
def history(folder: Path, output: Path) -> None:
    """Show the trend over the reports in FOLDER.

    There is one for each release, in the order of their names. Each is a folder with a report.json, or a
    .json file; v10 comes after v9. For example: leakgauge history releases/ -o history/
    """
    # imported at first use, as above
    from leakgauge.report.files import read_reports, replace_file
    from leakgauge.report.history import history_of
    from leakgauge.report.history.document import history_to_json
    from leakgauge.report.html import render_history

    with printing_errors():
        found = history_of(read_reports(folder))
        page, document = output / "history.html", output / "history.json"
        replace_file(document, history_to_json(found))
        replace_file(page, render_history(found).encode())
        for notice in found.warnings:
            click.echo(f"note: {printable(notice.message, Sink.TERMINAL)}", err=True)
        for release in found.releases:
            rise = "  leaks more than the release before" if release.name in found.worse else ""
            print_plain(f"{release.name}: {release.severity.value}{rise}")
        print_plain(found.sentence)
        click.echo(page)
        click.echo(document)


@click.command()
@_REPORT
@click.option(
    "--for",
    "system",
    type=click.Choice(["huggingface", "sagemaker"]),
    required=True,
    help="Whose model card it is for.",
)
@click.option("--name", help="Name of the model on the card.  [default: the kind of estimator]")
def card(report: Path, system: str, name: str | None) -> None:
    """Print the section of a model card that says what REPORT found.

    For Hugging Face YAML metadata (model-index) with a section in Markdown, for SageMaker the content of a
    model card as JSON. For example: leakgauge card leakgauge-report/ --for huggingface > card.md
    """
    # imported at first use, as above
    from leakgauge.report.cards.huggingface import huggingface_card
    from leakgauge.report.cards.sagemaker import sagemaker_card
    from leakgauge.report.files import read_report

    with printing_errors():
        found = read_report(report)
        if system == "sagemaker":
            click.echo(sagemaker_card(found))
        else:
            click.echo(huggingface_card(found, name=name or found.target.type), nl=False)


@click.command()
@click.argument("folder", metavar="REPORT", type=click.Path(exists=True, path_type=Path))
@click.option("--pdf", is_flag=True, help="Write the report as a PDF; needs the extra pdf.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --pdf: the file to write.  [default: beside the report, report.pdf]",
)
@click.option("as_json", "--json", is_flag=True, help="For programs: one JSON object in the place of lines.")
def report(folder: Path, *, pdf: bool, output: Path | None, as_json: bool) -> None:
    """Tell again what REPORT says, or write it as a PDF.

    REPORT is a report.json or its folder.

    For example: leakgauge report leakgauge-report/ --pdf
    """
    # imported at first use, as above
    from leakgauge.report.files import copy_report, folder_of, read_report, replace_file
    from leakgauge.report.json_document import to_json

    with printing_errors():
        found = read_report(folder)
        place = folder_of(folder)
        if not pdf:
            if output is not None:
                raise BadParameters(
                    "output_file", "--output names a file, and none is written.", hint="Add --pdf."
                )
            document = json.loads(to_json(found))
            if as_json:
                click.echo(json.dumps(summary.document(document, place), ensure_ascii=False))
            else:
                tell(document, place)
            return
        check("pdf")
        with Sandbox(job=PDF) as sandbox, sandbox.private_folder() as private, shown_progress() as progress:
            copied, finished = private / "report", private / "finished"
            copy_report(found, folder, copied)
            sandbox.run(copied, finished, overrides={}, progress=progress)
            output = output or (place / PDF.leaves[0] if place else folder.with_suffix(".pdf"))
            replace_file(output, (finished / PDF.leaves[0]).read_bytes())
        click.echo(output)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands.

    It completes commands, options and files.

    For example: leakgauge completion bash >> ~/.bashrc
    """
    program = context.find_root()
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - narrows the type: each shell of the choice has one
    name = program.info_name or "leakgauge"
    click.echo(found(program.command, {}, name, f"_{name.upper()}_COMPLETE").source())
