"""Processes that do not outlive the test that started them, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_DEATH_SIGNAL = 1
_libc = ctypes.CDLL(None)


def main(parent, *words):
    """Become the command `words`, to be terminated when the process `parent` ends, even if it is killed."""
    _libc.prctl(_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the parent ended before")
    os.execvp(words[0], words)


def with_this_process(*words):
    """The command `words`, run so that it ends with this process."""
    return [sys.executable, __file__, str(os.getpid()), *map(str, words)]


if __name__ == "__main__":
    main(*sys.argv[1:])
