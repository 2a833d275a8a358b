"""Files that lie loose in a folder; they are only read, and stay where they are."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from leakgauge.bundle.limits import CHUNK, MOST_TOP_FOLDERS, Budget
from leakgauge.bundle.model import BundledFile
from leakgauge.bundle.names import is_junk, shown_name
from leakgauge.errors import BadBundle


@dataclass(frozen=True, slots=True)
class LooseFile:
    """A file of the folder, with the folders above it."""

    path: Path
    parts: tuple[str, ...]
    budget: Budget

    def open(self) -> IO[bytes]:
        """The file for reading, if it is a plain one. Never blocks on a pipe."""
        shown = shown_name("/".join(self.parts))
        if self.path.is_symlink():
            raise BadBundle("link", f"{shown} is a link.", hint="Put the file itself in its place.")
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise BadBundle(
                "unreadable", f"{shown} cannot be read.", hint="Check that the file may be read."
            ) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadBundle(
                "special_file", f"{shown} is not a plain file.", hint="Put a plain file in its place."
            )
        return os.fdopen(descriptor, "rb")

    def head(self, count: int) -> bytes:
        """The first bytes of the file; see `Source`."""
        with contextlib.suppress(BadBundle, OSError), self.open() as content:
            return content.read(count)
        return b""

    def settle(self, name: str, into: Path, *, disk_name: str) -> BundledFile:
        """The file where it lies, counted and hashed; see `Source`."""
        del into, disk_name  # the folder is only read: the file stays where it is
        digest = hashlib.sha256()
        with self.open() as content:
            while chunk := content.read(CHUNK):
                self.budget.spend(len(chunk), name)
                digest.update(chunk)
        return BundledFile(name, self.path, digest.hexdigest())


def loose_files(folder: Path, *, budget: Budget) -> list[LooseFile]:
    """Files below `folder` that count, as deep as a bundle can be and one level further."""
    found: list[LooseFile] = []
    waiting: list[tuple[Path, tuple[str, ...]]] = [(folder, ())]
    seen = 0
    while waiting:
        place, above = waiting.pop()
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            raise BadBundle(
                "unreadable", "A folder cannot be read.", hint="Check that the folder may be read."
            ) from error
        for entry in entries:
            parts = (*above, entry.name)
            if is_junk(parts):
                continue
            seen += 1
            budget.check_entries(seen)
            if entry.is_dir(follow_symlinks=False):
                if len(above) <= budget.limits.depth + MOST_TOP_FOLDERS:
                    waiting.append((Path(entry.path), parts))
            else:
                found.append(LooseFile(Path(entry.path), parts, budget))
    return found
