"""Serving audits over HTTP from this very process, by gunicorn."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gunicorn.app.wsgiapp import run


def serve(words: Sequence[str] = ()) -> None:
    """Serve until a signal ends it; then ends the process.

    What is not said stands in `gunicorn_settings`, and in the environment that is read there.

    Parameters
    ----------
    words : sequence of str
        of a gunicorn command line, for example `--bind` and an address.

    Raises
    ------
    SystemExit
        always; with 0 after a signal.
    """
    sys.argv[1:] = ["--config", "python:leakgauge.service.gunicorn_settings", *words]
    run()
    sys.exit(0)
