"""One sandboxed process that has a bundle open and trains reference models, one at a time."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TypeAlias

from leakgauge.errors import InputError, JsonValue, LeakgaugeError
from leakgauge.jobs.table import REFERENCE_MODELS
from leakgauge.model_pipe import Fit, read_answers
from leakgauge.progress import Silent
from leakgauge.sandbox.parent import ModelTraining, Sandbox
from leakgauge.socket_messages import read_message, write_message

_log = logging.getLogger(__name__)

Source: TypeAlias = Path | bytes | tuple[tuple[str, bytes], ...]
"""A bundle: where it is, or the bytes of a zip, or names of files below a folder with their bytes."""


class ChildLost(Exception):  # noqa: N818 -- what has happened, not what somebody did wrong
    """The process has ended, or sent what no worker sends."""


class Child:
    """A process that has begun to read the bundle.

    Parameters
    ----------
    sandbox
        in which it lives.
    source, overrides
        the bundle and the parameters of the audit.
    """

    def __init__(self, sandbox: Sandbox, source: Source, overrides: Mapping[str, JsonValue]) -> None:
        self._sandbox = sandbox
        self._source = source
        self._overrides = overrides
        self._connection: Future[socket.socket] = Future()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._live, name="reference models", daemon=True)
        self._thread.start()

    def train(self, fit: Fit) -> bytes | None:
        """What the model answers; None where it cannot be trained.

        Raises
        ------
        ChildLost
            when the process is good for nothing more.
        """
        try:
            connection = self._connection.result()
            write_message(connection.fileno(), {"train": fit.message()})
            match read_message(connection.fileno()):
                case {"answers": answers, **rest} if not rest:
                    return read_answers(answers, fit.records)
        except (OSError, ValueError, LeakgaugeError):
            pass
        self.close()
        raise ChildLost

    def close(self) -> None:
        """Stop whatever it does, and wait for its end; not while it trains."""
        self._cancelled.set()
        self._thread.join()
        with contextlib.suppress(LeakgaugeError, OSError):
            self._connection.result().close()

    def _live(self) -> None:
        try:
            with self._sandbox.private_folder() as folder:
                self._sandbox.run(
                    _laid_out(self._source, folder),
                    folder / "left",
                    overrides=self._overrides,
                    progress=Silent(),
                    cancelled=self._cancelled,
                    job=REFERENCE_MODELS,
                    peer=ModelTraining(self._attach),
                )
        except (LeakgaugeError, OSError) as error:
            if not (self._cancelled.is_set() or self._sandbox.closed):
                # what is wrong with the bundle the audit says itself
                level = logging.INFO if isinstance(error, InputError) else logging.WARNING
                _log.log(level, "a worker ended", extra={"code": getattr(error, "code", "os_error")})
            if not self._connection.done():
                self._connection.set_exception(error)

    def _attach(self, connection: socket.socket) -> None:
        """Take the process's socket; a second one, which the sandbox starts when one dies, is not needed."""
        if self._connection.done():
            self._cancelled.set()
            connection.close()
        else:
            self._connection.set_result(connection)


def _laid_out(source: Source, folder: Path) -> Path:
    """The bundle; where its content came, a file or a folder of this process's own in `folder`."""
    if isinstance(source, Path):
        return source
    if isinstance(source, bytes):
        file = folder / "bundle.zip"
        file.write_bytes(source)
        return file
    bundle = folder / "bundle"
    bundle.mkdir()
    for name, content in source:
        file = bundle / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return bundle
