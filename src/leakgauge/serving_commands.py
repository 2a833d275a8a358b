"""Commands that serve until they are ended: audits over HTTP, and the demo page."""

from __future__ import annotations

import os
from pathlib import Path

import click

from leakgauge.extras import check
from leakgauge.installation import Kind
from leakgauge.terminal import printing_errors


@click.command()
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


@click.command()
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
