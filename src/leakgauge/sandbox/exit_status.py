"""How a child ended, and what that says about the audit."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass

from leakgauge.errors import AuditFailed, AuditTimeout, JsonValue, LeakgaugeError, LimitExceeded
from leakgauge.sandbox.resources import ResourceLimits


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
    too_many_tasks
        whether it was ended because it had started too many threads.
    """

    code: int
    cpu_seconds: float
    peak_bytes: int
    too_many_tasks: bool = False

    def message(self) -> dict[str, JsonValue]:
        """The status as JSON."""
        return {
            "code": self.code,
            "cpu_seconds": self.cpu_seconds,
            "peak_bytes": self.peak_bytes,
            "too_many_tasks": self.too_many_tasks,
        }

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
        many = message.get("too_many_tasks") is True
        return cls(code=code, cpu_seconds=float(cpu), peak_bytes=peak, too_many_tasks=many)

    def error(self, limits: ResourceLimits, *, memory: int) -> LeakgaugeError:
        """The error for a child that brought no result.

        Parameters
        ----------
        limits
            the limits that the child ran under.
        memory
            bytes of memory granted to this machine or container.
        """
        if self.too_many_tasks:
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
            name = _signal_name(-self.code)
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


def memory_exceeded() -> LimitExceeded:
    """The error for an audit that needed more memory than it was given."""
    return LimitExceeded(
        "memory",
        "The audit needed more memory than it was given.",
        hint="Send fewer records or a smaller model, or raise LEAKGAUGE_MEMORY_BYTES on a larger machine.",
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
