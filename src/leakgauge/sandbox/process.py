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
from leakgauge.sandbox.ending import memory_exceeded
from leakgauge.sandbox.events import EventWriter
from leakgauge.sandbox.identity import hand_over
from leakgauge.sandbox.job import Job
from leakgauge.sandbox.lockdown import Ground, lock_down
from leakgauge.sandbox.trace import trace
from leakgauge.sandbox.workspace import disk_exceeded, disk_is_full

_EVENTS = 3


@dataclass(frozen=True, slots=True)
class Station:
    """Where and as whom a child lives.

    Attributes
    ----------
    server:
        process id of the fork server.
    workspace:
        the sandbox's folder.
    user:
        a user id that no other audit has; None where there are none to be had.
    processors:
        those that it may run on.
    """

    server: int
    workspace: Path
    user: int | None
    processors: frozenset[int]


def live(job: Job, events: int, station: Station) -> NoReturn:
    """Run one job and end the process. To be called right after the fork; never returns.

    Parameters
    ----------
    events:
        file descriptor to write events to.
    """
    code = 1
    # Whatever happens, this process must end here and not run on as a second fork server.
    try:
        _become_alone(job, events)
        writer = EventWriter(_EVENTS)
        try:
            _work(job, writer, station)
        except LeakgaugeError as error:
            writer.refused(error)
        except MemoryError:
            writer.refused(memory_exceeded())
        except OSError as error:
            if disk_is_full(error):
                writer.refused(disk_exceeded())
            else:
                writer.crashed(trace(error))
        except BaseException as error:  # noqa: BLE001 - everything is told, nothing can be raised to
            writer.crashed(trace(error))
        code = 0
    except BaseException:  # noqa: BLE001, S110 - nobody is left to tell; the exit code says it
        pass
    finally:
        os._exit(code)


def _work(job: Job, writer: EventWriter, station: Station) -> None:
    job, user = _settled(job, station)
    os.sched_setaffinity(0, station.processors)
    ground = Ground(
        policy=job.policy,
        readable=(job.source, *([job.trained_prior] if job.trained_prior else [])),
        writable=(job.scratch, job.report),
        user=user,
    )
    layers = lock_down(ground)
    if os.getppid() != station.server:
        # The fork server died before the death signal was set; nobody waits for this audit.
        os._exit(1)
    module, _, function = job.runner.partition(":")
    getattr(importlib.import_module(module), function)(job, writer)
    writer.done(layers)


def _settled(job: Job, station: Station) -> tuple[Job, int | None]:
    """The job with files that its user may read, and that user.

    An upload is moved into the audit's own folder, somebody's zip copied. A folder is read where it
    lies, by whoever started the audit: files of one's own need no keeping from oneself. So is a file
    that is too large to be copied, and will be refused.
    """
    if station.user is None or not job.source.is_file():
        return job, None
    if job.source.stat().st_size > job.policy.file_bytes:
        return job, None
    home = job.scratch.parent
    own = home / "source"
    if station.workspace in job.source.parents:
        job.source.rename(own)
    else:
        shutil.copyfile(job.source, own)
    prior = None
    if job.trained_prior is not None:
        prior = home / job.trained_prior.name
        shutil.copyfile(job.trained_prior, prior)
    files = [home, job.scratch, job.report, own, *([prior] if prior else [])]
    hand_over(station.user, files)
    return replace(job, source=own, trained_prior=prior), station.user


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
    os.environ["HOME"] = os.environ["TMPDIR"] = str(job.scratch)
    tempfile.tempdir = None
