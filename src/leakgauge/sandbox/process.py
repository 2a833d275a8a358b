"""The life of a forked child, from its first instruction to its last."""

from __future__ import annotations

import errno
import importlib
import os
import tempfile
from typing import NoReturn

from leakgauge.errors import LeakgaugeError, LimitExceeded
from leakgauge.sandbox.ending import memory_exceeded
from leakgauge.sandbox.events import EventWriter
from leakgauge.sandbox.job import Job
from leakgauge.sandbox.lockdown import lock_down
from leakgauge.sandbox.trace import trace

_EVENTS = 3
_FULL = {errno.EFBIG, errno.ENOSPC, errno.EDQUOT}


def live(job: Job, events: int, parent: int) -> NoReturn:
    """Run one job and end the process. To be called right after the fork; never returns.

    Parameters
    ----------
    events:
        file descriptor to write events to.
    parent:
        process id of the fork server.
    """
    code = 1
    # Whatever happens, this process must end here and not run on as a second fork server.
    try:
        _become_alone(job, events)
        writer = EventWriter(_EVENTS)
        try:
            _work(job, writer, parent)
        except LeakgaugeError as error:
            writer.refused(error)
        except MemoryError:
            writer.refused(memory_exceeded())
        except OSError as error:
            if error.errno in _FULL:
                writer.refused(_disk_exceeded())
            else:
                writer.crashed(trace(error))
        except BaseException as error:  # noqa: BLE001 - everything is told, nothing can be raised to
            writer.crashed(trace(error))
        code = 0
    except BaseException:  # noqa: BLE001, S110 - nobody is left to tell; the exit code says it
        pass
    finally:
        os._exit(code)


def _work(job: Job, writer: EventWriter, parent: int) -> None:
    layers = lock_down(job.policy)
    if os.getppid() != parent:
        # The fork server died before the death signal was set; nobody waits for this audit.
        os._exit(1)
    module, _, function = job.runner.partition(":")
    getattr(importlib.import_module(module), function)(job, writer)
    writer.done(layers)


def _become_alone(job: Job, events: int) -> None:
    """Leave everything of the fork server's behind but the code that it has loaded."""
    os.setsid()
    os.umask(0o077)
    os.dup2(events, _EVENTS)
    # Libraries print what they like, values of the user's data included: none of it is kept.
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(_EVENTS + 1, os.sysconf("SC_OPEN_MAX"))
    os.chdir(job.scratch)
    os.environ["TMPDIR"] = str(job.scratch)
    tempfile.tempdir = None


def _disk_exceeded() -> LimitExceeded:
    return LimitExceeded(
        "disk",
        "The audit needed more disk space than it was given.",
        hint="Send a smaller bundle, or raise LEAKGAUGE_FILE_BYTES and the space for temporary files.",
    )
