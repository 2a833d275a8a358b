"""Run a program as root in a view of the file system of its own: `view.py [PATH...] -- COMMAND...`.

A checkout and its Python often lie where their owner alone may enter: in /root, in somebody's home.
In the view the way to both is open to every user, and nothing else of those folders is there. The
folders that everybody may write to are new and empty, so that what a child leaves in them is seen by
nobody else and is gone with the last process of the view, however that ends. It is a mount namespace:
for everybody outside of it nothing changes. PATHs are shown as well, where they lie.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EVERYBODYS = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))

_NEW_NAMESPACE = 0x0002_0000
_BIND, _WITH_ALL_BELOW, _PRIVATE = 0x1000, 0x4000, 1 << 18
_MOUNTS = 1 << 21
"""The capability SYS_ADMIN, which it takes to mount."""


def can_mount():
    status = Path("/proc/self/status").read_text()
    held = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff"))
    return bool(held & _MOUNTS)


def can_be_had():
    """Whether this process may make a view, in which another user can read this checkout and Python."""
    read = (Path(__file__), Path(os.__file__), ROOT / "src" / "leakgauge" / "__init__.py")
    return can_mount() and all(_permits(path, stat.S_IROTH) for path in read)


def needed():
    """What a program of this checkout reads, as it is named and as it lies."""
    named = {
        ROOT,
        Path(sys.prefix),
        Path(sys.base_prefix),
        *(Path(each).absolute() for each in sys.path if each),
    }
    return {path for each in named if each.is_dir() for path in (each, each.resolve())}


def show(paths):
    """Turn the calling process to the view, with `paths` besides what is needed."""
    shown, closed = set(), set()
    for path in _outermost(needed()):
        # a folder that is closed itself is shown entry by entry, in an open one
        if _permits(path, stat.S_IROTH | stat.S_IXOTH):
            shown.add(path)
        else:
            closed.add(path)
            shown.update(entry for entry in path.iterdir() if entry.exists())
    shown = _outermost(shown | {*paths})
    closed.update(folder for path in shown for folder in path.parents if not _permits(folder, stat.S_IXOTH))
    everybodys = {folder for folder in EVERYBODYS if folder.is_dir()}
    covered = _outermost(closed | everybodys)
    os.umask(0o022)
    _check(_libc.unshare(_NEW_NAMESPACE), "unshare")
    _mount(b"none", Path("/"), None, _WITH_ALL_BELOW | _PRIVATE)
    # held by descriptors: what is covered is no longer found by its name
    held = [(path, path.is_dir(), os.open(path, os.O_PATH)) for path in shown if covered & {*path.parents}]
    for folder in covered:
        _mount(b"none", folder, b"tmpfs", data=b"mode=1777" if folder in everybodys else b"mode=755")
    for path, is_folder, descriptor in held:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if is_folder else path.touch()
        _mount(f"/proc/self/fd/{descriptor}".encode(), path, None, _BIND | _WITH_ALL_BELOW)
        os.close(descriptor)


def _outermost(paths):
    return {path for path in paths if not paths & {*path.parents}}


def _permits(folder, mode):
    return folder.stat().st_mode & mode == mode


_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source, target, kind, flags=0, data=None):
    _check(_libc.mount(source, bytes(target), kind, ctypes.c_ulong(flags), data), f"mount on {target}")


def _check(code, what):
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def main(*words):
    end = words.index("--")
    show([Path(word) for word in words[:end]])
    os.execvp(words[end + 1], words[end + 1 :])


if __name__ == "__main__":
    main(*sys.argv[1:])
