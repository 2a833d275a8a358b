"""A user of its own for every audit, and no capabilities: where this process is root, and may."""

from __future__ import annotations

import ctypes
import os
import secrets
import stat
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from leakgauge.sandbox.removal import remove_tree

# Numbers that no distribution hands out (the gap in systemd's table of users, which lists them all),
# and that exist in containers whose users are mapped as well.
_FIRST, _COUNT = 60_578, 606

# CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID: to hand over a folder, take on a user, and
# afterwards end its processes and remove its files. Container engines grant all of them to root.
_NEEDED = (0, 1, 3, 5, 6, 7)

_CAPABILITIES_VERSION_3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


def obstacle(workspace: Path) -> str | None:
    """Why audits cannot have users of their own here; None when they can."""
    if os.geteuid() != 0:
        return "not started as root"
    held = _effective_capabilities()
    if not all(held >> number & 1 for number in _NEEDED):
        return "root without the capabilities to change users"
    if not _mapped(Path("/proc/self/uid_map")) or not _mapped(Path("/proc/self/gid_map")):
        return "a user namespace without further users"
    needed = [Path(sys.base_prefix), Path(sys.prefix), *map(Path, filter(None, sys.path))]
    if not all(_open_to_others(path) for path in needed if path.exists()):
        return "Python lies where other users cannot read"
    if not all(_enterable(path) for path in workspace.parents):
        return "temporary files lie where other users cannot enter"
    return None


def free_user(taken: Collection[int]) -> int | None:
    """A user id that none of `taken` is; None when all are."""
    start = secrets.randbelow(_COUNT)
    for step in range(_COUNT):
        user = _FIRST + (start + step) % _COUNT
        if user not in taken:
            return user
    return None


def hand_over(user: int, paths: Iterable[Path]) -> None:
    """Make files and folders belong to `user`, links included and not followed."""
    for path in paths:
        os.chown(path, user, user, follow_symlinks=False)


def take_on(user: int) -> None:
    """Become `user`, with its group alone, for good."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def give_up_capabilities() -> None:
    """Leave the calling thread no capability, so that even root is bound by the modes of files.

    Raises
    ------
    OSError
        when the kernel refuses.
    """
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    if _libc.capset(header, none) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def remove_what_is_left(user: int, folders: Iterable[Path]) -> None:
    """Remove what `user` has left directly in `folders` that everybody may write to."""
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                left = [each for each in entries if each.stat(follow_symlinks=False).st_uid == user]
        except OSError:
            continue
        for entry in left:
            if entry.is_dir(follow_symlinks=False):
                remove_tree(Path(entry.path))
            else:
                Path(entry.path).unlink(missing_ok=True)


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return int(value, 16)
    return 0


def _mapped(table: Path) -> bool:
    """Whether the namespace knows the users that are handed out."""
    rows = [line.split() for line in table.read_text(encoding="ascii").splitlines()]
    return any(int(row[0]) <= _FIRST and int(row[0]) + int(row[2]) >= _FIRST + _COUNT for row in rows)


def _open_to_others(path: Path) -> bool:
    path = path.resolve()
    readable = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
    return path.stat().st_mode & readable == readable and all(_enterable(each) for each in path.parents)


def _enterable(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
