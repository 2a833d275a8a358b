"""Whether everybody who reads a zip finds the same in it, by whichever of its two lists of contents.

A zip says twice what is in it: in a header before each entry, and in a directory at the end. Some programs
go by the one, some by the other, and between the entries anything may lie. Here both must say the same, and
every byte must belong to something: an entry, its data descriptor, or zeros that align the next entry.

Source: PKWARE, .ZIP File Format Specification (APPNOTE.TXT) 6.3.10, sections 4.3 to 4.5 and 4.6.9.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final

from leakgauge.bundle.limits import CHUNK
from leakgauge.bundle.names import names_folder, shown_name
from leakgauge.errors import BadBundle

_LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
_FULL: Final = 0xFFFFFFFF
"""Stands for a size or offset that is in the extra field for large files."""
_DESCRIPTOR_FOLLOWS: Final = 0x8
_COMPRESSION_LEVEL: Final = 0x6
_ZIP64: Final = 0x0001
_UNICODE_PATH: Final = 0x7075
_DESCRIPTOR_FORMS: Final = tuple(
    (signature, sizes) for signature in (b"PK\x07\x08", b"") for sizes in ("<L2Q", "<3L")
)
_LONGEST_PADDING: Final = 64 << 10


def damaged(problem: str, message: str) -> BadBundle:
    """The error for a zip that is broken, by accident or not."""
    return BadBundle(problem, message, hint="Make the zip again and check that all of it is sent.")


def _ambiguous(problem: str, message: str) -> BadBundle:
    return BadBundle(problem, message, hint="Make the zip again with a usual tool, from files on disk.")


@dataclass(frozen=True, slots=True)
class _Local:
    """What stands before an entry; `start` is where its data begins."""

    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int
    name: bytes
    extra: dict[int, bytes]
    start: int


def data_starts(handle: IO[bytes], infos: Sequence[zipfile.ZipInfo], directory_start: int) -> dict[int, int]:
    """Where the data of each entry begins, by the place of its header.

    Parameters
    ----------
    infos
        the entries as the directory lists them.
    directory_start
        where the directory begins, and the last entry ends.

    Raises
    ------
    BadBundle
        `contradicting_headers`, `two_names`, `hidden_bytes`, `leading_bytes`, `overlapping_entries`,
        `damaged_entry`.
    """
    ordered = sorted(infos, key=lambda info: info.header_offset)
    starts: dict[int, int] = {}
    for place, info in enumerate(ordered):
        following = ordered[place + 1] if place + 1 < len(ordered) else None
        local = _read(handle, info)
        end = local.start + info.compress_size
        limit = directory_start if following is None else following.header_offset
        if end > directory_start:
            raise damaged("damaged_entry", f"The entry {_shown(info)} runs into the table of contents.")
        if end > limit and following is not None:
            raise _ambiguous(
                "overlapping_entries",
                f"The entries {_shown(info)} and {_shown(following)} share bytes of the zip.",
            )
        _compare(info, local)
        handle.seek(end)
        _check_between(info, handle.read(min(limit - end, _LONGEST_PADDING + 1)))
        starts[info.header_offset] = local.start
    if ordered and ordered[0].header_offset > 0:
        raise BadBundle(
            "leading_bytes", "Something stands before the first entry of the zip.", hint="Send a plain zip."
        )
    return starts


def unpacked(handle: IO[bytes], info: zipfile.ZipInfo, start: int, name: str) -> Iterator[bytes]:
    """The content of an entry, in pieces of at most `CHUNK` bytes.

    Parameters
    ----------
    start
        where its data begins.
    name
        what it is called in errors.

    Raises
    ------
    BadBundle
        `checksum_mismatch`, `size_mismatch`, `damaged_entry`; `hidden_bytes` when the compressed data ends
        before the entry does.
    """
    inflater = None if info.compress_type == zipfile.ZIP_STORED else zlib.decompressobj(-zlib.MAX_WBITS)
    crc = count = 0
    for packed in _packed(handle, start, info.compress_size):
        for piece in (packed,) if inflater is None else _inflated(inflater, packed, name):
            count += len(piece)
            if count > info.file_size:
                raise _other_size(name)
            crc = zlib.crc32(piece, crc)
            yield piece
    if inflater is not None and not inflater.eof:
        raise damaged("damaged_entry", f"{name} is damaged inside the zip.")
    if count != info.file_size:
        raise _other_size(name)
    if crc != info.CRC:
        raise damaged("checksum_mismatch", f"{name} does not have the checksum it should have.")


def _other_size(name: str) -> BadBundle:
    return damaged("size_mismatch", f"{name} unpacks to another size than the zip states.")


def _packed(handle: IO[bytes], start: int, size: int) -> Iterator[bytes]:
    place, end = start, start + size
    while place < end:
        handle.seek(place)  # others read from the same file meanwhile
        piece = handle.read(min(CHUNK, end - place))
        if not piece:
            return
        place += len(piece)
        yield piece


def _inflated(inflater: zlib._Decompress, packed: bytes, name: str) -> Iterator[bytes]:
    if inflater.eof:
        raise _ambiguous("hidden_bytes", f"More bytes lie behind the compressed data of {name}.")
    try:
        while piece := inflater.decompress(packed, CHUNK):
            yield piece
            packed = inflater.unconsumed_tail
    except zlib.error as error:
        raise damaged("damaged_entry", f"{name} is damaged inside the zip.") from error
    if inflater.unused_data:
        raise _ambiguous("hidden_bytes", f"More bytes lie behind the compressed data of {name}.")


def _read(handle: IO[bytes], info: zipfile.ZipInfo) -> _Local:
    handle.seek(info.header_offset)
    header = handle.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise damaged("damaged_entry", f"The entry {_shown(info)} is not where the table of contents says.")
    (_, _, flags, method, _, _, crc, packed, unpacked_size, name_length, extra_length) = _LOCAL_HEADER.unpack(
        header
    )
    name, extra = handle.read(name_length), handle.read(extra_length)
    return _Local(
        flags=flags,
        method=method,
        crc=crc,
        packed=packed,
        unpacked=unpacked_size,
        name=name,
        extra=_extra_fields(extra, info),
        start=info.header_offset + len(header) + name_length + extra_length,
    )


def _extra_fields(extra: bytes, info: zipfile.ZipInfo) -> dict[int, bytes]:
    """The extra fields by their numbers; zeros at the end align what follows."""
    found: dict[int, bytes] = {}
    while extra.strip(b"\0"):
        number, length = struct.unpack_from("<2H", extra.ljust(4, b"\0"))
        if len(extra) < 4 + length:
            raise damaged("damaged_entry", f"The entry {_shown(info)} has a damaged extra field.")
        if number in found and number in (_ZIP64, _UNICODE_PATH):
            raise _contradicting(info, "sizes or names")
        found[number] = extra[4 : 4 + length]
        extra = extra[4 + length :]
    return found


def _compare(info: zipfile.ZipInfo, local: _Local) -> None:
    """Refuse an entry whose two headers do not say the same."""
    central_extra = _extra_fields(info.extra, info)
    if info.volume:
        raise BadBundle(
            "split_zip",
            f"The entry {_shown(info)} lies in another part of a split zip.",
            hint="Make one zip that is not split.",
        )
    name = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
    for what, same in (
        ("name", local.name == name),
        ("flags", (local.flags ^ info.flag_bits) & ~_COMPRESSION_LEVEL == 0),
        ("method", local.method == info.compress_type),
        ("checksum", _agrees(local.crc, info.CRC, local)),
        ("sizes", _sizes_agree(info, local, central_extra)),
        ("size and type", info.file_size == 0 or not names_folder(info.orig_filename)),
    ):
        if not same:
            raise _contradicting(info, what)
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise _other_size(_shown(info))
    for extra in (local.extra, central_extra):
        if not _one_name(extra.get(_UNICODE_PATH), name, info.orig_filename):
            raise BadBundle(
                "two_names",
                f"The entry {_shown(info)} has a second name, which is different.",
                hint="Zip with names in UTF-8, or in plain letters and digits.",
            )


def _agrees(value: int, true: int, local: _Local) -> bool:
    """Whether a header states a value, or leaves it to the descriptor after the data."""
    return value == true or (value == 0 and bool(local.flags & _DESCRIPTOR_FOLLOWS))


def _sizes_agree(info: zipfile.ZipInfo, local: _Local, central_extra: dict[int, bytes]) -> bool:
    large = local.extra.get(_ZIP64)
    stated = (local.unpacked, local.packed)
    if large is not None:
        if len(large) < 16:
            return False
        values = struct.unpack_from("<2Q", large)
        if not all(
            value == short or short == _FULL or value == 0
            for value, short in zip(values, stated, strict=True)
        ):
            return False
        stated = (
            values[0] if local.unpacked == _FULL else local.unpacked,
            values[1] if local.packed == _FULL else local.packed,
        )
    true = (info.file_size, info.compress_size)
    if not all(_agrees(value, actual, local) for value, actual in zip(stated, true, strict=True)):
        return False
    return _central_values_agree(info, central_extra.get(_ZIP64, b""))


def _central_values_agree(info: zipfile.ZipInfo, large: bytes) -> bool:
    """Whether a directory's field for large files lists only true values, of those it may, in their order."""
    allowed = iter((info.file_size, info.compress_size, info.header_offset))
    values = struct.unpack(f"<{len(large) // 8}Q", large[: len(large) // 8 * 8])
    return all(value in allowed for value in values) and not large[len(values) * 8 :].strip(b"\0")


def _one_name(path: bytes | None, name: bytes, shown: str) -> bool:
    """Whether a field with the name in Unicode is left out of account by everybody, or says the same."""
    if path is None or len(path) < 5 or path[0] != 1:
        return path is None
    (crc,) = struct.unpack_from("<L", path, 1)
    return crc == zlib.crc32(name) and path[5:] == shown.encode()


def _check_between(info: zipfile.ZipInfo, between: bytes) -> None:
    """Refuse what lies between an entry and the next but is neither its descriptor nor zeros."""
    if info.flag_bits & _DESCRIPTOR_FOLLOWS:
        true = (info.CRC, info.compress_size, info.file_size)
        forms = [
            signature + struct.pack(form, *true)
            for signature, form in _DESCRIPTOR_FORMS
            if "Q" in form or max(true[1:]) <= _FULL
        ]
        found = [form for form in forms if between.startswith(form)]
        if not found and (between.strip(b"\0") or info.compress_size):
            raise _contradicting(info, "checksum or sizes")
        between = between[len(found[0]) :] if found else between
    if len(between) > _LONGEST_PADDING or between.strip(b"\0"):
        raise _ambiguous(
            "hidden_bytes", f"Behind the entry {_shown(info)} the zip holds bytes that belong to no entry."
        )


def _contradicting(info: zipfile.ZipInfo, what: str) -> BadBundle:
    return _ambiguous(
        "contradicting_headers",
        f"The zip contradicts itself about the {what} of the entry {_shown(info)}.",
    )


def _shown(info: zipfile.ZipInfo) -> str:
    return shown_name(info.orig_filename)
