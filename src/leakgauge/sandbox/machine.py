"""What this process has been granted of the machine, which in a container is less than all of it."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def cpus_granted(cgroup: Path = _CGROUP) -> int:
    """Whole processors: the affinity mask, lowered by the control group's quota, at least 1."""
    allowed = len(os.sched_getaffinity(0))
    quota, period = _quota(cgroup)
    if quota > 0 and period > 0:
        allowed = min(allowed, math.ceil(quota / period))
    return max(allowed, 1)


def memory_granted(cgroup: Path = _CGROUP) -> int:
    """Bytes of memory: the machine's, lowered by the control group's limit."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = _number(_first_word(cgroup / name))
        if limit > 0:
            return min(physical, limit)
    return physical


def tasks_granted(cgroup: Path = _CGROUP) -> int | None:
    """Processes and threads that the control group may hold; None for no limit."""
    for name in ("pids.max", "pids/pids.max"):
        limit = _number(_first_word(cgroup / name))
        if limit > 0:
            return limit
    return None


def private_memory_in_use() -> int:
    """Bytes of private memory that this process may write to, which is what RLIMIT_DATA counts."""
    for line in _read(Path("/proc/self/status")).splitlines():
        name, _, value = line.partition(":")
        if name == "VmData":
            return _number(next(iter(value.split()), "")) << 10
    return 0


def _quota(cgroup: Path) -> tuple[int, int]:
    words = _read(cgroup / "cpu.max").split()
    if len(words) == 2:
        return _number(words[0]), _number(words[1])
    return (
        _number(_first_word(cgroup / "cpu/cpu.cfs_quota_us")),
        _number(_first_word(cgroup / "cpu/cpu.cfs_period_us")),
    )


def _first_word(path: Path) -> str:
    return next(iter(_read(path).split()), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _number(word: str) -> int:
    return int(word) if word.isdigit() else 0
