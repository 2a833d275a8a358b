"""Whether the sandbox holds, found out by trying: what `leakgauge doctor` tells."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leakgauge.progress import Progress, Silent
from leakgauge.sandbox.identity import obstacle
from leakgauge.sandbox.job import EXAMINE_RUNNER, Job
from leakgauge.sandbox.lockdown import LAYERS, REQUIRED, hide_from_others
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.policy import Policy

_SECONDS = 60.0
_REFUSALS = {errno.EPERM, errno.EACCES, errno.EROFS}
_PTRACE_SEIZE = 0x4206
_HUNDRED_GIGABYTES = 100 << 30
_NO_PROGRAM = "/nonexistent/program"


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.

    Attributes
    ----------
    layers:
        those in force, in the order in which they were put on.
    missing:
        the others, each with the reason.
    trials:
        what a child tried, and whether it was refused.
    """

    layers: tuple[str, ...]
    missing: dict[str, str]
    trials: dict[str, bool]

    @property
    def sound(self) -> bool:
        """Whether every required layer is in force and every trial was refused."""
        return all(self.trials.values()) and not any(name in self.missing for name in REQUIRED)


def examine() -> Examination:
    """Lock a child down as for an audit, and let it try what an audit must not be able to do.

    Raises
    ------
    LeakgaugeError
        when no child can be started or locked down at all.
    """
    hide_from_others()
    with (
        Sandbox(policy=Policy.from_environment(), runner=EXAMINE_RUNNER) as sandbox,
        sandbox.private_folder() as folder,
        sandbox.private_folder() as other,
    ):
        (folder / "source").touch(mode=0o600)
        (other / "rows").touch(mode=0o600)
        layers = sandbox.run(
            folder / "source",
            folder / "found",
            overrides={"other": str(other), "doctor": os.getpid()},
            progress=Silent(),
            timeout=_SECONDS,
        )
        trials = json.loads((folder / "found" / "report.json").read_bytes())
    why = {
        "landlock": "this kernel or container engine does not offer Landlock",
        "identity": obstacle(Path(tempfile.gettempdir()).resolve() / "workspace") or "not asked for",
        "seccomp": "libseccomp is missing, and LEAKGAUGE_SANDBOX=relaxed accepts that",
    }
    missing = {name: why.get(name, "unknown") for name in LAYERS if name not in layers}
    return Examination(layers, missing, trials)


def attempt(job: Job, _progress: Progress) -> None:
    """The child's part: try everything and write down what was refused."""
    other, doctor = Path(str(job.overrides["other"])), int(str(job.overrides["doctor"]))
    found = {name: _refused(trial) for name, trial in _trials(job, other, doctor).items()}
    (job.report / "report.json").write_text(json.dumps(found), encoding="utf-8")


def _trials(job: Job, other: Path, doctor: int) -> dict[str, Callable[[], object]]:
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
        "change the mode of a file": lambda: job.scratch.chmod(0o777),
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
