"""The report folder: written as a whole, and packed as a zip whose bytes depend on nothing else."""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from pathlib import Path
from typing import BinaryIO

from leakgauge.errors import AuditFailed
from leakgauge.report.csv_table import attributes_to_csv, to_csv
from leakgauge.report.files import JSON_NAME
from leakgauge.report.html import render
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import Audited, MembershipReport

__all__ = [
    "ATTRIBUTES_NAME",
    "CSV_NAME",
    "HTML_NAME",
    "JSON_NAME",
    "folder_zip",
    "from_json",
    "to_csv",
    "to_json",
    "write",
    "zip_folder",
]

HTML_NAME = "report.html"
CSV_NAME = "output.csv"
ATTRIBUTES_NAME = "attributes.csv"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can hold
_MODE = (stat.S_IFREG | 0o644) << 16
_CHUNK = 1 << 20


def write(audited: Audited, folder: Path) -> None:
    """Write `report.json`, `report.html`, `output.csv` and the further files into `folder`.

    Beside them `attributes.csv`, where the report holds sensitive columns.

    The folder is made where it is missing. Everything is rendered before the
    first byte is written, so that a report that cannot be written leaves nothing.

    Raises
    ------
    ValueError
        for a further file whose name is no plain file name or one of ours, or a figure that is not finite.
    """
    contents = {
        JSON_NAME: to_json(audited.report),
        HTML_NAME: render(audited).encode(),
        CSV_NAME: to_csv(audited.report),
    }
    attributes = audited.report.attributes if isinstance(audited.report, MembershipReport) else None
    if attributes is not None and attributes.columns:
        contents[ATTRIBUTES_NAME] = attributes_to_csv(attributes)
    for name, content in audited.files.items():
        if not _PLAIN_NAME.fullmatch(name) or name in contents:
            raise ValueError(f"{name!r} is no name for a further file of a report")
        contents[name] = content
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def folder_zip(folder: Path) -> bytes:
    """The report folder as a zip; the same files give the same bytes. Errors as `zip_folder`."""
    packed = io.BytesIO()
    zip_folder(folder, packed)
    return packed.getvalue()


def zip_folder(folder: Path, into: BinaryIO) -> None:
    """Pack the files of `folder` into the open file `into`, sorted by name, without their times and modes.

    Whoever wrote the folder may have been taken over by the model it opened:
    links, pipes and subfolders are refused rather than followed.

    Raises
    ------
    AuditFailed
        `report_folder` for an entry that is no plain file.
    """
    with zipfile.ZipFile(into, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(entry.name for entry in os.scandir(folder)):
            entry = zipfile.ZipInfo(name, date_time=_EARLIEST)
            entry.create_system = 3  # unix, so that the mode bits mean the same everywhere
            entry.external_attr = _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            with _plain_file(folder, name) as content, archive.open(entry, "w") as packed:
                while chunk := content.read(_CHUNK):
                    packed.write(chunk)


def _plain_file(folder: Path, name: str) -> BinaryIO:
    refused = AuditFailed(
        "report_folder",
        "The report folder holds something that is no plain file.",
        hint="Run the audit again.",
    )
    if not _PLAIN_NAME.fullmatch(name):
        raise refused
    try:
        # O_NONBLOCK: opening a pipe must not wait for a writer
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as reason:
        raise refused from reason
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise refused
    return os.fdopen(descriptor, "rb")
