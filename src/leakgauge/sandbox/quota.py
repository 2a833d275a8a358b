"""How much a child has on disk, counted from outside while it works.

The kernel limits each file, not their sum or number. A quota of a file system would take rights that
containers do not have.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 512
_DEEPEST = 60
"""Folders in folders, each of which takes a descriptor to look into. Nothing of ours nests ten."""


def exceeds(folder: Path, *, owner: int, most_bytes: int, most_entries: int) -> bool:
    """Whether more lies in `folder` than may, of what belongs to `owner`.

    Files that are removed and still open are not seen. The folder may change meanwhile.
    """
    with contextlib.suppress(OSError):
        return _Count(owner, most_bytes, most_entries).is_passed_in(os.open(folder, _FOLDER), 0)
    return False


class _Count:
    def __init__(self, owner: int, most_bytes: int, most_entries: int) -> None:
        self._owner = owner
        self._bytes = most_bytes
        self._entries = most_entries

    def is_passed_in(self, place: int, depth: int) -> bool:
        """Count what lies in the folder that the descriptor `place` stands for, and close it."""
        try:
            if depth > _DEEPEST:
                return True
            with os.scandir(place) as entries:
                return any(self._is_passed_by(entry, place, depth) for entry in entries)
        finally:
            os.close(place)

    def _is_passed_by(self, entry: os.DirEntry[str], place: int, depth: int) -> bool:
        with contextlib.suppress(OSError):  # gone meanwhile
            found = entry.stat(follow_symlinks=False)
            if found.st_uid != self._owner:
                return False
            self._entries -= 1
            self._bytes -= found.st_blocks * _BLOCK
            if self._entries < 0 or self._bytes < 0:
                return True
            if entry.is_dir(follow_symlinks=False):
                return self.is_passed_in(_opened(entry.name, place), depth + 1)
        return False


def _opened(name: str, place: int) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=place)
    except PermissionError:
        # closed to its owner, who is this very user and cannot change modes in there
        os.chmod(name, 0o700, dir_fd=place)
        return os.open(name, _FOLDER, dir_fd=place)
