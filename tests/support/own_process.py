"""Actions in a process of their own, since they may end it."""

from __future__ import annotations

import faulthandler
import multiprocessing
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sklearn.base import clone

from leakgauge.targets.sklearn.reading import load_model

# forked from a process that has fitted nothing: one with OpenMP's threads leaves its children waiting
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


def outcome(action: Callable[..., object], *arguments: Any) -> str:
    """What an action comes to: "done", the name of its exception, or of the signal that ended it."""
    receiving, sending = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_tell, args=(sending, action, arguments))
    process.start()
    sending.close()
    try:
        word = str(receiving.recv())
    except EOFError:
        word = "nothing"
    process.join()
    code = process.exitcode
    return signal.Signals(-code).name if code is not None and code < 0 else word


def _tell(sending: Connection, action: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
    try:
        action(*arguments)
        word = "done"
    except BaseException as error:  # noqa: BLE001 (its name is what the parent asks for)
        word = type(error).__name__
    sending.send(word)


def fitted_again(data: bytes, x: Any, y: Any) -> Any:
    """The answers of a model in a file, when it is fitted once more, as reference models are."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        path.write_bytes(data)
        again = clone(load_model(path).estimator).fit(x, y)
    return again.predict(x) if hasattr(again, "predict") else again.transform(x)
