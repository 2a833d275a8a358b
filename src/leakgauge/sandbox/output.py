"""From the child's folder to the caller's: checked, copied, and put in place in one step.

The child may have been taken over by the model that it opened, so its folder is read as a
stranger's: plain names, regular files, no links, within caps. The files are copied, never moved;
nothing that the child made reaches the caller but bytes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from leakgauge.errors import AuditFailed, BadParameters, JsonValue
from leakgauge.sandbox.workspace import disk_exceeded, disk_is_full
from leakgauge.strict_json import parse

_MAX_FILES = 4_096
_MAX_BYTES = 256 << 20
_MAX_DOCUMENT_BYTES = 64 << 20
_CHUNK = 1 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_MARK = "report.json"
_REPORT_ENDINGS = (".json", ".html", ".csv", ".png", ".pdf")
_TRIAL_BYTES = 4 << 20


def check_destination(output: Path, *, source: Path | None = None) -> None:
    """See that a report may be put at `output`: it is new, empty, or holds an earlier report.

    Parameters
    ----------
    source
        the bundle, which `output` may neither be nor hold: it would go with the earlier report.

    Raises
    ------
    BadParameters
        `output_folder` when something else stands there.
    """
    with _explained():
        if source is not None and output.resolve() in (source.resolve(), *source.resolve().parents):
            raise _refusal("The output folder is the bundle's own folder, or holds it.")
        if not output.exists() and not output.is_symlink():
            return
        if not output.is_dir():
            raise _refusal("The output exists and is not a folder.")
        entries = _entries(output)
    if not entries:
        return
    if not any(entry.name == _MARK for entry in entries) or not all(
        entry.is_file(follow_symlinks=False) and entry.name.endswith(_REPORT_ENDINGS) for entry in entries
    ):
        raise _refusal("The output folder holds something other than an earlier report.")


def check_writable(folder: Path) -> None:
    """See that `folder` can be made, or exchanged for a new one, by making one in the same place.

    Modes, read-only and full disks, quotas and files in the place of folders all show so. A file of the
    size of a report is written and removed again, with every folder that was made for it.

    Raises
    ------
    BadParameters
        `output_folder` when they cannot.
    """
    made: list[Path] = []
    with _explained():
        folder = folder.resolve()
        made += [parent for parent in folder.parents if not parent.exists()]
        try:
            with _staging(folder) as staging, (staging / "trial").open("wb") as trial:
                trial.write(bytes(_TRIAL_BYTES))
                trial.flush()
                os.fsync(trial.fileno())  # some file systems find only now that they are full
        finally:
            for parent in made:
                with contextlib.suppress(OSError):
                    parent.rmdir()


def collect_output(report: Path, output: Path, *, keep: bool = False) -> None:
    """Copy the finished files of `report` to the folder `output`, replacing an earlier report.

    Parameters
    ----------
    keep
        where that fails, keep the report in a new folder of this user's alone, which the error names.

    Raises
    ------
    AuditFailed
        `untrusted_output` when the folder is not what a child should leave.
    BadParameters
        `output_folder` when `output` cannot be written; `details["kept"]` is where the report is.
    LimitExceeded
        `disk` when there is no room for it, and nothing is to be kept.
    """
    names = _checked_names(report)
    try:
        with _explained():
            _place(report, names, output.resolve())
    except BadParameters as refusal:
        if keep:
            raise _with_place(refusal, _kept(report, names)) from None
        if isinstance(refusal.__cause__, OSError) and disk_is_full(refusal.__cause__):
            raise disk_exceeded() from None
        raise


def read_document(path: Path) -> dict[str, JsonValue]:
    """A JSON object among the files that a child has left.

    Raises
    ------
    AuditFailed
        `untrusted_output` for anything else, and for numbers that are none.
    """
    with path.open("rb") as file:
        content = file.read(_MAX_DOCUMENT_BYTES + 1)
    try:
        document = parse(content) if len(content) <= _MAX_DOCUMENT_BYTES else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise no_document()
    return document


def no_document() -> AuditFailed:
    """The error for a file in which a child left something other than it should."""
    return AuditFailed(
        "untrusted_output",
        "The process that ran the audit left a file of another form than it should.",
        hint="Believe nothing of what it left. Treat the model file as hostile.",
    )


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """What goes wrong in somebody's folder, as an error about that folder."""
    try:
        yield
    except OSError as error:
        raise BadParameters(
            "output_folder",
            f"The output folder cannot be written ({os.strerror(error.errno or 0)}).",
            hint="Name a folder that you may write to, on a disk with room.",
        ) from error
    except RuntimeError as error:
        raise _refusal("The output folder is a link that leads in a circle.") from error


def _place(report: Path, names: list[str], output: Path) -> None:
    with _staging(output) as staging:
        _copy(report, names, staging)
        if staging.parent == output:
            _fill(staging, names, output)
        else:
            _put_in_place(staging, output)


@contextlib.contextmanager
def _staging(output: Path) -> Iterator[Path]:
    """A new folder to be put at `output`, gone at the end: beside it, or in it where it cannot be renamed."""
    name = f".{output.name}.{secrets.token_hex(6)}"
    fixed = output.is_mount() or (output.is_dir() and not os.access(output.parent, os.W_OK))
    staging = output / name if fixed else output.with_name(name)
    staging.parent.mkdir(parents=True, exist_ok=True)
    staging.mkdir()
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _kept(report: Path, names: list[str]) -> Path | None:
    """A new folder with the report, which nobody but this user can enter; None where none can be made."""
    for place in _places_to_keep():
        try:
            folder = Path(tempfile.mkdtemp(prefix="leakgauge-report-", dir=place))
        except OSError:
            continue
        try:
            _copy(report, names, folder)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        return folder
    return None


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


def _places_to_keep() -> list[str]:
    places = [tempfile.gettempdir(), "/var/tmp"]  # noqa: S108 - for a folder of mode 700 under a new name
    with contextlib.suppress(RuntimeError):  # a user without a home
        places.append(str(Path.home()))
    return places


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


def _fill(staging: Path, names: list[str], output: Path) -> None:
    """For a folder that cannot be renamed: exchange its files one by one."""
    others = [entry for entry in _entries(output) if entry.name != staging.name]
    for name in names:
        (staging / name).replace(output / name)
    for entry in others:
        if entry.name not in names and entry.is_file(follow_symlinks=False):
            Path(entry.path).unlink()


def _refusal(message: str) -> BadParameters:
    return BadParameters(
        "output_folder",
        message,
        hint="Name a new folder, an empty one, or one that holds an earlier report and nothing else.",
    )


def _with_place(refusal: BadParameters, kept: Path | None) -> BadParameters:
    if kept is None:
        return BadParameters(
            refusal.problem,
            f"{refusal.message} The audit had ended, but its report could be kept nowhere.",
            hint=refusal.hint,
        )
    return BadParameters(
        refusal.problem,
        refusal.message,
        hint=f"The audit had ended: its report is kept in {kept}, where only you can read it. Move it from "
        "there.",
        details={"kept": str(kept)},
    )


def _untrusted(found: str) -> AuditFailed:
    return AuditFailed(
        "untrusted_output",
        f"The process that ran the audit left {found} where the report should be.",
        hint="Nothing of it was kept. Treat the model file as hostile.",
    )
