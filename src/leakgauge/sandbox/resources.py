"""What one audit may use of the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.sandbox.machine import memory_granted, tasks_granted

_PREFIX = "LEAKGAUGE_"

_SMALLEST_SHARE = 3 << 29
_SMALLEST_DATA = 512 << 20
_TASKS, _FEWEST_TASKS = 512, 32
# Threads of the web process, its master, the fork server.
_SERVICE_TASKS = 64


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Limits of one audit. Each is settable as `LEAKGAUGE_` plus its name in capitals.

    Attributes
    ----------
    memory_bytes
        address space of the child. The frameworks map far more than they touch: about 3 GiB
        before the first byte of a bundle is read.
    data_bytes
        memory that the child may fill beyond what the libraries hold. By default most of the
        machine's or the container's.
    tasks
        threads of the child; processes it may not start at all.
    cpu_seconds
        processor time, summed over threads.
    wall_seconds
        time from the call to the answer; just under the hour that a batch transform waits.
    file_bytes
        size of any one file that the child writes.
    folder_bytes, folder_entries
        space, and files and folders, that the child may have on disk at once.
    open_files
        file descriptors open at once.
    threads
        threads of the numerical libraries. One by default: sums then run in one order, and a
        report has the same bytes whatever the number of cores.
    """

    memory_bytes: int = 8 << 30
    data_bytes: int = 8 << 30
    tasks: int = 512
    cpu_seconds: int = 7_200
    wall_seconds: int = 3_500
    file_bytes: int = 2 << 30
    folder_bytes: int = 4 << 30
    folder_entries: int = 200_000
    open_files: int = 256
    threads: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The limits that the environment asks for.

        Raises
        ------
        BadParameters
            `environment`, naming every variable that is not a positive whole number.
        """
        variables = os.environ if environment is None else environment
        values: dict[str, int] = {}
        problems: list[JsonValue] = []
        for field in fields(cls):
            name = _PREFIX + field.name.upper()
            text = variables.get(name, "").strip()
            if not text:
                continue
            if text.isascii() and text.isdigit() and int(text) > 0:
                values[field.name] = int(text)
            else:
                problems.append(f"{name} is not a positive whole number")
        if problems:
            raise BadParameters(
                "environment",
                f"The environment sets {len(problems)} limit(s) that cannot be read: {problems[0]}.",
                hint="Give a positive whole number, or leave the variable unset for the default.",
                details={"problems": problems},
            )
        granted = {"data_bytes": _data_for(1), "tasks": _tasks_for(1)}
        return cls(**granted | values)

    def shared(self, slots: int) -> Self:
        """The limits where so many audits run at once: each has its share of what there is."""
        return replace(
            self, data_bytes=min(self.data_bytes, _data_for(slots)), tasks=min(self.tasks, _tasks_for(slots))
        )


def slots_in_memory() -> int:
    """How many audits at once the machine's or the container's memory is good for, at least 1."""
    return max((memory_granted() - _reserve()) // _SMALLEST_SHARE, 1)


def _data_for(slots: int) -> int:
    return max((memory_granted() - _reserve()) // slots, _SMALLEST_DATA)


def _reserve() -> int:
    """Bytes for the web process and the libraries that every audit shares."""
    return min(1 << 30, memory_granted() // 4)


def _tasks_for(slots: int) -> int:
    granted = tasks_granted()
    return _TASKS if granted is None else max(min((granted - _SERVICE_TASKS) // slots, _TASKS), _FEWEST_TASKS)
