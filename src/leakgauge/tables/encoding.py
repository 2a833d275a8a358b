"""The bytes of a table, in whatever compression and encoding, as UTF-8."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Final

from leakgauge.bundle import Limits
from leakgauge.errors import BadBundle

GZIP: Final = b"\x1f\x8b"
_OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "a zip or a spreadsheet"),
    (b"\xd0\xcf\x11\xe0", "an Excel file"),
    (b"\x1f\x8b", "a gzip file in another"),
    (b"PAR1", "a parquet file in a gzip file"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ARROW1", "an Arrow file"),
    (b"ORC", "an ORC file"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
)
_BYTE_ORDER_MARKS: Final = (
    # UTF-32 first: its mark begins with that of UTF-16
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_PIECE = 1 << 20


def read_utf8(path: Path, name: str, limits: Limits) -> bytes:
    """What `path` holds, unpacked where it is gzipped, as UTF-8 without byte order mark.

    Raises
    ------
    BadBundle
        `damaged_gzip`, `not_a_table`, `encoding`, `nul_byte`.
    LimitExceeded
        `unpacked_bytes`.
    """
    with path.open("rb") as handle:
        zipped = handle.read(len(GZIP)) == GZIP
    return _utf8(_gunzipped(path, name, limits) if zipped else path.read_bytes(), name)


def _gunzipped(path: Path, name: str, limits: Limits) -> bytes:
    try:
        with gzip.open(path) as stream:
            # piece by piece: room for all that is asked for at once would be taken at once
            data, most = bytearray(), limits.unpacked_bytes
            while len(data) <= most and (piece := stream.read(_PIECE)):
                data += piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadBundle(
            "damaged_gzip",
            f"{name} is a gzip file that is damaged or cut short.",
            hint="Compress the table again.",
        ) from error
    if len(data) > limits.unpacked_bytes:
        raise limits.exceeded("unpacked_bytes", f"{name} unpacks to too many bytes.")
    return bytes(data)


def _utf8(data: bytes, name: str) -> bytes:
    """`data` as UTF-8 without byte order mark, its lines not ended by carriage returns alone."""
    for magic, what in _OTHER_FORMATS:
        if data.startswith(magic):
            raise BadBundle(
                "not_a_table", f"{name} is not a table but {what}.", hint="Export it as CSV or parquet."
            )
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                data = data.decode(encoding).encode()
            except UnicodeError as error:
                raise _bad_encoding(name, f"is marked as {encoding.upper()} but is not") from error
            break
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _bad_encoding(name, f"is not UTF-8: line {line} holds other bytes") from error
    nul = data.find(b"\0")
    if nul >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise BadBundle(
            "nul_byte",
            f"{name} holds a NUL byte in line {line}: it is not text, or is UTF-16 without its mark.",
            hint="Save the table as CSV in UTF-8.",
            details={"file": name, "line": line},
        )
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def _bad_encoding(name: str, what: str) -> BadBundle:
    return BadBundle(
        "encoding", f"{name} {what}.", hint="Save the table as CSV in UTF-8.", details={"file": name}
    )
