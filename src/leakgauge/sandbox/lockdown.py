"""The layers that a child puts on before it reads the first untrusted byte."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leakgauge.errors import AuditFailed
from leakgauge.sandbox import landlock
from leakgauge.sandbox.machine import private_memory_in_use
from leakgauge.sandbox.resources import ResourceLimits
from leakgauge.sandbox.system_calls import load_filters
from leakgauge.sandbox.user_isolation import give_up_capabilities, take_on

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38

_NICENESS = 10
_CPU_GRACE_SECONDS = 2

# What libraries look at beside their own files: processors, memory, the time zone, names of users, where
# fonts are. Nothing of it is private: what the kernel tells of other processes it tells their owner.
_SYSTEM_FILES = (
    "/usr",
    "/lib",
    "/lib64",
    "/lib32",
    "/bin",
    "/sbin",
    "/proc",
    "/sys",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/passwd",
    "/etc/nsswitch.conf",
    "/etc/mime.types",
    "/etc/magic",
)
_NULL = Path(os.devnull)

_libc = ctypes.CDLL(None, use_errno=True)

NO_ISOLATION = "no_isolation"
"""The problem of an audit as root that could read and write all that root can."""


@dataclass(frozen=True, slots=True)
class ChildPrivileges:
    """What a child keeps.

    Attributes
    ----------
    limits
        what it may use of the machine.
    readable, writable
        paths that it may read, and folders of its own.
    user
        the user to become; None to stay the one it is.
    """

    limits: ResourceLimits
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    user: int | None = None


def prepare() -> None:
    """Load, ahead of any fork, what the layers need; what is missing is for `lock_down` to report.

    pyseccomp finds its library by starting a program, which is best done once.
    """
    with contextlib.suppress(ImportError, RuntimeError):
        importlib.import_module("pyseccomp")


def hide_from_others() -> None:
    """Keep the memory and the environment of the calling process from others of the same user."""
    _prctl(_PR_SET_DUMPABLE, 0)


def relaxed() -> bool:
    """Whether the operator accepts a sandbox without seccomp (`LEAKGAUGE_SANDBOX=relaxed`)."""
    return os.environ.get("LEAKGAUGE_SANDBOX", "").strip().lower() == "relaxed"


def lock_down(privileges: ChildPrivileges) -> tuple[str, ...]:
    """Give up, for the calling process and for good, all that an audit does not need.

    Returns the names of the layers in force, in the order in which they were put on.

    Raises
    ------
    AuditFailed
        `no_seccomp` when the filter cannot be had and the operator has not accepted that;
        `no_isolation` for root without a user to become where the kernel offers no Landlock;
        `lock_down` when the kernel refuses another layer.
    """
    in_force = []
    for name, layer in _LAYERS:
        try:
            if layer(privileges):
                in_force.append(name)
        except OSError as error:
            raise AuditFailed(
                "lock_down",
                f"The sandbox layer {name} could not be put in force.",
                hint="Run the container on a kernel that offers it; nothing of the input was opened.",
                details={"layer": name, "errno": error.errno},
            ) from None
    return tuple(in_force)


def _resource_limits(privileges: ChildPrivileges) -> bool:
    limits = privileges.limits
    # What the libraries hold already, shared with the fork server, is not the audit's doing.
    data = limits.data_bytes + private_memory_in_use()
    wanted = {
        resource.RLIMIT_AS: (limits.memory_bytes, limits.memory_bytes),
        resource.RLIMIT_DATA: (data, data),
        # SIGXCPU at the soft limit can be ignored, SIGKILL at the hard one cannot.
        resource.RLIMIT_CPU: (limits.cpu_seconds, limits.cpu_seconds + _CPU_GRACE_SECONDS),
        resource.RLIMIT_FSIZE: (limits.file_bytes, limits.file_bytes),
        resource.RLIMIT_NOFILE: (limits.open_files, limits.open_files),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
    }
    if privileges.user is not None:
        # The kernel counts by user, everywhere on the machine: this is for a user of one's own. The
        # fork server counts the threads of every child, whoever it is.
        wanted[resource.RLIMIT_NPROC] = (limits.tasks, limits.tasks)
    for limit, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(limit)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(limit, (soft, hard))
    return True


def _niceness(_privileges: ChildPrivileges) -> bool:
    os.nice(_NICENESS)
    return True


def _landlock(privileges: ChildPrivileges) -> bool:
    if not landlock.version():
        return False
    everybodys = [Path(each) for each in (*_SYSTEM_FILES, sys.prefix, sys.base_prefix, *sys.path) if each]
    landlock.restrict(readable=[*everybodys, *privileges.readable], writable=[*privileges.writable, _NULL])
    return True


def _own_user(privileges: ChildPrivileges) -> bool:
    if privileges.user is None:
        if os.geteuid() == 0 and not landlock.version():
            raise AuditFailed(
                NO_ISOLATION,
                "Nothing would keep this audit, which runs as root, from the files of this machine: it has "
                "neither a user of its own nor Landlock.",
                hint="Start it as another user than root, on Linux 5.13 or later, or in the image as it is "
                "published. What is missing is told by leakgauge doctor; nothing of the input was opened.",
            )
        return False
    take_on(privileges.user)
    return True


def _capabilities(_privileges: ChildPrivileges) -> bool:
    give_up_capabilities()
    return True


def _undumpable(_privileges: ChildPrivileges) -> bool:
    _prctl(_PR_SET_DUMPABLE, 0)
    return True


def _dies_with_parent(_privileges: ChildPrivileges) -> bool:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return True


def _no_new_privileges(_privileges: ChildPrivileges) -> bool:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return True


def _seccomp(_privileges: ChildPrivileges) -> bool:
    try:
        # A RuntimeError is what pyseccomp raises where libseccomp is missing.
        load_filters(importlib.import_module("pyseccomp"))
    except (ImportError, RuntimeError, OSError):
        if relaxed():
            return False
        raise AuditFailed(
            "no_seccomp",
            "The system call filter that keeps models from doing harm is not available.",
            hint="Install libseccomp2 and pyseccomp, or set LEAKGAUGE_SANDBOX=relaxed to audit only "
            "models that you trust.",
        ) from None
    return True


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


# In this order: Landlock and the filter ask for no_new_privs, a change of identity undoes the death
# signal and the dumpable flag, and nothing can be changed once the filter is loaded. Each layer says
# whether it came into force.
_LAYERS: tuple[tuple[str, Callable[[ChildPrivileges], bool]], ...] = (
    ("limits", _resource_limits),
    ("niceness", _niceness),
    ("no_new_privileges", _no_new_privileges),
    ("landlock", _landlock),
    ("identity", _own_user),
    ("capabilities", _capabilities),
    ("undumpable", _undumpable),
    ("dies_with_parent", _dies_with_parent),
    ("seccomp", _seccomp),
)

LAYERS = tuple(name for name, _ in _LAYERS)
"""Every layer there is."""

REQUIRED = tuple(name for name in LAYERS if name not in ("landlock", "identity"))
"""Those without which no audit starts (`LEAKGAUGE_SANDBOX=relaxed` does without seccomp)."""
