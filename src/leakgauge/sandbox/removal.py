"""Removing a folder that a hostile process has filled."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all that lies in it; what cannot be removed is left, silently.

    Other than `shutil.rmtree` it is stopped neither by folders that forbid their owner to enter, nor
    by folders in folders in folders, deeper than a path, a stack or a table of descriptors can be: it
    walks through them with one descriptor. Nobody else may be at work in the folder.
    """
    with contextlib.suppress(OSError):
        if folder.is_symlink():
            return
        folder.chmod(0o700)
        _empty(os.open(folder, _FOLDER))
        folder.rmdir()


def _empty(place: int) -> None:
    """Remove what lies in the folder that the descriptor `place` stands for, and close it."""
    above: list[str] = []
    waiting = [_without_files(place)]
    while True:
        if waiting[-1]:
            name = waiting[-1].pop()
            with contextlib.suppress(OSError):
                place = _moved(place, name)
                above.append(name)
                waiting.append(_without_files(place))
        elif above:
            place = _moved(place, "..")
            waiting.pop()
            with contextlib.suppress(OSError):
                os.rmdir(above.pop(), dir_fd=place)
        else:
            os.close(place)
            return


def _moved(place: int, name: str) -> int:
    if name != "..":
        os.chmod(name, 0o700, dir_fd=place)
    new = os.open(name, _FOLDER, dir_fd=place)
    os.close(place)
    return new


def _without_files(place: int) -> list[str]:
    """Remove everything in the folder but its folders, whose names are returned."""
    folders = []
    with os.scandir(place) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if is_folder:
            folders.append(name)
        else:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=place)
    return folders
