"""The layers that a child puts on before it reads the first untrusted byte."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import signal
from collections.abc import Callable

from leakgauge.errors import AuditFailed
from leakgauge.sandbox.policy import Policy
from leakgauge.sandbox.system_calls import load_filter

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38

_NICENESS = 10
_CPU_GRACE_SECONDS = 2

_libc = ctypes.CDLL(None, use_errno=True)


def prepare() -> None:
    """Load, ahead of any fork, what the layers need; what is missing is for `lock_down` to report.

    pyseccomp finds its library by starting a program, which is best done once.
    """
    with contextlib.suppress(ImportError, RuntimeError):
        importlib.import_module("pyseccomp")


def relaxed() -> bool:
    """Whether the operator accepts a sandbox without seccomp (`LEAKGAUGE_SANDBOX=relaxed`)."""
    return os.environ.get("LEAKGAUGE_SANDBOX", "").strip().lower() == "relaxed"


def lock_down(policy: Policy) -> tuple[str, ...]:
    """Give up, for the calling process and for good, all that an audit does not need.

    Returns the names of the layers in force, in the order in which they were put on.

    Raises
    ------
    AuditFailed
        `no_seccomp` when the filter cannot be had and the operator has not accepted that;
        `lock_down` when the kernel refuses another layer.
    """
    in_force = []
    for name, layer in _LAYERS:
        try:
            if layer(policy):
                in_force.append(name)
        except OSError as error:
            raise AuditFailed(
                "lock_down",
                f"The sandbox layer {name} could not be put in force.",
                hint="Run the container on a kernel that offers it; nothing of the input was opened.",
                details={"layer": name, "errno": error.errno},
            ) from None
    return tuple(in_force)


def _limits(policy: Policy) -> bool:
    for limit, soft, hard in (
        (resource.RLIMIT_AS, policy.memory_bytes, policy.memory_bytes),
        # SIGXCPU at the soft limit can be ignored, SIGKILL at the hard one cannot.
        (resource.RLIMIT_CPU, policy.cpu_seconds, policy.cpu_seconds + _CPU_GRACE_SECONDS),
        (resource.RLIMIT_FSIZE, policy.file_bytes, policy.file_bytes),
        (resource.RLIMIT_NOFILE, policy.open_files, policy.open_files),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        ceiling = resource.getrlimit(limit)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(limit, (soft, hard))
    return True


def _niceness(_policy: Policy) -> bool:
    os.nice(_NICENESS)
    return True


def _undumpable(_policy: Policy) -> bool:
    _prctl(_PR_SET_DUMPABLE, 0)
    return True


def _dies_with_parent(_policy: Policy) -> bool:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return True


def _no_new_privileges(_policy: Policy) -> bool:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return True


def _seccomp(_policy: Policy) -> bool:
    try:
        # A RuntimeError is what pyseccomp raises where libseccomp is missing.
        load_filter(importlib.import_module("pyseccomp"))
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


# In this order: the death signal is forgotten by a change of identity and so follows it, and
# nothing can be changed once the filter is loaded. Each layer says whether it came into force.
_LAYERS: tuple[tuple[str, Callable[[Policy], bool]], ...] = (
    ("limits", _limits),
    ("niceness", _niceness),
    ("undumpable", _undumpable),
    ("dies_with_parent", _dies_with_parent),
    ("no_new_privileges", _no_new_privileges),
    ("seccomp", _seccomp),
)
