"""A file system that is soon full, which does not outlive the process that asked for it."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager

import view

# The pipe is closed by whatever end of whoever holds it: then the script goes on and unmounts.
_SCRIPT = """
mount -t tmpfs -o "size=$1,mode=1777" none "$PWD" || exit
echo mounted
cat >/dev/null
umount --lazy "$PWD"
"""


def can_be_had():
    return view.can_mount()


@contextmanager
def small_disk(folder, *, size):
    """Nothing but `size` bytes of room in `folder`, until the context or this process ends."""
    with subprocess.Popen(
        ["sh", "-c", _SCRIPT, "sh", str(size)],
        cwd=folder,  # the command names it nowhere, lest it passes for a process that works there
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as keeper:
        assert keeper.stdout.readline() == b"mounted\n"
        try:
            yield
        finally:
            keeper.stdin.close()
            keeper.wait()
