"""The folder in which one sandbox keeps everything, and which does not outlive it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Self

from leakgauge.errors import LimitExceeded
from leakgauge.sandbox.removal import remove_tree

_PREFIX = "leakgauge-sandbox-"
_LOCK = "lock"
# Its owner may enter and write but not list it: who does not know the name of an audit's folder, 32
# random digits, does not find it, even under the same user. A child may not change modes.
_HIDDEN = 0o311


class Workspace:
    """A new folder for the private folders of audits, locked for as long as somebody uses it.

    Attributes
    ----------
    path
        the folder.
    lock
        descriptor that holds the lock; a process that inherits it holds it too.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        self.lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_SH)
        self.path.chmod(_HIDDEN)

    @classmethod
    def after_sweeping(cls) -> Self:
        """A new workspace, once those have been removed whose processes were all killed."""
        sweep(Path(tempfile.gettempdir()))
        return cls()

    def exists(self) -> bool:
        """Whether it is still there; cleaners of temporary folders take what looks old."""
        return (self.path / _LOCK).exists()

    def new_folder(self) -> Path:
        """A new folder under a name that cannot be guessed, mode 0700.

        Raises
        ------
        LimitExceeded
            `disk` when there is no room for it.
        """
        folder = self.path / secrets.token_hex(16)
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            if disk_is_full(error):
                raise disk_exceeded() from None
            raise
        return folder

    def remove(self) -> None:
        """Remove it with all that it holds."""
        remove_tree(self.path)
        os.close(self.lock)


def sweep(temporary: Path) -> None:
    """Remove the workspaces in `temporary` that are ours and that nobody uses any more."""
    with contextlib.suppress(OSError), os.scandir(temporary) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                _remove_if_deserted(Path(entry.path))


def _remove_if_deserted(folder: Path) -> None:
    with contextlib.suppress(OSError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(folder)
        finally:
            os.close(lock)


def disk_exceeded() -> LimitExceeded:
    """The error for work that needed more disk space than there is."""
    return LimitExceeded(
        "disk",
        "The audit needed more disk space than it was given.",
        hint="Send a smaller bundle, or raise LEAKGAUGE_FILE_BYTES and the space for temporary files.",
    )


def disk_is_full(error: OSError) -> bool:
    """Whether `error` says that there is no room left, or that a file may not grow further."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
