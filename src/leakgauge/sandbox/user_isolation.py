"""A user of its own for every audit, and no capabilities: where this process is root, and may."""

from __future__ import annotations

import ctypes
import os
import secrets
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
    if not _open_to(_FIRST, _needed(), os.R_OK | os.X_OK):
        return "Python or its packages lie where other users cannot read"
    if not _open_to(_FIRST, workspace.parents, os.X_OK):
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


def _needed() -> list[Path]:
    """What imports read: folders under the names by which they are looked for, and all that lies in them."""
    searched = [Path(folder) for folder in sys.path if folder]
    found = [Path(sys.base_prefix), Path(sys.prefix), *searched]
    for folder in filter(Path.is_dir, searched):
        # caches and what is hidden are not needed
        found += [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__"))]
    return [path for path in found if path.exists()]


def _open_to(user: int, paths: Iterable[Path], mode: int) -> bool:
    """Whether `user` may enter and read all these, found out by becoming it: names may lead anywhere."""
    pid = os.fork()
    if pid == 0:
        refused = True
        try:
            take_on(user)
            refused = not all(os.access(path, mode if path.is_dir() else os.R_OK) for path in paths)
        finally:
            os._exit(refused)
    return os.waitpid(pid, 0)[1] == 0
