"""Serving the demo from this very process: one machine, a few people looking on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

from leakgauge.demo.app import create_app
from leakgauge.demo.cache import default_folder
from leakgauge.demo.choices import DataSet
from leakgauge.demo.worker import Effort, Worker
from leakgauge.errors import BadParameters
from leakgauge.sandbox.parent import Sandbox

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

_PATIENCE_SECONDS = 30


@contextmanager
def demo(
    *,
    host: str,
    port: int,
    folder: Path | None = None,
    mnist: Path | None = None,
    effort: Effort | None = None,
    names: Sequence[str] = (),
) -> Iterator[BaseWSGIServer]:
    """A server with the demo behind it; whatever runs is stopped at the end of the context.

    Parameters
    ----------
    port
        0 for any that is free.
    folder
        where models and reconstructions are kept; the user's cache by default.
    mnist
        a folder with MNIST. By default the one of `keras.datasets` if it is there, else the digits
        are invented.
    effort
        how much work goes into an image.
    names
        by which the page may be asked, beside `localhost`, `host` and addresses.

    Raises
    ------
    BadParameters
        `folder` where nothing can be kept, `port` where nothing can be served.
    """
    source = keras_cache(os.environ) if mnist is None else mnist
    digits = DataSet("digits", "Digits") if source is None else DataSet("mnist", "Digits", source)
    sandbox = Sandbox(only="inversion", preload=True)
    worker = Worker(
        sandbox=sandbox,
        folder=default_folder() if folder is None else folder,
        sets=(digits, DataSet("faces", "Faces")),
        effort=effort,
    )
    app = create_app(worker, names=[host, *names])
    try:
        server = make_server(host, port, app, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit):
        # werkzeug asks to exit where the port is taken
        worker.close()
        raise BadParameters(
            "port", f"Port {port} cannot be served.", hint="Name another one with --port."
        ) from None
    try:
        sandbox.start()
        worker.begin()
        yield server
    finally:
        worker.close()
        server.server_close()


def keras_cache(environment: Mapping[str, str]) -> Path | None:
    """The folder in which `keras.datasets` has put MNIST; None where it has not."""
    home = environment.get("KERAS_HOME")
    folder = (Path(home) if home else Path.home() / ".keras") / "datasets"
    return folder if (folder / "mnist.npz").is_file() else None


class _Quiet(WSGIRequestHandler):
    """No line for every request: the page asks for few, and the terminal belongs to the user."""

    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_SECONDS  # of silence, after which a connection gives its thread back

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""
