"""Commands about a finished report: what it says, and the report as a PDF."""

from __future__ import annotations

from pathlib import Path

import click

from leakgauge.errors import BadParameters
from leakgauge.extras import check
from leakgauge.jobs.table import PDF
from leakgauge.sandbox.parent import Sandbox
from leakgauge.terminal import print_plain, printing_errors, shown_progress


@click.command()
@click.argument("folder", metavar="REPORT", type=click.Path(exists=True, path_type=Path))
@click.option("--pdf", is_flag=True, help="Write the report as a PDF; needs the extra pdf.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --pdf: the file to write.  [default: report.pdf in the folder of the report]",
)
def report(folder: Path, *, pdf: bool, output: Path | None) -> None:
    """Tell again what REPORT says, a report.json or its folder, or write it as a PDF.

    \b
    leakgauge report leakgauge-report --pdf
    """  # noqa: D301 - click's own mark of lines to be left as they are
    # imported at first use: SciPy comes along, which the other commands need not wait for
    from leakgauge.report.files import read_report, replace_file

    with printing_errors():
        found = read_report(folder)
        place = folder if folder.is_dir() else folder.parent
        if not pdf:
            if output is not None:
                raise BadParameters(
                    "output_file", "--output names a file, and none is written.", hint="Add --pdf."
                )
            print_plain(found.verdict.sentence)
            return
        check("pdf")
        with Sandbox(job=PDF) as sandbox, sandbox.private_folder() as private, shown_progress() as progress:
            finished = private / "finished"
            sandbox.run(place, finished, overrides={}, progress=progress)
            output = output or place / PDF.leaves[0]
            replace_file(output, (finished / PDF.leaves[0]).read_bytes())
        click.echo(output)
