"""The command line: the audit for people and for scripts."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from leakgauge import summary
from leakgauge.errors import BadParameters
from leakgauge.file_commands import contents, sanitize
from leakgauge.installation import Kind
from leakgauge.logs import configure
from leakgauge.parameters import decode_assignments
from leakgauge.policy import SHIPPED, read_policy
from leakgauge.report_commands import card, clauses, completion, history, report
from leakgauge.report_commands import policy as policy_command
from leakgauge.sandbox.output import no_document, read_document
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.self_test import run_self_test
from leakgauge.serving_commands import demo, serve
from leakgauge.summary import EXIT_CODES
from leakgauge.terminal import agreed, printing_errors, shown_progress, tell
from leakgauge.text import Sink, printable
from leakgauge.version import __version__
from leakgauge.workers.hiring import check_hired, hired

_OPEN_FILES = (
    "Audits start, and a hostile model could read and write what this user can. Audit only models that you "
    "trust here, or use Linux 5.13 or later, or start it as root in the image."
)
_POLICY = click.option(
    "--policy",
    metavar="FILE|NAME",
    help="YAML file with the limits that the report is held to, or one that comes along: "
    f"{', '.join(SHIPPED)}.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="leakgauge")
def main() -> None:
    """How much of its training data does a model leak?"""
    configure(quiet=True)


main.add_command(sanitize)
main.add_command(contents)
main.add_command(card)
main.add_command(clauses)
main.add_command(history)
main.add_command(policy_command)
main.add_command(report)
main.add_command(completion)
main.add_command(serve)
main.add_command(demo)


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
@_POLICY
@click.option(
    "--endpoint",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with the settings of a live service, which is audited in the place of a model.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Train the reference models in so many processes; the report is the same.",
)
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Train them on a Dask cluster, by the address of its scheduler (tcp://HOST:8786).",
)
@click.option("--yes", is_flag=True, help="With --endpoint: do not ask whether rows and cost are confirmed.")
@click.option("as_json", "--json", is_flag=True, help="For programs: one JSON object in the place of lines.")
@click.option(
    "-q", "--quiet", is_flag=True, help="Show no progress and no lines: errors and the exit code alone."
)
def audit(
    bundle: Path,
    output: Path,
    seed: int | None,
    parameters: Sequence[str],
    only: Kind | None,
    policy: str | None,
    endpoint: Path | None,
    workers: int | None,
    dask: str | None,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Audit BUNDLE and write a report.

    BUNDLE is a zip or a folder with a model and its data. Without a model, answers will do:
    members_answers.csv and non_members_answers.csv. With --endpoint a live service is asked:
    docs/endpoints.md. For large audits, --workers and --dask: docs/many-machines.md.

    With --policy, or a policy in the bundle, the exit code is the gate's: 0 passed, 1 failed, 3 inconclusive.

    For example: leakgauge audit model.zip -o report/ --seed 7
    """
    with printing_errors():
        check_hired(workers=workers, dask=dask, service=endpoint is not None)
        overrides = decode_assignments(parameters, seed=seed)
        if policy is not None:
            overrides["policy"] = read_policy(policy).model_dump(mode="json")
        with Sandbox(only=only) as sandbox:
            if endpoint is None:
                with (
                    hired(bundle, overrides, workers=workers, dask=dask) as training,
                    shown_progress(quiet=quiet) as progress,
                ):
                    sandbox.run(
                        bundle, output, overrides=overrides, progress=progress, peer=training, keep=True
                    )
            else:
                # imported late: no other audit needs what makes requests
                from leakgauge.endpoints.auditing import audit_service

                audit_service(
                    sandbox,
                    endpoint,
                    bundle,
                    output,
                    overrides=overrides,
                    progress=functools.partial(shown_progress, quiet=quiet),
                    confirm=lambda plan: agreed(plan, beforehand=yes),
                    environment=os.environ,
                    keep=True,
                )
        exit_code = _conclude(output, as_json=as_json, quiet=quiet)
    sys.exit(exit_code)


@main.command()
@click.argument("report", type=click.Path(exists=True, path_type=Path))
@_POLICY
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Also write JUnit XML there.")
@click.option(
    "--sarif", type=click.Path(dir_okay=False, path_type=Path), help="Also write SARIF 2.1.0 there."
)
@click.option("--github", is_flag=True, help="Also print GitHub annotations.")
def gate(report: Path, policy: str | None, junit: Path | None, sarif: Path | None, github: bool) -> None:
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
        found = read_report(report)
        result = hold(found, read_policy(policy) if policy is not None else None)
        if junit is not None:
            replace_file(junit, to_junit(result, found))
        if sarif is not None:
            replace_file(sarif, to_sarif(result, found, artifact=_address(report)))
        for rule in result.rules:
            click.echo(printable(f"{rule.outcome.value:<13}{rule.title}. {rule.reason}", Sink.TERMINAL))
        if github:
            click.echo(to_github(result, found), nl=False)
        click.echo(printable(result.sentence, Sink.TERMINAL))
    sys.exit(EXIT_CODES[result.outcome])


@main.command()
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
def compare(
    before: Path,
    after: Path | None,
    defences: Sequence[str],
    runs: int,
    seed: int | None,
    parameters: Sequence[str],
    output: Path,
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
        if after is not None:
            found = compare_reports(read_report(before), read_report(after))
        else:
            overrides = decode_assignments(parameters, seed=seed)
            with Sandbox() as sandbox, shown_progress() as progress:
                audited = audit_before_after(
                    sandbox,
                    before,
                    output,
                    defences=defences,
                    runs=runs,
                    overrides=overrides,
                    progress=progress,
                )
            found = compare_reports(audited.before, audited.after)
        write_comparison(output, comparison_to_json(found), render_comparison(found))
        for notice in found.warnings:
            click.echo(f"note: {printable(notice.message, Sink.TERMINAL)}", err=True)
        click.echo(printable(found.sentence, Sink.TERMINAL))
        click.echo(output / COMPARISON_HTML)
        click.echo(output / COMPARISON_JSON)


def _address(report: Path) -> str:
    """Where a report stands in a repository, for results that point to it; its name where that is unknown."""
    file = report / "report.json" if report.is_dir() else report
    return quote(file.name if file.is_absolute() else file.as_posix())


@main.command()
@click.option("as_json", "--json", is_flag=True, help="For programs: one JSON object.")
def doctor(as_json: bool) -> None:
    """Try out here whether the sandbox keeps a hostile model in.

    Exits with 1 when a required layer is missing, something was possible that should not be, or no audit
    starts.

    For example: leakgauge doctor --json
    """
    with printing_errors():
        found = run_self_test()
    if as_json:
        click.echo(json.dumps(asdict(found) | {"sound": found.sound}))
    else:
        for name in found.layers:
            click.echo(f"in force      {name}")
        for name, reason in found.missing.items():
            click.echo(f"not in force  {name}: {reason}")
        for name, refused in found.trials.items():
            click.echo(f"{'refused ' if refused else 'POSSIBLE'}      {name}")
        if found.refusal is not None:
            click.echo(f"No audit starts here. {found.refusal}")
        else:
            click.echo("The sandbox holds." if found.sound else "The sandbox does NOT hold here.")
            if {"landlock", "identity"} <= found.missing.keys():
                click.echo(_OPEN_FILES)
    if not found.sound:
        sys.exit(1)


def _conclude(output: Path, *, as_json: bool, quiet: bool) -> int:
    """Tell what the report in `output` says, and where it is; the exit code."""
    report: dict[str, Any] = read_document(output / "report.json")
    try:
        exit_code = summary.exit_code(report)
        if as_json:
            click.echo(json.dumps(summary.document(report, output), ensure_ascii=False))
        elif not quiet:
            tell(report, output)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise no_document() from None
    return exit_code
