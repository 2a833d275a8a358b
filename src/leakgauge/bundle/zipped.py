"""Files in a zip, handed out only once the archive as a whole is known to be sound."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from leakgauge.bundle.limits import Budget
from leakgauge.bundle.model import BundledFile
from leakgauge.bundle.names import names_folder, safe_parts, shown_name
from leakgauge.bundle.recognise import recognise
from leakgauge.bundle.zip_layout import damaged, data_starts, unpacked
from leakgauge.errors import BadBundle

_END_RECORD: Final = struct.Struct("<4s4H2LH")
_END_RECORD_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64: Final = struct.Struct("<4sLQL")
_END_SIGNATURE: Final = b"PK\x05\x06"
_LONGEST_COMMENT: Final = 0xFFFF
_FULL: Final = 0xFFFFFFFF
# names, extra fields and comments included: honest entries need about a tenth of it
_DIRECTORY_BYTES_PER_ENTRY: Final = 1_024
_ENCRYPTED_FLAGS: Final = 0x1 | 0x40 | 0x2000
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class ZippedFile:
    """An entry of a zip whose name, kind and declared size have been checked."""

    archive: IO[bytes]
    info: zipfile.ZipInfo
    start: int
    parts: tuple[str, ...]
    budget: Budget
    read: set[int]
    """where the entries of the archive begin that have been read to their ends"""

    def head(self, count: int) -> bytes:
        """The first bytes of the entry; see `Source`."""
        content = b""
        with contextlib.suppress(BadBundle):
            for chunk in unpacked(self.archive, self.info, self.start, ""):
                content += chunk
                if len(content) >= count:
                    break
        return content[:count]

    def settle(self, name: str, into: Path, *, disk_name: str) -> BundledFile:
        """The entry unpacked into `into`, counted and hashed on the way; see `Source`."""
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = into / disk_name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        digest = hashlib.sha256()
        count = 0
        with os.fdopen(descriptor, "wb") as target:
            for chunk in unpacked(self.archive, self.info, self.start, name):
                count += len(chunk)
                self.budget.spend(len(chunk), name)
                self.budget.check_ratio(count, self.info.compress_size, name)
                digest.update(chunk)
                target.write(chunk)
        self.read.add(self.start)
        return BundledFile(name, path, digest.hexdigest())


@contextmanager
def zipped_files(archive: Path, *, label: str, budget: Budget) -> Iterator[list[ZippedFile]]:
    """The files in a zip, once it is clear that the archive as a whole is sound.

    What is not read in the context, folders and files that nobody needs, is looked through at its end.
    """
    what = label or "The upload"
    with archive.open("rb") as handle:
        directory = _check_frame(handle, what, budget)
        try:
            opened = zipfile.ZipFile(handle)
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            ValueError,
            OSError,
            EOFError,
            struct.error,
        ) as error:
            raise damaged("damaged_directory", f"{what} has a damaged table of contents.") from error
        with opened:
            infos = opened.infolist()
            if len(infos) != directory.entries or opened.start_dir != directory.start:
                raise damaged("damaged_directory", f"{what} contradicts itself about its contents.")
            _check_entries(infos, budget)
            starts = data_starts(handle, infos, directory.start)
            read: set[int] = set()
            yield [
                ZippedFile(handle, info, starts[info.header_offset], parts, budget, read)
                for info in infos
                if (parts := safe_parts(info.orig_filename)) and not names_folder(info.orig_filename)
            ]
            for info in infos:
                if (start := starts[info.header_offset]) not in read:
                    _check_unread(handle, info, start)


def _check_unread(handle: IO[bytes], info: zipfile.ZipInfo, start: int) -> None:
    """Refuse an entry behind whose data something hides; whether it is damaged is nobody's concern."""
    try:
        for _ in unpacked(handle, info, start, f"the entry {shown_name(info.orig_filename)}"):
            pass
    except BadBundle as error:
        if error.problem == "hidden_bytes":
            raise


def _piece(problem: str, message: str) -> BadBundle:
    """Half a zip: an upload that broke off, or one that a batch transform cut at every 0x0A byte in it."""
    return BadBundle(
        problem,
        message,
        hint="Check that all of it is sent; in a SageMaker batch transform, set SplitType to None.",
    )


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the central directory starts and how many entries it is said to have."""

    start: int
    entries: int


def _check_frame(handle: IO[bytes], what: str, budget: Budget) -> _Directory:
    """Finds the end record and refuses all but one archive that fills the file from end to end.

    The reader of the standard library accepts bytes before and after an archive, and reads a table of
    contents of any length: both are looked at here, before it gets to see the file.
    """
    size = handle.seek(0, os.SEEK_END)
    handle.seek(0)
    head = handle.read(512)
    if size == 0:
        raise BadBundle("empty_upload", f"{what} is empty.", hint="Send the zip itself as the body.")
    tail_start = max(0, size - _END_RECORD.size - _LONGEST_COMMENT)
    handle.seek(tail_start)
    tail = handle.read()
    position = tail.rfind(_END_SIGNATURE)
    if position < 0 or len(tail) - position < _END_RECORD.size:
        raise not_a_zip(head, what)
    end = tail_start + position
    *small, comment = _END_RECORD.unpack_from(tail, position)[1:]
    if end + _END_RECORD.size + comment != size:
        raise damaged("trailing_bytes", f"{what} goes on after the end of its zip archive.")
    if _ends_elsewhere(tail, position):
        raise _two_ends(what)
    frame_end, (disk, first_disk, here, entries, directory_size, start) = _large_end(handle, end, small, what)
    if disk or first_disk or here != entries or head.startswith(b"PK\x07\x08"):
        raise BadBundle(
            "split_zip", f"{what} is one part of a split zip.", hint="Make one zip that is not split."
        )
    if start + directory_size > frame_end:
        raise _piece("damaged_directory", f"{what} has a table of contents that does not fit into it.")
    if start + directory_size < frame_end or (entries and not head.startswith(b"PK\x03\x04")):
        instead = recognise(head) or "something else, as self-extracting archives do"
        raise BadBundle(
            "leading_bytes",
            f"{what} does not start with its zip archive, but with {instead}.",
            hint="Send a plain zip.",
        )
    budget.check_entries(entries)
    if directory_size > budget.limits.entries * _DIRECTORY_BYTES_PER_ENTRY:
        raise budget.limits.exceeded("entries", f"{what} has an oversized table of contents.")
    return _Directory(start=start, entries=entries)


def _large_end(handle: IO[bytes], end: int, small: list[int], what: str) -> tuple[int, list[int]]:
    """Where the directory has to end, and what the end record for large archives says, if there is one.

    Parameters
    ----------
    end
        where the usual end record lies.
    small
        what that says, which must not contradict the other: some readers look at one of them alone.
    """
    place = end - _LOCATOR_64.size - _END_RECORD_64.size
    if place < 0:
        return end, small
    handle.seek(place)
    record = handle.read(_END_RECORD_64.size)
    locator = handle.read(_LOCATOR_64.size)
    if not locator.startswith(b"PK\x06\x07"):
        return end, small
    (signature, length, _, _, *large) = _END_RECORD_64.unpack(record)
    if signature != b"PK\x06\x06" or length != _END_RECORD_64.size - 12:
        raise damaged("damaged_directory", f"{what} has a damaged table of contents.")
    full = [0xFFFF] * 4 + [_FULL] * 2
    if _LOCATOR_64.unpack(locator)[1:] != (0, place, 1) or not all(
        short in (true, most) for short, true, most in zip(small, large, full, strict=True)
    ):
        raise _two_ends(what)
    return place, large


def _ends_elsewhere(tail: bytes, position: int) -> bool:
    """Whether another end record than the one at `position`, the last, would do as well."""
    place = tail.find(_END_SIGNATURE)
    while 0 <= place < position:
        if len(tail) - place >= _END_RECORD.size:
            comment = _END_RECORD.unpack_from(tail, place)[-1]
            if place + _END_RECORD.size + comment == len(tail):
                return True
        place = tail.find(_END_SIGNATURE, place + 1)
    return False


def _two_ends(what: str) -> BadBundle:
    return BadBundle(
        "two_ends",
        f"{what} has two tables of contents, and which one holds depends on who reads it.",
        hint="Make the zip again with a usual tool, without a comment.",
    )


def _check_entries(infos: Sequence[zipfile.ZipInfo], budget: Budget) -> None:
    """Names, types, encryption, compression and declared sizes, of every entry, used or not."""
    declared = 0
    for info in infos:
        # `filename` has been cut at a NUL byte by the reader; the original has not
        safe_parts(info.orig_filename)
        shown = shown_name(info.orig_filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind == stat.S_IFLNK:
            raise BadBundle(
                "link", f"The entry {shown} is a link.", hint="Zip the file itself (zip without -y)."
            )
        is_folder = names_folder(info.orig_filename)
        if kind not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG):
            raise BadBundle(
                "special_file", f"The entry {shown} is not a plain file.", hint="Zip plain files only."
            )
        if info.flag_bits & _ENCRYPTED_FLAGS:
            raise BadBundle("encrypted", f"The entry {shown} is encrypted.", hint="Zip without a password.")
        if info.compress_type not in _METHODS:
            raise BadBundle(
                "unknown_compression",
                f"The entry {shown} is compressed by an unusual method (number {info.compress_type}).",
                hint="Zip with the usual method, deflate, or without compression.",
            )
        declared += info.file_size
        if declared > budget.limits.unpacked_bytes:
            raise budget.limits.exceeded("unpacked_bytes", f"By {shown} the zip has declared too many bytes.")
        budget.check_ratio(info.file_size, info.compress_size, shown)


def not_a_zip(head: bytes, what: str) -> BadBundle:
    """The error for the file `what`, which starts with `head`."""
    if head.startswith((b"PK\x03\x04", b"PK\x07\x08")):
        return _piece("truncated_zip", f"{what} starts like a zip, but its end is missing.")
    recognised = recognise(head)
    return BadBundle(
        "not_a_zip",
        f"{what} is not a zip" + (f": it looks like {recognised}." if recognised else "."),
        hint="Put the model and its data into one zip and send that, byte for byte, as the body.",
        details={"recognised": recognised},
    )
