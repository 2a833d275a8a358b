"""What a user of its own is given to read: files that stay somebody else's, so that it can change none.

Done by root before a child is locked down. Nothing is looked at but names, kinds and bytes.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from leakgauge.sandbox.resources import ResourceLimits

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DEEPEST = 16
"""Folders in folders; a bundle needs three."""


class TooMuchToCopyError(Exception):
    """The folder holds more than an audit may have on disk."""


def lend(user: int, paths: Iterable[Path]) -> None:
    """Let `user` read these files and folders, and nothing more."""
    for path in paths:
        os.chown(path, os.geteuid(), user)
        path.chmod(0o550 if path.is_dir() else 0o440)


def copy_folder(source: Path, own: Path, user: int, limits: ResourceLimits) -> None:
    """Copy a folder to the new folder `own`, for `user` to read.

    What begins with a dot is left out, as bundles leave it out. What is no plain file is none in the copy
    either: links are copied as links, and everything else stands there as a pipe.

    Raises
    ------
    TooMuchToCopyError
        when it is deeper, or holds more files or bytes, than an audit may have on disk.
    """
    entries, left = 0, limits.folder_bytes
    for place, folders, files, descriptor in os.fwalk(source, follow_symlinks=False):
        inside = Path(place).relative_to(source)
        folders[:] = [name for name in folders if not name.startswith(".")]
        names = [name for name in files if not name.startswith(".")]
        entries += len(folders) + len(names)
        if len(inside.parts) > _DEEPEST or entries > limits.folder_entries:
            raise TooMuchToCopyError
        target = own / inside
        target.mkdir(mode=0o700)
        for name in names:
            if not _copy_unless_plain(name, descriptor, target / name):
                left -= _copy(name, descriptor, target / name, most=left)
                lend(user, [target / name])
        for name in folders:
            if _is_link(name, descriptor):
                (target / name).symlink_to(os.readlink(name, dir_fd=descriptor))
        lend(user, [target])


def _copy_unless_plain(name: str, folder: int, target: Path) -> bool:
    """Put something of the same kind at `target` where an entry is no plain file; whether it was none.

    `folder` is the descriptor of the folder that the entry lies in.
    """
    kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISREG(kind):
        return False
    if stat.S_ISLNK(kind):
        target.symlink_to(os.readlink(name, dir_fd=folder))
    else:
        os.mkfifo(target)
        target.chmod(0o444)
    return True


def _copy(name: str, folder: int, target: Path, *, most: int) -> int:
    """Copy a plain file; how many bytes it has."""
    with (
        os.fdopen(os.open(name, _READ, dir_fd=folder), "rb") as reading,
        target.open("xb") as writing,
    ):
        if os.fstat(reading.fileno()).st_size > most:
            raise TooMuchToCopyError
        shutil.copyfileobj(reading, writing)
        return writing.tell()


def _is_link(name: str, folder: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
