"""Running Python as other users, also where it is installed in somebody's home."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

AS_NOBODY = ("setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--bounding-set", "-all")
AS_BARE_ROOT = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all")
AS_ROOT = ()
MODES = {"root": AS_ROOT, "root without capabilities": AS_BARE_ROOT, "another user": AS_NOBODY}


def command(mode, *words):
    """The command `words` with this Python, run in one of `MODES`, the way to Python open to everybody."""
    return [*_opened(), *MODES[mode], sys.executable, *map(str, words)]


def _opened():
    closed = [
        folder
        for folder in Path(sys.base_prefix).resolve().parents
        if not folder.stat().st_mode & stat.S_IXOTH
    ]
    if not closed:
        return []
    # In a view of the file system of its own: nothing changes for anybody else.
    python, home = Path(sys.base_prefix).resolve(), closed[-1]
    script = (
        'set -e; held=$(mktemp -d); mount --bind "$1" "$held"; mount -t tmpfs -o mode=755 none "$2"; '
        'mkdir -p "$1"; mount --move "$held" "$1"; rmdir "$held"; shift 2; exec "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", script, "sh", str(python), str(home)]


def is_root():
    return os.geteuid() == 0
