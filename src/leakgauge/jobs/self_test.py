"""What a hostile model would try, tried by ourselves: the child's part of `leakgauge doctor`."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import SELF_TEST
from leakgauge.progress import Progress

_REFUSALS = {errno.EPERM, errno.EACCES, errno.EROFS}
_PTRACE_SEIZE = 0x4206
_HUNDRED_GIGABYTES = 100 << 30
_NO_PROGRAM = "/nonexistent/program"


def attempt(request: JobRequest, _progress: Progress) -> None:
    """Try everything and write down what was refused; `overrides` name a folder and a process of others."""
    other, doctor = Path(str(request.overrides["other"])), int(str(request.overrides["doctor"]))
    found = {name: _refused(trial) for name, trial in _trials(request, other, doctor).items()}
    (found_name,) = SELF_TEST.leaves
    (request.report / found_name).write_text(json.dumps(found), encoding="utf-8")


def _trials(request: JobRequest, other: Path, doctor: int) -> dict[str, Callable[[], object]]:
    workspace = other.parent
    return {
        "run another program": lambda: os.execv(_NO_PROGRAM, [_NO_PROGRAM]),  # noqa: S606 - to be refused
        "start another process": _fork,
        "open a network socket": lambda: socket.socket(socket.AF_INET),
        "open a local socket": lambda: socket.socket(socket.AF_UNIX),
        "trace the process that started it": lambda: _ptrace(doctor),
        "signal the process that started it": lambda: os.kill(doctor, 0),
        "read the environment of the process that started it": lambda: _read(doctor, "environ"),
        "read the environment of the fork server": lambda: _read(os.getppid(), "environ"),
        "read the memory of the fork server": lambda: _read(os.getppid(), "mem"),
        "find another audit's folder": lambda: list(workspace.iterdir()),
        "read a file of another audit": lambda: (other / "rows").read_bytes(),
        "write into another audit's folder": lambda: _leave(other / "new"),
        "write into the service's folder": lambda: _leave(workspace / "new"),
        "write to the root of the file system": lambda: _leave(Path(f"/leakgauge-{os.getpid()}")),
        "read the machine's secrets": lambda: Path("/etc/shadow").read_bytes(),
        "take 100 GB of memory": lambda: bytearray(_HUNDRED_GIGABYTES),
        "raise its own limits": lambda: resource.setrlimit(resource.RLIMIT_CPU, (1 << 30, 1 << 30)),
        "become root": lambda: os.setresuid(0, 0, 0),
        "change the mode of a file": lambda: request.scratch.chmod(0o777),
    }


def _refused(trial: Callable[[], object]) -> bool:
    try:
        trial()
    except MemoryError:
        return True
    except (OSError, ValueError) as error:
        # What Python's resource module says of EPERM is a ValueError.
        return isinstance(error, ValueError) or error.errno in _REFUSALS
    return False


def _leave(path: Path) -> None:
    path.touch(exist_ok=False)
    path.unlink()


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _ptrace(pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(_PTRACE_SEIZE, pid, None, None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _read(pid: int, name: str) -> None:
    with Path(f"/proc/{pid}/{name}").open("rb", buffering=0) as file:
        file.read(0 if name == "mem" else 1)
