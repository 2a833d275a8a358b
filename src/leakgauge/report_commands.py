"""Commands about reports that lie there already, and about what they are held to."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

import click
from click.shell_completion import get_completion_class

from leakgauge import summary
from leakgauge.errors import BadParameters
from leakgauge.extras import check
from leakgauge.jobs.table import PDF
from leakgauge.pdf_documents import write_pdf
from leakgauge.policy import SHIPPED, read_policy, shipped
from leakgauge.summary import EXIT_CODES
from leakgauge.terminal import print_plain, printing_errors, shown_progress, tell

_REPORT = click.argument("report", type=click.Path(exists=True, path_type=Path))
POLICY = click.option(
    "--policy",
    metavar="FILE|NAME",
    help="YAML file with the limits that the report is held to, or one that comes along: "
    f"{', '.join(SHIPPED)}.",
)


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
            print_plain(f"{clause.framework.name} {clause.number}: {clause.asks}", f"    {answer.words}")


@click.command()
@click.argument("report", type=click.Path(exists=True, path_type=Path))
@POLICY
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Also write JUnit XML there.")
@click.option(
    "--sarif", type=click.Path(dir_okay=False, path_type=Path), help="Also write SARIF 2.1.0 there."
)
@click.option("--github", is_flag=True, help="Also print GitHub annotations; not with --json.")
@click.option("as_json", "--json", is_flag=True, help="For programs: one JSON object in the place of lines.")
def gate(
    report: Path, policy: str | None, junit: Path | None, sarif: Path | None, *, github: bool, as_json: bool
) -> None:
    """Hold REPORT to a policy.

    REPORT is a report.json or its folder; without --policy it is held to the default one.
    Exit codes: 0 passed, 1 failed, 3 inconclusive, 2 for a report or policy that cannot be read.

    For example: leakgauge gate report/ --policy policy.yaml --junit gate.xml
    """
    # imported at first use: SciPy comes along, which the other commands need not wait for
    from leakgauge.report.ci.github import to_github
    from leakgauge.report.ci.junit import to_junit
    from leakgauge.report.ci.sarif import to_sarif
    from leakgauge.report.files import read_report, replace_file
    from leakgauge.report.gate import gate as hold

    with printing_errors():
        if github and as_json:
            raise BadParameters(
                "gate", "GitHub reads lines, and --json prints none.", hint="Leave one of the two out."
            )
        found = read_report(report)
        result = hold(found, read_policy(policy) if policy is not None else None)
        if junit is not None:
            replace_file(junit, to_junit(result, found))
        if sarif is not None:
            replace_file(sarif, to_sarif(result, found, artifact=_address(report)))
        if as_json:
            document = asdict(result) | {"exit_code": EXIT_CODES[result.outcome]}
            click.echo(json.dumps(document, ensure_ascii=False))
        else:
            for rule in result.rules:
                print_plain(f"{rule.outcome.value:<13}{rule.title}. {rule.reason}")
            if github:
                click.echo(to_github(result, found), nl=False)
            print_plain(result.sentence)
    sys.exit(EXIT_CODES[result.outcome])


def _address(report: Path) -> str:
    """Where a report stands in a repository, for results that point to it; its name where that is unknown."""
    file = report / "report.json" if report.is_dir() else report
    return quote(file.name if file.is_absolute() else file.as_posix())


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
    help="With --pdf: the file to write.  [default: report.pdf in the folder of the report]",
)
@click.option(
    "--earlier",
    type=click.Path(exists=True, path_type=Path),
    metavar="REPORT",
    help="An earlier report: whether the leak has risen since then goes on the page, and on the PDF.",
)
@click.option("as_json", "--json", is_flag=True, help="For programs: one JSON object in the place of lines.")
def report(folder: Path, *, pdf: bool, output: Path | None, earlier: Path | None, as_json: bool) -> None:
    """Tell again what REPORT says, or write it as a PDF.

    REPORT is a report.json or its folder. With --earlier its page is written anew, with the trend since the
    earlier report, and history.json beside it.

    For example: leakgauge report leakgauge-report/ --pdf
    """
    # imported at first use, as above
    from leakgauge.report.earlier import add_earlier, trend_in
    from leakgauge.report.files import JSON_NAME, folder_of, read_report
    from leakgauge.report.json_document import to_json

    with printing_errors():
        if output is not None and not pdf:
            raise BadParameters(
                "output_file", "--output names a file, and none is written.", hint="Add --pdf."
            )
        if pdf:
            check("pdf")
        found = read_report(folder)
        # beside a file of another name nothing is looked for
        place = folder_of(folder) if pdf or earlier is not None or folder.name == JSON_NAME else folder
        if earlier is not None:
            add_earlier(place, read_report(earlier))
        trend_in(place, found)
        if pdf:
            with shown_progress(quiet=as_json) as progress:
                output = write_pdf(place, PDF, into=output, progress=progress)
            if not as_json:
                click.echo(output)
                return
        document = json.loads(to_json(found))
        if as_json:
            click.echo(json.dumps(summary.document(document, place), ensure_ascii=False))
        else:
            tell(document, place)


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
