"""A process that has everything imported and forks a child for every audit.

    python -m leakgauge.sandbox.fork_server CONTROL_FD LOCK_FD WORKSPACE [KIND]

Importing the frameworks takes seconds, forking takes milliseconds. The server has a single
thread, opens nothing of a user's, and knows four things to wait for: an assignment on the control socket,
the end of a child, a caller that hangs up, and the clock, at which it also counts threads and files. When the
control socket closes, because the parent has ended in whatever way, the server kills its children,
removes the workspace and ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import math
import os
import random
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from leakgauge.errors import JsonValue
from leakgauge.extras import installed
from leakgauge.jobs.table import PRELOADS, PRELOADS_IF_INSTALLED
from leakgauge.sandbox.assignment import Assignment
from leakgauge.sandbox.child import ChildContext, run_child
from leakgauge.sandbox.exit_status import Excess, ExitStatus
from leakgauge.sandbox.ipc import READY, receive_message, send_message
from leakgauge.sandbox.lockdown import hide_from_others, prepare
from leakgauge.sandbox.machine import cpus_granted
from leakgauge.sandbox.quota import exceeds
from leakgauge.sandbox.removal import remove_tree
from leakgauge.sandbox.resources import ResourceLimits
from leakgauge.sandbox.user_isolation import free_user, obstacle, remove_what_is_left

_OVERDUE_SECONDS = 10.0
_COUNT_SECONDS = 0.5
_REST = 20.0
"""How many times as long as it took to count a child's files nobody counts them again."""

# Where anybody may leave files, on most systems.
_EVERYBODYS = (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"))  # noqa: S108 - never written to

# Told to the kernel for when memory runs out: rather an audit, or this server, than the web process.
_GO_FIRST = "300"


@dataclass(slots=True)
class _Running:
    """A child and what there is to wait for."""

    pid: int
    pidfd: int
    caller: socket.socket
    deadline: float
    limits: ResourceLimits
    folder: Path
    user: int | None
    look_again_at: float = -math.inf
    excess: Excess | None = None


class ForkServer:
    """Takes assignments from `control` until it closes; keeps nothing outside `workspace`."""

    def __init__(self, control: socket.socket, workspace: Path) -> None:
        self._control = control
        self._workspace = workspace
        self._users = obstacle(workspace) is None
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, None)
        self._running: dict[int, _Running] = {}

    def serve(self) -> None:
        """Serve until the control socket closes; no child outlives the call."""
        try:
            while self._turn():
                pass
        finally:
            for running in list(self._running.values()):
                _kill(running)
                self._reap(running)

    def _turn(self) -> bool:
        """Wait for something and deal with it; False when the parent has gone."""
        for key, _ in self._selector.select(self._patience()):
            running: _Running | None = key.data
            if running is None:
                if not self._accept():
                    return False
            elif self._running.get(running.pid) is not running:
                pass  # reaped earlier in this very turn
            elif key.fileobj == running.pidfd:
                self._reap(running)
            else:
                # The caller sends nothing: readable means that it hung up.
                self._selector.unregister(key.fileobj)
                _kill(running)
        now = time.monotonic()
        for running in self._running.values():
            if running.deadline <= now:
                _kill(running)
            elif running.excess is None and (excess := _excess_of(running)) is not None:
                running.excess = excess
                _kill(running)
        return True

    def _patience(self) -> float | None:
        if not self._running:
            return None
        first = min(running.deadline for running in self._running.values())
        return min(max(first - time.monotonic(), 0.05), _COUNT_SECONDS)

    def _accept(self) -> bool:
        try:
            received = receive_message(self._control)
        except (ValueError, OSError):
            return False
        if received is None:
            return False
        message, (events, caller_descriptor, *services) = received
        broker = services[0] if services else None
        caller = socket.socket(fileno=caller_descriptor)
        assignment = Assignment.from_message(message)
        taken = {running.user for running in self._running.values() if running.user is not None}
        context = ChildContext(
            server=os.getpid(),
            workspace=self._workspace,
            user=free_user(taken) if self._users else None,
            processors=_some_processors(),
        )
        try:
            pid = os.fork()
        except OSError:
            # No process to be had: the caller learns it from the closed socket.
            _close(events, *services)
            caller.close()
            return True
        if pid == 0:
            run_child(assignment, events, broker, context)
        _close(events, *services)
        self._watch(pid, caller, assignment, context)
        return True

    def _watch(self, pid: int, caller: socket.socket, assignment: Assignment, context: ChildContext) -> None:
        running = _Running(
            pid=pid,
            pidfd=os.pidfd_open(pid),
            caller=caller,
            # The parent keeps the time; this is for a parent that is stuck.
            deadline=time.monotonic() + assignment.limits.wall_seconds + _OVERDUE_SECONDS,
            limits=assignment.limits,
            folder=assignment.request.scratch.parent,
            user=context.user,
        )
        self._running[pid] = running
        self._selector.register(running.pidfd, selectors.EVENT_READ, running)
        self._selector.register(caller, selectors.EVENT_READ, running)
        _tell(caller, {"started": pid})

    def _reap(self, running: _Running) -> None:
        """Collect an ended child, whatever it left in its process group, and tell the caller."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        _, status, usage = os.wait4(running.pid, 0)
        exit_status = ExitStatus(
            code=os.waitstatus_to_exitcode(status),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss << 10,
            excess=running.excess,
        )
        if running.user is not None:
            remove_what_is_left(running.user, {self._workspace.parent, *_EVERYBODYS})
        _tell(running.caller, exit_status.message())
        del self._running[running.pid]
        for watched in (running.pidfd, running.caller):
            with contextlib.suppress(KeyError):
                self._selector.unregister(watched)
        os.close(running.pidfd)
        running.caller.close()


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _kill(running: _Running) -> None:
    signal.pidfd_send_signal(running.pidfd, signal.SIGKILL)


def _excess_of(running: _Running) -> Excess | None:
    """Of what the child has too much, if of anything."""
    if _tasks_of(running.pid) > running.limits.tasks:
        return "tasks"
    begun = time.monotonic()
    if begun < running.look_again_at:
        return None
    too_much = exceeds(
        running.folder,
        owner=os.geteuid() if running.user is None else running.user,
        most_bytes=running.limits.folder_bytes,
        most_entries=running.limits.folder_entries,
    )
    ended = time.monotonic()
    running.look_again_at = ended + max(_COUNT_SECONDS, _REST * (ended - begun))
    return "written" if too_much else None


def _tasks_of(pid: int) -> int:
    """Threads of a process, as the kernel counts them; 0 when it has gone."""
    try:
        return Path(f"/proc/{pid}/task").stat().st_nlink - 2
    except OSError:
        return 0


def _some_processors() -> frozenset[int]:
    """As many processors as the container is granted: where it has less than it sees, a choice.

    Libraries that start a thread for each processor then start no more than there is time for.
    """
    seen = sorted(os.sched_getaffinity(0))
    return frozenset(random.sample(seen, min(cpus_granted(), len(seen))))


def _tell(caller: socket.socket, message: dict[str, JsonValue]) -> None:
    with contextlib.suppress(OSError):  # a caller that has gone wants to know nothing
        send_message(caller, message)


def main() -> None:
    """Preload, say so with one byte on the control socket, and serve."""
    # The lock is held by holding its descriptor, nothing more; see `workspace.Workspace`.
    descriptor, _lock, folder, *kinds = sys.argv[1:]
    workspace = Path(folder)
    # Ctrl-C belongs to the parent, which then hangs up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_GO_FIRST, encoding="ascii")
    hide_from_others()
    os.chdir(workspace)
    control = socket.socket(fileno=int(descriptor))
    prepare()
    for kind, modules in PRELOADS.items():
        if kind in kinds:
            for module in (*modules, *filter(installed, PRELOADS_IF_INSTALLED[kind])):
                importlib.import_module(module)
    gc.collect()
    gc.freeze()  # children then share these pages instead of copying them at their first collection
    with contextlib.suppress(BrokenPipeError):
        control.send(READY)
        ForkServer(control, workspace).serve()
    # Only now: after a crash of this server its parent, and what it keeps there, live on.
    remove_tree(workspace)


if __name__ == "__main__":
    main()
