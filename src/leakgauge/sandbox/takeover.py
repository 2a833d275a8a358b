"""From the child's folder to the caller's: checked, copied, and put in place in one step.

The child may have been taken over by the model that it opened, so its folder is read as a
stranger's: plain names, regular files, no links, within caps. The files are copied, never moved;
nothing that the child made reaches the caller but bytes.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import shutil
import stat
from pathlib import Path

from leakgauge.errors import AuditFailed, BadParameters
from leakgauge.sandbox.workspace import disk_exceeded, disk_is_full

_MAX_FILES = 4_096
_MAX_BYTES = 256 << 20
_CHUNK = 1 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_MARK = "report.json"


def check_destination(output: Path) -> None:
    """See that a report may be put at `output`: new, empty, or an earlier report.

    Raises
    ------
    BadParameters
        `output_folder` when something else stands there.
    """
    if not output.exists() and not output.is_symlink():
        return
    if not output.is_dir():
        raise _refusal("The output exists and is not a folder.")
    entries = _entries(output)
    if not entries:
        return
    if not any(entry.name == _MARK for entry in entries) or not all(
        entry.is_file(follow_symlinks=False) for entry in entries
    ):
        raise _refusal("The output folder holds something other than an earlier report.")


def take_over(report: Path, output: Path) -> None:
    """Copy the finished files of `report` to the folder `output`, replacing an earlier report.

    Raises
    ------
    AuditFailed
        `untrusted_output` when the folder is not what a child should leave.
    BadParameters
        `output_folder` when `output` cannot be written.
    LimitExceeded
        `disk` when there is no room for it.
    """
    names = _checked_names(report)
    output = output.resolve()
    staging = output.with_name(f".{output.name}.{secrets.token_hex(6)}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.is_mount():
            _fill(report, names, output)
            return
        staging.mkdir()
        try:
            _copy(report, names, staging)
            _put_in_place(staging, output)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        if disk_is_full(error):
            raise disk_exceeded() from None
        raise _refusal(f"The output folder cannot be written ({os.strerror(error.errno or 0)}).") from None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(itertools.islice(entries, _MAX_FILES + 1))


def _checked_names(report: Path) -> list[str]:
    names = []
    total = 0
    for entry in _entries(report):
        found = entry.stat(follow_symlinks=False)
        if not _PLAIN_NAME.fullmatch(entry.name) or not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise _untrusted("an entry that is not a plain file")
        names.append(entry.name)
        total += found.st_size
        if len(names) > _MAX_FILES or total > _MAX_BYTES:
            raise _untrusted("more than a report can be")
    if not names:
        raise _untrusted("nothing")
    return sorted(names)


def _copy(report: Path, names: list[str], folder: Path) -> None:
    for name in names:
        source = os.open(report / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(source, "rb") as reading, (folder / name).open("xb") as writing:
            shutil.copyfileobj(reading, writing, _CHUNK)


def _put_in_place(staging: Path, output: Path) -> None:
    earlier = staging.with_name(staging.name + ".old")
    try:
        # One step where there is nothing, or an empty folder.
        staging.rename(output)
    except OSError:
        check_destination(output)
        output.rename(earlier)
        try:
            staging.rename(output)
        except OSError:
            earlier.rename(output)
            raise
        shutil.rmtree(earlier)


def _fill(report: Path, names: list[str], output: Path) -> None:
    """For a mounted folder, which cannot be renamed: exchange its files one by one."""
    check_destination(output)
    staging = output / f".{secrets.token_hex(6)}"
    staging.mkdir()
    try:
        _copy(report, names, staging)
        for name in names:
            (staging / name).replace(output / name)
        for entry in _entries(output):
            if entry.name not in names and entry.is_file(follow_symlinks=False):
                Path(entry.path).unlink()
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _refusal(message: str) -> BadParameters:
    return BadParameters(
        "output_folder",
        message,
        hint="Name a new folder, an empty one, or one that holds an earlier report and nothing else.",
    )


def _untrusted(found: str) -> AuditFailed:
    return AuditFailed(
        "untrusted_output",
        f"The process that ran the audit left {found} where the report should be.",
        hint="Nothing of it was kept. Treat the model file as hostile.",
    )
