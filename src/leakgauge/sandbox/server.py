"""The fork server as its parent holds it: started, given work, stopped."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from leakgauge.installation import Kind
from leakgauge.sandbox.assignment import Assignment
from leakgauge.sandbox.events import Shown, unseen
from leakgauge.sandbox.ipc import READY, send_message
from leakgauge.sandbox.watch import Watch
from leakgauge.sandbox.workspace import Workspace

_SEND_SECONDS = 60.0
_STOP_SECONDS = 10.0

# All that the server inherits. What is not here (credentials first of all) cannot be read by a
# model that breaks out of its reader.
_KEPT = {"PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV"}
_KEPT_PREFIXES = ("LC_", "PYTHON", "LEAKGAUGE_", "SAGEMAKER_")


Broker: TypeAlias = Callable[[socket.socket], None]
"""Takes an end of a socket over and serves it in a thread of its own, until the other end closes."""


class Server:
    """One fork server process.

    Parameters
    ----------
    workspace
        folder that the server removes when it finds its parent gone, and whose lock it shares.
    preload
        kind of audit whose libraries it imports at its start, or None for none.
    threads
        threads of the numerical libraries.
    """

    def __init__(self, *, workspace: Workspace, preload: Kind | None, threads: int) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "leakgauge.sandbox.fork_server"]
        command += [str(theirs.fileno()), str(workspace.lock), str(workspace.path)]
        if preload is not None:
            command.append(preload)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no outside argument
                command,
                pass_fds=[theirs.fileno(), workspace.lock],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(os.environ, workspace=workspace.path, threads=threads),
                start_new_session=True,
            )
        ours.settimeout(_SEND_SECONDS)
        self._control = ours
        self._sending = threading.Lock()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ended(self, *, within: float = 0.0) -> bool:
        """Whether the process has ended, or ends within so many seconds."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait_ready(self, timeout: float) -> bool:
        """Wait until everything is imported; False when the server ended first, or time is up."""
        with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError):
            selector.register(self._control, selectors.EVENT_READ)
            if selector.select(timeout):
                # Peeked at, so that others can wait for the same byte.
                return self._control.recv(1, socket.MSG_PEEK) == READY
        return False

    def submit(
        self,
        assignment: Assignment,
        progress: Callable[[str, float], None],
        shown: Shown = unseen,
        *,
        broker: Broker | None = None,
    ) -> Watch:
        """Hand an assignment over; `broker` gets an end of a socket whose other end the child has.

        Raises
        ------
        OSError
            when the server is gone, or takes nothing; it is then good for nothing more.
        """
        events, events_theirs = os.pipe()
        caller, caller_theirs = socket.socketpair()
        asked = None if broker is None else socket.socketpair()
        try:
            with caller_theirs, contextlib.ExitStack() as stack, self._sending:
                handed = [events_theirs, caller_theirs.fileno()]
                if asked is not None:
                    handed.append(stack.enter_context(asked[1]).fileno())
                send_message(self._control, assignment.message(), handed)
        except BaseException:
            os.close(events)
            caller.close()
            if asked is not None:
                asked[0].close()
            raise
        finally:
            os.close(events_theirs)
        if broker is not None and asked is not None:
            broker(asked[0])
        return Watch(events=events, caller=caller, progress=progress, shown=shown)

    def stop(self) -> None:
        """End the server and its children, and wait until they have ended."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if not self.ended(within=_STOP_SECONDS):
            self._process.kill()
            self._process.wait()
        self._control.close()


def is_handed_on(variable: str) -> bool:
    """Whether an environment variable of this name comes into the sandbox."""
    return variable in _KEPT or variable.startswith(_KEPT_PREFIXES)


def _environment(variables: Mapping[str, str], *, workspace: Path, threads: int) -> dict[str, str]:
    kept = {name: value for name, value in variables.items() if is_handed_on(name)}
    return kept | {
        # A home of its own: no user's configuration files change what a library does.
        "HOME": str(workspace),
        "TMPDIR": str(workspace),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        # Audits may not start processes. Told so, joblib works in one; left to find out, it would
        # do so when imported in a child, and fail when imported before the fork.
        "JOBLIB_MULTIPROCESSING": "0",
        # Arrow's allocator would keep a thread, and a server that forks must have a single one.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
