"""Files in a zip, handed out only once the archive as a whole is known to be sound."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from leakgauge.bundle.limits import CHUNK, Budget
from leakgauge.bundle.model import BundledFile
from leakgauge.bundle.names import names_folder, safe_parts, shown_name
from leakgauge.bundle.recognise import recognise
from leakgauge.errors import BadBundle

_END_RECORD: Final = struct.Struct("<4s4H2LH")
_END_RECORD_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64: Final = struct.Struct("<4sLQL")
_LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT: Final = 0xFFFF
# names, extra fields and comments included: honest entries need about a tenth of it
_DIRECTORY_BYTES_PER_ENTRY: Final = 1_024
_ENCRYPTED_FLAGS: Final = 0x1 | 0x40 | 0x2000
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class ZippedFile:
    """An entry of a zip whose name, kind and declared size have been checked."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    parts: tuple[str, ...]
    budget: Budget

    def head(self, count: int) -> bytes:
        """The first bytes of the entry; see `Source`."""
        with contextlib.suppress(BadBundle), _explained(""), self.archive.open(self.info) as content:
            return content.read(count)
        return b""

    def settle(self, name: str, into: Path, *, disk_name: str) -> BundledFile:
        """The entry unpacked into `into`, counted and hashed on the way; see `Source`."""
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = into / disk_name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        digest = hashlib.sha256()
        count = 0
        with os.fdopen(descriptor, "wb") as target, _explained(name), self.archive.open(self.info) as content:
            while chunk := content.read(CHUNK):
                count += len(chunk)
                self.budget.spend(len(chunk), name)
                self.budget.check_ratio(count, self.info.compress_size, name)
                digest.update(chunk)
                target.write(chunk)
        if count != self.info.file_size:
            raise _damaged("size_mismatch", f"{name} unpacks to another size than the zip states.")
        return BundledFile(name, path, digest.hexdigest())


@contextmanager
def zipped_files(archive: Path, *, label: str, budget: Budget) -> Iterator[list[ZippedFile]]:
    """The files in a zip, once it is clear that the archive as a whole is sound."""
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
            raise _damaged("damaged_directory", f"{what} has a damaged table of contents.") from error
        with opened:
            infos = opened.infolist()
            if len(infos) != directory.entries or opened.start_dir != directory.start:
                raise _damaged("damaged_directory", f"{what} contradicts itself about its contents.")
            files = _check_entries(opened, infos, budget)
            _check_extents(handle, infos, directory)
            yield files


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turns what the zip reader raises on broken bytes into errors that name the entry."""
    try:
        yield
    except zipfile.BadZipFile as error:
        if "CRC" in str(error):
            raise _damaged(
                "checksum_mismatch", f"{name} does not have the checksum it should have."
            ) from error
        raise _damaged("damaged_entry", f"{name} is damaged inside the zip.") from error
    except (zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        raise _damaged("damaged_entry", f"{name} is damaged inside the zip.") from error


def _damaged(problem: str, message: str) -> BadBundle:
    return BadBundle(problem, message, hint="Make the zip again and check that all of it is sent.")


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
    position = tail.rfind(b"PK\x05\x06")
    if position < 0 or len(tail) - position < _END_RECORD.size:
        raise not_a_zip(head, what)
    end = tail_start + position
    (_, disk, first_disk, here, entries, directory_size, start, comment) = _END_RECORD.unpack_from(
        tail, position
    )
    if end + _END_RECORD.size + comment != size:
        raise _damaged("trailing_bytes", f"{what} goes on after the end of its zip archive.")
    frame_end = end
    if end >= _LOCATOR_64.size + _END_RECORD_64.size:
        handle.seek(end - _LOCATOR_64.size - _END_RECORD_64.size)
        record = _END_RECORD_64.unpack(handle.read(_END_RECORD_64.size))
        locator = _LOCATOR_64.unpack(handle.read(_LOCATOR_64.size))
        if locator[0] == b"PK\x06\x07":
            if record[0] != b"PK\x06\x06":
                raise _damaged("damaged_directory", f"{what} has a damaged table of contents.")
            (_, _, _, _, disk, first_disk, here, entries, directory_size, start) = record
            frame_end = end - _LOCATOR_64.size - _END_RECORD_64.size
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


def _check_entries(
    archive: zipfile.ZipFile, infos: Sequence[zipfile.ZipInfo], budget: Budget
) -> list[ZippedFile]:
    """Names, types, encryption, compression and declared sizes, of every entry, used or not."""
    files: list[ZippedFile] = []
    declared = 0
    for info in infos:
        # `filename` has been cut at a NUL byte by the reader; the original has not
        parts = safe_parts(info.orig_filename)
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
        if is_folder or not parts:
            continue
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
        files.append(ZippedFile(archive, info, parts, budget))
    return files


def _check_extents(handle: IO[bytes], infos: Sequence[zipfile.ZipInfo], directory: _Directory) -> None:
    """No two entries may share bytes: a few kilobytes that count many times make any size."""
    taken_until, taken_by = 0, ""
    for info in sorted(infos, key=lambda info: info.header_offset):
        shown = shown_name(info.orig_filename)
        if info.header_offset < taken_until:
            raise BadBundle(
                "overlapping_entries",
                f"The entries {taken_by} and {shown} share bytes of the zip.",
                hint="Make the zip again with a usual tool.",
            )
        handle.seek(info.header_offset)
        header = handle.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
            raise _damaged("damaged_entry", f"The entry {shown} is not where the table of contents says.")
        *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        taken_until = info.header_offset + len(header) + name_length + extra_length + info.compress_size
        taken_by = shown
        if taken_until > directory.start:
            raise _damaged("damaged_entry", f"The entry {shown} runs into the table of contents.")
    if infos and min(info.header_offset for info in infos) > 0:
        raise BadBundle(
            "leading_bytes", "Something stands before the first entry of the zip.", hint="Send a plain zip."
        )


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
