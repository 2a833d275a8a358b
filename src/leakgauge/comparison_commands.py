"""Commands that set reports side by side: before and after a change, and one release after another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leakgauge.errors import BadParameters
from leakgauge.extras import check
from leakgauge.jobs.table import COMPARISON_PDF
from leakgauge.parameters import decode_assignments
from leakgauge.pdf_documents import write_pdf
from leakgauge.sandbox.parent import Sandbox
from leakgauge.terminal import print_plain, printing_errors, shown_progress
from leakgauge.text import Sink, printable

if TYPE_CHECKING:  # SciPy comes along
    from leakgauge.report.comparison.model import Comparison


@click.command()
@click.argument("before", type=click.Path(exists=True, path_type=Path))
@click.argument("after", type=click.Path(exists=True, path_type=Path), required=False)
@click.option(
    "defences",
    "--defence",
    multiple=True,
    metavar="NAME[=STRENGTH]",
    help="Audit the bundle BEFORE as it is and behind this output defence; may be repeated.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 20),
    default=1,
    show_default=True,
    help="With --defence: audit so many times, each with another seed.",
)
@click.option("--seed", type=click.IntRange(min=0), help="With --defence: seed of the first run.")
@click.option(
    "parameters",
    "--parameter",
    multiple=True,
    metavar="NAME=VALUE",
    help="With --defence: parameter that wins over the bundle's parameters.json; may be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("leakgauge-comparison"),
    show_default=True,
    help="Folder for comparison.json and comparison.html.",
)
@click.option("--pdf", is_flag=True, help="Also write comparison.pdf; needs the extra pdf.")
@click.option("as_json", "--json", is_flag=True, help="For programs: one JSON object in the place of lines.")
def compare(
    before: Path,
    after: Path | None,
    defences: Sequence[str],
    runs: int,
    seed: int | None,
    parameters: Sequence[str],
    output: Path,
    *,
    pdf: bool,
    as_json: bool,
) -> None:
    """Compare an audit BEFORE a change with one AFTER it.

    Each is a report.json or its folder. Or, with --defence and without AFTER, audit the bundle BEFORE as it
    is and behind an output defence such as rounding=2, top_k=1, label_only, temperature=5, logit_clipping=3
    or noise=1. What the libraries of the extra `reference` find then stands beside; to leave it out, use
    --parameter reference_libraries=false.

    For example: leakgauge compare before/ after/ -o comparison/
    """
    # imported at first use: SciPy comes along, which the other commands need not wait for
    from leakgauge.before_after import COMPARISON_HTML, COMPARISON_JSON, audit_before_after, write_comparison
    from leakgauge.report.comparison import compare as compare_reports
    from leakgauge.report.comparison.document import comparison_to_json
    from leakgauge.report.files import read_report
    from leakgauge.report.html import render_comparison

    with printing_errors():
        if (after is None) == (not defences):
            raise BadParameters(
                "compare",
                "A comparison needs two reports, or one bundle with a --defence.",
                hint="leakgauge compare BEFORE AFTER, or leakgauge compare BUNDLE --defence rounding=2.",
            )
        if pdf:
            check("pdf")
        if after is not None:
            found = compare_reports(read_report(before), read_report(after))
        else:
            with Sandbox() as sandbox, shown_progress(quiet=as_json) as progress:
                audited = audit_before_after(
                    *(sandbox, before, output),
                    defences=defences,
                    runs=runs,
                    overrides=decode_assignments(parameters, seed=seed),
                    progress=progress,
                )
            found = compare_reports(audited.before, audited.after)
        write_comparison(output, comparison_to_json(found), render_comparison(found))
        files = [output / COMPARISON_HTML, output / COMPARISON_JSON]
        if pdf:
            with shown_progress(quiet=as_json) as progress:
                files.append(write_pdf(output, COMPARISON_PDF, progress=progress))
        _tell(found, files, as_json=as_json)


def _tell(found: Comparison, files: Sequence[Path], *, as_json: bool) -> None:
    """Print what a comparison says and where it lies."""
    warnings = [notice.message for notice in found.warnings]
    if as_json:
        document = {
            "effect": found.effect,
            "sentence": found.sentence,
            "reasons": found.reasons,
            "warnings": warnings,
            "files": [str(file) for file in files],
        }
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    for message in warnings:
        click.echo(f"note: {printable(message, Sink.TERMINAL)}", err=True)
    print_plain(found.sentence)
    for file in files:
        click.echo(file)


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
