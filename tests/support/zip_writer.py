"""Zips whose headers may say what they like; the writer of the standard library knows only true ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

DEFLATED, STORED = 8, 0
DESCRIPTOR = 0x8
ZIP64, UNICODE_PATH = 0x0001, 0x7075


def extra(number: int, content: bytes) -> bytes:
    """An extra field."""
    return struct.pack("<2H", number, len(content)) + content


def unicode_path(name: bytes, other: bytes) -> bytes:
    """The extra field that calls the entry `name` by an `other` name too."""
    return extra(UNICODE_PATH, struct.pack("<BL", 1, zlib.crc32(name)) + other)


def deflated(content: bytes) -> bytes:
    """The raw deflate stream that an entry holds."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@dataclass(kw_only=True)
class Entry:
    """An entry; `local` and `central` replace what its headers say, by name.

    Names are flags, method, crc, packed, unpacked, name, extra, and for the central header offset,
    disk and attributes.
    """

    name: bytes
    content: bytes = b""
    method: int = DEFLATED
    flags: int = 0
    extra: bytes = b""
    packed: bytes | None = None
    """the data itself, by default `content` packed as `method` says"""
    behind: bytes = b""
    """what follows the data"""
    local: dict[str, int | bytes] = field(default_factory=dict)
    central: dict[str, int | bytes] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        """What lies in the zip."""
        if self.packed is not None:
            return self.packed
        return deflated(self.content) if self.method == DEFLATED else self.content

    def says(self, changes: dict[str, int | bytes]) -> dict:
        """What a header says."""
        true = {
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.content),
            "packed": len(self.data),
            "unpacked": len(self.content),
            "name": self.name,
            "extra": self.extra,
            "disk": 0,
            "attributes": 0,
        }
        return true | changes

    def descriptor(self, form: str = "<3L", *, signature: bytes = b"PK\x07\x08") -> bytes:
        """The true data descriptor, in one of its forms."""
        return signature + struct.pack(form, zlib.crc32(self.content), len(self.data), len(self.content))


def streamed(entry: Entry, form: str = "<3L", *, signature: bytes = b"PK\x07\x08") -> Entry:
    """The entry as a writer makes it that cannot go back: sizes only behind the data."""
    entry.flags |= DESCRIPTOR
    entry.local = {"crc": 0, "packed": 0, "unpacked": 0} | entry.local
    entry.behind = entry.descriptor(form, signature=signature) + entry.behind
    return entry


def written(entries: Sequence[Entry], *, comment: bytes = b"", before_directory: bytes = b"") -> bytes:
    """The zip."""
    data, directory = bytearray(), bytearray()
    for entry in entries:
        says = entry.says({"offset": len(data)} | entry.central)
        directory += struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\x01\x02", 20, 20, says["flags"], says["method"], 0, 33, says["crc"]),
            *(says["packed"], says["unpacked"], len(says["name"]), len(says["extra"]), 0),
            *(says["disk"], 0, says["attributes"], says["offset"]),
        )
        directory += says["name"] + says["extra"]
        says = entry.says(entry.local)
        data += struct.pack(
            "<4s5H3L2H",
            *(b"PK\x03\x04", 20, says["flags"], says["method"], 0, 33, says["crc"]),
            *(says["packed"], says["unpacked"], len(says["name"]), len(says["extra"])),
        )
        data += says["name"] + says["extra"] + entry.data + entry.behind
    data += before_directory
    count = len(entries)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(data), len(comment))
    return bytes(data + directory) + end + comment


def with_zip64_end(data: bytes, *, count: int | None = None, offset: int | None = None) -> bytes:
    """The zip with an end record for large archives before its own, which may say something else."""
    end = data.rindex(b"PK\x05\x06")
    _, _, _, _, entries, size, start, _ = struct.unpack_from("<4s4H2LH", data, end)
    entries = entries if count is None else count
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end if offset is None else offset, 1)
    return data[:end] + record + locator + data[end:]
