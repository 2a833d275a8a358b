"""Undoes the compressions that joblib knows, never past a limit."""

from __future__ import annotations

import bz2
import contextlib
import importlib
import importlib.util
import lzma
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leakgauge.errors import LimitExceeded, UnsupportedModel

# liblzma is asked to refuse files that need more than this for their dictionary: whole ones, and first bytes
_LZMA_MEMORY = 512 * 2**20
_LZMA_MEMORY_FOR_HEADS = 128 * 2**20
_STEP = 2**20

# first bytes of the file to the decompressor; the signs are those that joblib goes by
_DECOMPRESSORS: tuple[tuple[bytes, Callable[[int], Any]], ...] = (
    (b"\x78", lambda _memory: zlib.decompressobj()),
    (b"\x1f\x8b", lambda _memory: zlib.decompressobj(wbits=31)),
    (b"BZh", lambda _memory: bz2.BZ2Decompressor()),
    (b"\xfd7zXZ", lambda memory: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=memory)),
    (b"\x5d\x00", lambda memory: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=memory)),
)
_LZ4_SIGN = b"\x04\x22\x4d\x18"


def content_of(path: Path, *, limit: int) -> bytes:
    """The bytes of a model file, as they are.

    Raises
    ------
    UnsupportedModel
        `empty_file`.
    LimitExceeded
        `model_too_large` for more than `limit` bytes.
    """
    with path.open("rb") as file:
        # no more is asked for than there is: the room for it would be taken at once
        data = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)
    if len(data) > limit:
        raise too_large(limit)
    if not data:
        raise UnsupportedModel(
            "empty_file", "The model file is empty.", hint="Save the model again and send the whole file."
        )
    return data


def decompress(data: bytes, *, limit: int) -> bytes:
    """The bytes as they were before compression; the same bytes when there was none.

    Parameters
    ----------
    data
        a whole file.
    limit
        most bytes to unpack.

    Raises
    ------
    LimitExceeded
        `model_too_large` when more than `limit` bytes come out.
    UnsupportedModel
        `lz4_not_installed`, or `unreadable` for damaged data.
    """
    for sign, make in _DECOMPRESSORS:
        if data.startswith(sign):
            return _unpack(make(_LZMA_MEMORY), data, limit)
    if data.startswith(_LZ4_SIGN):
        return _unpack(_lz4(), data, limit)
    return data


def unpacked_head(head: bytes, count: int) -> bytes:
    """The first `count` bytes of what was compressed into `head`; none where too little of it is there."""
    for sign, make in _DECOMPRESSORS:
        if head.startswith(sign):
            with contextlib.suppress(zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
                found: bytes = make(_LZMA_MEMORY_FOR_HEADS).decompress(head, count)
                return found
    return b""


def _lz4() -> Any:
    if importlib.util.find_spec("lz4") is None:
        raise UnsupportedModel(
            "lz4_not_installed",
            "The model file is compressed with LZ4, which is not installed here.",
            hint='Save the model again with joblib.dump(model, "model.joblib", compress=3).',
        )
    return importlib.import_module("lz4.frame").LZ4FrameDecompressor()


def _unpack(decompressor: Any, data: bytes, limit: int) -> bytes:
    unpacked = bytearray()
    waiting = data
    try:
        while not decompressor.eof:
            before = len(unpacked)
            unpacked += decompressor.decompress(waiting, _STEP)
            if len(unpacked) > limit:
                raise too_large(limit)
            # zlib hands back what it has not read; the others keep it
            waiting = getattr(decompressor, "unconsumed_tail", b"")
            if len(unpacked) == before and not waiting:
                raise EOFError
    except (zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError) as error:
        raise UnsupportedModel(
            "unreadable",
            "The model file is compressed, and its data are damaged or cut short.",
            hint="Save and send the model file again.",
        ) from error
    return bytes(unpacked)


def too_large(limit: int) -> LimitExceeded:
    """The error for a model of more than `limit` bytes."""
    return LimitExceeded(
        "model_too_large",
        f"The model takes more than {limit:,} bytes when unpacked.",
        hint="Save a smaller model, or raise the limit on model bytes.",
        details={"limit_bytes": limit},
    )
