"""The life of a forked child, from its first instruction to its last."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from leakgauge.errors import LeakgaugeError
from leakgauge.jobs.request import JobRequest
from leakgauge.redacted_traceback import redacted_traceback
from leakgauge.sandbox import landlock
from leakgauge.sandbox.assignment import Assignment
from leakgauge.sandbox.events import EventWriter
from leakgauge.sandbox.exit_status import memory_exceeded
from leakgauge.sandbox.lending import TooMuchToCopyError, copy_folder, lend
from leakgauge.sandbox.lockdown import ChildPrivileges, lock_down
from leakgauge.sandbox.removal import remove_tree
from leakgauge.sandbox.resources import ResourceLimits
from leakgauge.sandbox.user_isolation import hand_over
from leakgauge.sandbox.workspace import disk_exceeded, disk_is_full

_EVENTS, _BROKER = 3, 4


@dataclass(frozen=True, slots=True)
class ChildContext:
    """Where and as whom a child lives.

    Attributes
    ----------
    server
        process id of the fork server.
    workspace
        the sandbox's folder.
    user
        a user id that no other audit has; None where there are none to be had.
    processors
        those that it may run on.
    """

    server: int
    workspace: Path
    user: int | None
    processors: frozenset[int]


def run_child(assignment: Assignment, events: int, broker: int | None, context: ChildContext) -> NoReturn:
    """Do one assignment and end the process. To be called right after the fork; never returns.

    Parameters
    ----------
    events
        file descriptor to write events to.
    broker
        socket to ask a live service, or of reference models; None where there is nobody to ask.
    """
    code = 1
    # Whatever happens, this process must end here and not run on as a second fork server.
    try:
        _detach(assignment.request.scratch, events, broker)
        writer = EventWriter(_EVENTS)
        try:
            _work(assignment, writer, context)
        except LeakgaugeError as error:
            writer.refused(error)
        except MemoryError:
            writer.refused(memory_exceeded())
        except OSError as error:
            if disk_is_full(error):
                writer.refused(disk_exceeded())
            else:
                writer.crashed(redacted_traceback(error))
        except BaseException as error:  # noqa: BLE001 - everything is told, nothing can be raised to
            writer.crashed(redacted_traceback(error))
        code = 0
    except BaseException:  # noqa: BLE001, S110 - nobody is left to tell; the exit code says it
        pass
    finally:
        os._exit(code)


def _work(assignment: Assignment, writer: EventWriter, context: ChildContext) -> None:
    limits = assignment.limits
    request, user = _handed_over(assignment.request, limits, context)
    if request.service is not None:
        request = replace(request, service=replace(request.service, descriptor=_BROKER))
    if request.models is not None:
        request = replace(request, models=_BROKER)
    os.sched_setaffinity(0, context.processors)
    privileges = ChildPrivileges(
        limits=limits,
        readable=(request.source, *([request.trained_prior] if request.trained_prior else [])),
        writable=(request.scratch, request.report),
        user=user,
    )
    writer.in_force(lock_down(privileges))
    if os.getppid() != context.server:
        # The fork server died before the death signal was set; nobody waits for this audit.
        os._exit(1)
    module, _, function = assignment.function.partition(":")
    getattr(importlib.import_module(module), function)(request, writer)
    writer.done()


def _handed_over(
    request: JobRequest, limits: ResourceLimits, context: ChildContext
) -> tuple[JobRequest, int | None]:
    """The request with files that its user may read, and that user.

    An upload is linked into the audit's own folder, a zip or a folder of somebody's copied. All of it
    stays root's, so that a second attempt finds the same bytes. What is too large to be copied is read
    where it lies, without a user of its own, if Landlock keeps the child from everything else.

    Raises
    ------
    LimitExceeded
        `disk` for what is too large to be copied, where there is no Landlock either.
    """
    if context.user is None:
        return request, None
    home = request.scratch.parent
    own = home / "source"
    try:
        _lend_source(request.source, own, context, limits)
    except TooMuchToCopyError:
        remove_tree(own)
        if landlock.version():
            return request, None
        raise disk_exceeded() from None
    prior = None
    if request.trained_prior is not None:
        prior = home / request.trained_prior.name
        shutil.copyfile(request.trained_prior, prior)
        lend(context.user, [prior])
    hand_over(context.user, [home, request.scratch, request.report])
    return replace(request, source=own, trained_prior=prior), context.user


def _lend_source(source: Path, own: Path, context: ChildContext, limits: ResourceLimits) -> None:
    assert context.user is not None  # noqa: S101 - narrows the type
    if source.is_dir():
        copy_folder(source, own, context.user, limits)
        return
    if not source.is_file():
        return  # the job says that there is nothing
    if source.stat().st_size > limits.file_bytes:
        raise TooMuchToCopyError
    if context.workspace in source.parents:
        own.hardlink_to(source)
    else:
        shutil.copyfile(source, own)
    lend(context.user, [own])


def _detach(scratch: Path, events: int, broker: int | None) -> None:
    """Leave everything of the fork server's behind but the code that it has loaded."""
    os.setsid()
    os.umask(0o077)
    kept = [events] if broker is None else [events, broker]
    # they were received in this order, so that none is in the place of one before it
    for place, descriptor in enumerate(kept, start=_EVENTS):
        os.dup2(descriptor, place)
    # Libraries print what they like, values of the user's data included: none of it is kept.
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(_EVENTS + len(kept), os.sysconf("SC_OPEN_MAX"))
    os.chdir(scratch)
    os.environ["HOME"] = os.environ["TMPDIR"] = str(scratch)
    tempfile.tempdir = None
