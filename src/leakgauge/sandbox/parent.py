"""The sandbox as the doors see it: a bundle goes in, a finished report folder comes out."""

from __future__ import annotations

import contextlib
import logging
import math
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from leakgauge.errors import AuditFailed, Busy, JsonValue, LeakgaugeError
from leakgauge.installation import Kind
from leakgauge.jobs.request import JobRequest, Service
from leakgauge.jobs.table import AUDIT, Job
from leakgauge.progress import Progress, Rising
from leakgauge.row_pipe import ServiceFacts
from leakgauge.sandbox.assignment import Assignment
from leakgauge.sandbox.events import Crashed, Done, Refused, Shown, unseen
from leakgauge.sandbox.exit_status import ExitStatus, ended_by_model
from leakgauge.sandbox.machine import memory_granted
from leakgauge.sandbox.output import check_destination, check_writable, collect_output
from leakgauge.sandbox.removal import remove_tree
from leakgauge.sandbox.resources import ResourceLimits
from leakgauge.sandbox.server import Broker, Server
from leakgauge.sandbox.watch import Cancellation, Ended, ServerLostError
from leakgauge.sandbox.workspace import Workspace, disk_exceeded, disk_is_full, sweep

_log = logging.getLogger(__name__)

_DYING_SECONDS = 2.0
_NOT_YET = -1
"""In the place of a descriptor that the child will have."""
_ATTEMPTS = 2
"""Children that may die with the same model file open: one of a memory that failed, two of the file."""
# failures that say all there is to say, of which a log could not tell more
_LOGGED_ALREADY = ("cancelled", "missing_extra")


@dataclass(frozen=True, slots=True)
class LiveService:
    """A live service that is audited in the place of a model.

    Attributes
    ----------
    facts
        what the child is told of it.
    broker
        asks it for the child, which has no network.
    """

    facts: ServiceFacts
    broker: Broker


@dataclass(frozen=True, slots=True)
class ModelTraining:
    """The training of reference models, by other processes than the audit's own.

    Attributes
    ----------
    broker
        speaks of them with the child (`leakgauge.model_pipe`): with an audit, which has them trained, or with
        a worker, which trains them.
    """

    broker: Broker


class Sandbox:
    """Runs audits in locked-down children of one fork server. Safe to share between threads.

    Nothing of a bundle is opened in this process, and no framework is imported by it.

    Parameters
    ----------
    only
        the one kind of audit to run; None runs whichever the bundle asks for.
    limits
        what one audit may use.
    preload
        import the libraries of `only` at the start of the server, so that no audit waits for it.
    trained_prior
        a prior for inversion audits whose bundle brings no auxiliary images; opened by children alone.
    job
        what children do, if it is not to audit.
    """

    def __init__(
        self,
        *,
        only: Kind | None = None,
        limits: ResourceLimits | None = None,
        preload: bool = False,
        trained_prior: Path | None = None,
        job: Job = AUDIT,
    ) -> None:
        self._only = only
        self._limits = ResourceLimits.from_environment() if limits is None else limits
        self._preload = only if preload else None
        self._trained_prior = trained_prior
        self._job = job
        self._changing = threading.Lock()
        self._workspace: Workspace | None = None
        self._server: Server | None = None
        self._closed = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the fork server if it does not run; returns at once, imports go on behind."""
        self._live_server()

    def wait_ready(self, timeout: float) -> bool:
        """Wait until every preloaded library is imported; False when that failed or takes longer."""
        return self._live_server().wait_ready(timeout)

    @property
    def server_pid(self) -> int:
        """Process id of the fork server."""
        return self._live_server().pid

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return self._closed

    def close(self) -> None:
        """Stop every audit, end the server, remove every file. Final; calls may be repeated."""
        with self._changing:
            self._closed = True
            server, self._server = self._server, None
            workspace, self._workspace = self._workspace, None
        if server is not None:
            server.stop()
        if workspace is not None:
            workspace.remove()

    @contextlib.contextmanager
    def private_folder(self) -> Iterator[Path]:
        """A new folder that nobody else can read, removed at the end of the context.

        It lies in the sandbox's own workspace, which goes even if this process is killed.

        Raises
        ------
        LimitExceeded
            `disk` when there is no room for it.
        """
        with self._changing:
            folder = self._existing_workspace().new_folder()
        try:
            yield folder
        finally:
            remove_tree(folder)
            # A killed process may have been ending still when the last start looked for its workspace.
            sweep(folder.parents[1])

    def run(
        self,
        source: Path,
        output: Path,
        *,
        overrides: Mapping[str, JsonValue],
        progress: Progress,
        timeout: float | None = None,
        time_budget: float | None = None,
        cancelled: Cancellation | None = None,
        shown: Shown = unseen,
        job: Job | None = None,
        peer: LiveService | ModelTraining | None = None,
        keep: bool = False,
    ) -> tuple[str, ...]:
        """Audit the zip or folder `source` and leave the report in the folder `output`.

        `output` is written only when the audit has succeeded; an earlier report there is replaced.
        Returns the layers that were in force, by the names of `lockdown.LAYERS`. A child that dies of what
        it did with a model file open is followed by a second one, within the same time and in the same slot.

        Parameters
        ----------
        overrides
            parameters that win over those in the bundle.
        progress
            told by the calling thread.
        timeout, time_budget
            seconds from now, beside the limit on wall-clock time; seconds for what can be cut short.
        cancelled
            looked at ten times a second; once set, the audit stops with `audit_failed.cancelled`.
        shown, job, peer
            called with what the child gives to look at meanwhile; what to do in place of the sandbox's own;
            whom the child may speak to.
        keep
            of an `output` that a person named: the report is kept elsewhere where it cannot be written.

        Raises
        ------
        LeakgaugeError
            any of the tree. An `AuditFailed` has an `id` in its details that stands in the log.
        """
        check_destination(output, source=source)
        if keep:
            check_writable(output)
        deadline = time.monotonic() + min(self._limits.wall_seconds, math.inf if timeout is None else timeout)
        rising, deaths = Rising(progress), list[ExitStatus]()
        while len(deaths) < _ATTEMPTS:
            if deaths:
                _log.warning("audit died of its model", extra={"signal": deaths[-1].signal_name})
            with self.private_folder() as folder, _logged_failure():
                request = self._request(source, folder, overrides, time_budget, deadline, peer)
                assignment = Assignment((job or self._job).function, request, self._limits)
                ended = self._follow(assignment, rising, cancelled, shown, peer)
                if not ended.of_its_model:
                    self._check(ended)
                    collect_output(request.report, output, keep=keep)
                    return ended.layers
            deaths.append(ended.status)
        raise ended_by_model(deaths)

    def _request(
        self,
        source: Path,
        folder: Path,
        overrides: Mapping[str, JsonValue],
        time_budget: float | None,
        deadline: float,
        peer: LiveService | ModelTraining | None,
    ) -> JobRequest:
        return JobRequest(
            source=source.resolve(),
            scratch=folder / "scratch",
            report=folder / "report",
            overrides=overrides,
            only=self._only,
            trained_prior=self._trained_prior,
            time_budget=time_budget,
            deadline=deadline,
            cpu_seconds=self._limits.cpu_seconds,
            service=Service(peer.facts) if isinstance(peer, LiveService) else None,
            models=_NOT_YET if isinstance(peer, ModelTraining) else None,
        )

    def _follow(
        self,
        assignment: Assignment,
        progress: Progress,
        cancelled: Cancellation | None,
        shown: Shown,
        peer: LiveService | ModelTraining | None,
    ) -> Ended:
        broker = None if peer is None else peer.broker
        for last_attempt in (False, True):
            _make_room(assignment.request)
            server = self._live_server()
            try:
                watch = server.submit(assignment, progress.report, shown, broker=broker)
            except OSError:
                server.stop()
                continue
            with watch:
                try:
                    return watch.follow(deadline=assignment.request.deadline, cancelled=cancelled)
                except ServerLostError:
                    server.ended(within=_DYING_SECONDS)
                    if self._closed:
                        raise _shutting_down() from None
                    # Work that no child has seen yet is simply given to the next server.
                    if watch.started or last_attempt:
                        raise _server_died() from None
        raise _server_died()

    def _check(self, ended: Ended) -> None:
        """Raise what a child says, or what ended it, unless its work is done."""
        match ended.result:
            case Done() if ended.status.code == 0:
                if "seccomp" not in ended.layers:
                    _log.warning("audit ran without a system call filter, as configured")
            case Refused(error):
                raise error
            case Crashed(traceback):
                raise _unexpected().with_details(type=traceback.type, frames=list(traceback.frames))
            case None if self._closed:
                raise _shutting_down()
            case _:
                raise ended.status.error(self._limits, memory=memory_granted())

    def _live_server(self) -> Server:
        with self._changing:
            workspace = self._existing_workspace()
            if self._server is None or self._server.ended():
                if self._server is not None:
                    self._server.stop()
                    _log.warning("fork server ended and is started anew")
                self._server = Server(
                    workspace=workspace, preload=self._preload, threads=self._limits.threads
                )
            return self._server

    def _existing_workspace(self) -> Workspace:
        if self._closed:
            raise _shutting_down()
        if self._workspace is not None and not self._workspace.exists():
            _log.warning("somebody removed the folder of running audits; everything is started anew")
            if self._server is not None:
                self._server.stop()
            self._workspace.remove()
            self._workspace = self._server = None
        if self._workspace is None:
            self._workspace = Workspace.after_sweeping()
        return self._workspace


def _make_room(request: JobRequest) -> None:
    try:
        for folder in (request.scratch, request.report):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        if disk_is_full(error):
            raise disk_exceeded() from None
        raise


@contextlib.contextmanager
def _logged_failure() -> Iterator[None]:
    """Log what failed on our side, and leave the caller an id of it."""
    try:
        yield
    except AuditFailed as error:
        raise error if error.problem in _LOGGED_ALREADY else _logged(error) from None


def _logged(error: AuditFailed) -> LeakgaugeError:
    """The error with an id, its traceback gone to the log under the same id, and to a note for a terminal."""
    identifier = secrets.token_hex(8)
    facts = dict(error.details)
    kept = {name: value for name, value in facts.items() if name not in ("type", "frames")}
    _log.error("audit failed", extra={"id": identifier, "code": error.code, "facts": facts})
    failure = AuditFailed(error.problem, error.message, hint=error.hint, details=kept | {"id": identifier})
    if "type" in facts:
        frames = facts["frames"] if isinstance(facts["frames"], list) else []
        failure.add_note("\n  ".join(["log: " + str(facts["type"]), *map(str, frames)]))
    return failure


def _unexpected() -> AuditFailed:
    return AuditFailed(
        "unexpected",
        "The audit met a situation that it was not written for.",
        hint="Report it with the id and what the log says under it; the input has not been kept.",
    )


def _server_died() -> AuditFailed:
    return AuditFailed(
        "server_died",
        "The process that starts audits ended while it was needed.",
        hint="Try again; a new one is started.",
    )


def _shutting_down() -> Busy:
    return Busy(
        "shutting_down",
        "This service is being stopped.",
        hint="Send the bundle again; another instance will take it.",
        details={"retry_after": 10},
    )
