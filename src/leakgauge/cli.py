"""The command line: the audit for people and for scripts."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from leakgauge import summary
from leakgauge.comparison_commands import compare, history
from leakgauge.extras import check
from leakgauge.file_commands import contents, sanitize
from leakgauge.installation import Kind
from leakgauge.logs import configure
from leakgauge.parameters import decode_assignments
from leakgauge.policy import read_policy
from leakgauge.report_commands import POLICY, card, clauses, completion, gate, report
from leakgauge.report_commands import policy as policy_command
from leakgauge.sandbox.output import no_document, read_document
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.self_test import run_self_test
from leakgauge.terminal import agreed, printing_errors, shown_progress, tell, write_what_fits
from leakgauge.version import __version__
from leakgauge.workers.hiring import check_hired, hired

_OPEN_FILES = (
    "Audits start, and a hostile model could read and write what this user can. Audit only models that you "
    "trust here, or use Linux 5.13 or later, or start it as root in the image."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="leakgauge")
def main() -> None:
    """How much of its training data does a model leak?"""
    configure(quiet=True)
    write_what_fits()


main.add_command(sanitize)
main.add_command(contents)
main.add_command(card)
main.add_command(clauses)
main.add_command(compare)
main.add_command(gate)
main.add_command(history)
main.add_command(policy_command)
main.add_command(report)
main.add_command(completion)


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
@POLICY
@click.option(
    "--endpoint",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with the settings of a live service, which is audited in the place of a model.",
)
@click.option(
    "--earlier",
    type=click.Path(exists=True, path_type=Path),
    metavar="REPORT",
    help="An earlier report: whether the leak has risen since then goes on the page.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Train copies of the model in so many processes; the report is the same.",
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
    earlier: Path | None,
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
        add_trend = _trend_since(earlier)
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
        add_trend(output)
        exit_code = _conclude(output, as_json=as_json, quiet=quiet)
    sys.exit(exit_code)


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


def _trend_since(earlier: Path | None) -> Callable[[Path], object]:
    """What holds a report folder to an earlier report, which is read now: the audit may take its place."""
    if earlier is None:
        return lambda _: None
    # imported at first use: SciPy comes along
    from leakgauge.report.earlier import add_earlier
    from leakgauge.report.files import read_report

    return functools.partial(add_earlier, earlier=read_report(earlier))


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


@main.command()
@click.option(
    "--audit",
    "kind",
    type=click.Choice(["membership", "inversion"]),
    default="membership",
    show_default=True,
    envvar="LEAKGAUGE_AUDIT",
    help="The audit that is served; also taken from LEAKGAUGE_AUDIT.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    default=8_080,
    show_default=True,
    envvar="SAGEMAKER_BIND_TO_PORT",
    help="Port to listen on.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def serve(kind: Kind, port: int, host: str) -> None:
    """Serve an audit over HTTP.

    SageMaker endpoints and batch transforms call it: POST /invocations with a bundle, GET /ping.

    For example: leakgauge serve --audit inversion --port 8080
    """
    with printing_errors():
        check("serve")
        check(kind)
        # imported late: no other command needs gunicorn
        from leakgauge.service.server import serve as served

        os.environ["LEAKGAUGE_AUDIT"] = kind
        served(["--bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"])


@main.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8_000, show_default=True, help="0 for any.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where models and reconstructions are kept.  [default: leakgauge/demo in the user's cache]",
)
@click.option(
    "--mnist",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with MNIST's files.  [default: where keras.datasets keeps them, else invented digits]",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="A name by which the page may be asked, beside localhost and addresses.",
)
def demo(port: int, host: str, folder: Path | None, mnist: Path | None, names: tuple[str, ...]) -> None:
    """Open a page that reconstructs training data from a model.

    It does so with and without a defence, on models that it trains itself.

    For example: leakgauge demo --port 8000
    """
    with printing_errors():
        check("demo")
        # imported late: no other command needs the page, nor Flask
        from leakgauge.demo.server import demo as served

    with (
        printing_errors(),
        served(host=host, port=port, folder=folder, mnist=mnist, names=names) as server,
    ):
        # an address to listen on may stand for all of a machine's, and none of these can be opened
        here = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::") else host  # noqa: S104 - told, not bound
        click.echo(f"Open http://{here}:{server.server_port}")
        click.echo("Ctrl-C ends it.", err=True)
        server.serve_forever()
