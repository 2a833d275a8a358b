"""How a child ended, and what that says about the audit."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from leakgauge.errors import (
    AuditFailed,
    AuditTimeout,
    JsonValue,
    LeakgaugeError,
    LimitExceeded,
    UnsafeModel,
)
from leakgauge.sandbox.resources import ResourceLimits

_CRASHES = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGILL,
        signal.SIGFPE,
        signal.SIGABRT,
        signal.SIGTRAP,
        signal.SIGSYS,
    }
)
"""What code that was led astray dies of; nobody outside sends these."""


Excess: TypeAlias = Literal["tasks", "written"]


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """What the kernel tells of a child that has ended.

    Attributes
    ----------
    code
        exit code, or minus the number of the signal that ended it.
    cpu_seconds
        processor time used, all threads.
    peak_bytes
        largest resident memory.
    excess
        of what it had too much, when the fork server ended it for that: threads, or files on disk.
    """

    code: int
    cpu_seconds: float
    peak_bytes: int
    excess: Excess | None = None

    def message(self) -> dict[str, JsonValue]:
        """The status as JSON."""
        return {
            "code": self.code,
            "cpu_seconds": self.cpu_seconds,
            "peak_bytes": self.peak_bytes,
            "excess": self.excess,
        }

    @property
    def signal_name(self) -> str:
        """The signal that ended it, by name."""
        try:
            return signal.Signals(-self.code).name
        except ValueError:
            return f"signal {-self.code}"

    @classmethod
    def from_message(cls, message: Mapping[str, JsonValue]) -> ExitStatus:
        """The status that `message()` described.

        Raises
        ------
        ValueError
            when it is not one.
        """
        code, cpu, peak = (message.get(name) for name in ("code", "cpu_seconds", "peak_bytes"))
        if not (isinstance(code, int) and isinstance(cpu, int | float) and isinstance(peak, int)):
            raise ValueError("not an exit status")
        excess = message.get("excess")
        known: Excess | None = "tasks" if excess == "tasks" else "written" if excess == "written" else None
        return cls(code=code, cpu_seconds=float(cpu), peak_bytes=peak, excess=known)

    @property
    def crashed(self) -> bool:
        """Whether it died of what its own code did, and not of a limit, a kill or an exit."""
        return -self.code in _CRASHES

    def error(self, limits: ResourceLimits, *, memory: int) -> LeakgaugeError:
        """The error for a child that brought no result.

        Parameters
        ----------
        limits
            the limits that the child ran under.
        memory
            bytes of memory granted to this machine or container.
        """
        if self.excess == "written":
            return LimitExceeded(
                "too_much_written",
                f"The audit wrote more than the {limits.folder_bytes:,} bytes, or {limits.folder_entries:,} "
                "files and folders, that it may have on disk.",
                hint="Send a smaller bundle, or raise LEAKGAUGE_FOLDER_BYTES or LEAKGAUGE_FOLDER_ENTRIES.",
            )
        if self.excess == "tasks":
            return LimitExceeded(
                "tasks",
                f"The audit started more than the {limits.tasks} threads that it may have.",
                hint="Set n_jobs of the model lower, or raise LEAKGAUGE_TASKS.",
            )
        used_up = self.cpu_seconds >= limits.cpu_seconds
        if self.code == -signal.SIGXCPU or (self.code == -signal.SIGKILL and used_up):
            return AuditTimeout(
                "cpu",
                f"The audit used up its {limits.cpu_seconds} seconds of processor time.",
                hint="Ask for less (fewer records, attacks or iterations), or raise LEAKGAUGE_CPU_SECONDS.",
            )
        if (
            self.code == -signal.SIGKILL
            and self.peak_bytes >= min(limits.memory_bytes, limits.data_bytes, memory) // 2
        ):
            return memory_exceeded()
        if self.code < 0:
            name = self.signal_name
            return AuditFailed(
                "child_died",
                f"The process that ran the audit was ended by {name}.",
                hint="Try again; if it happens again, the model file may be damaged or need more memory.",
                details={"signal": name},
            )
        return AuditFailed(
            "child_died",
            "The process that ran the audit ended without a result.",
            hint="Try again; if it happens again, report it with the id.",
            details={"exit_code": self.code},
        )


def ended_by_model(statuses: Sequence[ExitStatus]) -> UnsafeModel:
    """The error for a model file that was open each time that a child died."""
    signals = [status.signal_name for status in statuses]
    names = " and ".join(dict.fromkeys(signals))
    return UnsafeModel(
        "ended_the_process",
        f"The process that worked with the model file was ended by {names}, twice on the same bytes.",
        hint="Treat the file as hostile: it leads astray the code that reads or asks it, and could do worse "
        "where nothing contains that. If it is your own, save the model again, and check the other files of "
        "the bundle.",
        details={"signals": [*signals]},
    )


def memory_exceeded() -> LimitExceeded:
    """The error for an audit that needed more memory than it was given."""
    return LimitExceeded(
        "memory",
        "The audit needed more memory than it was given.",
        hint="Send fewer records or a smaller model, or raise LEAKGAUGE_MEMORY_BYTES on a larger machine.",
    )
