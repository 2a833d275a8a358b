"""Commands about reports that lie there already, and about what they are held to."""

from __future__ import annotations

import json
from pathlib import Path

import click

from leakgauge.policy import SHIPPED, shipped
from leakgauge.terminal import print_plain, printing_errors

_REPORT = click.argument("report", type=click.Path(exists=True, path_type=Path))


@click.command()
@click.argument("name", type=click.Choice(SHIPPED))
def policy(name: str) -> None:
    """Print the policy NAME that comes along, to be kept as a file and changed.

    For example: leakgauge policy edpb-strict > policy.yaml
    """
    click.echo(shipped(name), nl=False)


@click.command()
@_REPORT
@click.option("as_json", "--json", is_flag=True, help="For programs: a JSON list.")
def clauses(report: Path, *, as_json: bool) -> None:
    """Tell which figure of REPORT answers what laws and standards ask, or that it was not tested.

    REPORT is a report.json or its folder. No answer says that anything is complied with.
    For example: leakgauge clauses leakgauge-report/
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
