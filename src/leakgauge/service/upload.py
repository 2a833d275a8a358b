"""From the wire to the disk, counted on the way; nothing of it is looked at."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from leakgauge.errors import BadBundle, LimitExceeded
from leakgauge.sandbox.workspace import disk_exceeded, disk_is_full

_CHUNK = 1 << 20

# A sender that stops for so long has gone; one that trickles gets a minute, and time by its size.
_SILENT_SECONDS = 30.0
_LEAST_SECONDS = 60.0
_LEAST_BYTES_PER_SECOND = 16 << 10
# What comes after an answer is waited for only while it keeps coming.
_DRAIN_SILENT_SECONDS = 1.0
_DRAIN_SECONDS = 5.0


def check_length(request: Request, *, limit: int) -> None:
    """Refuse a body that announces itself as too large, before a byte of it is read.

    Raises
    ------
    LimitExceeded
        `payload`.
    """
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)


def save(request: Request, path: Path, *, limit: int) -> int:
    """Write the body of `request` to the new file `path`; its length in bytes.

    Works with and without `Content-Length`.

    Raises
    ------
    LimitExceeded
        `payload` as soon as `limit` bytes have been passed.
        `disk` when there is no room for it.
    BadBundle
        `empty_body`; `truncated_upload` when the sender stops in the middle, or is slower than any line.
    """
    check_length(request, limit=limit)
    size = 0
    seconds = _LEAST_SECONDS + (request.content_length or limit) / _LEAST_BYTES_PER_SECOND
    try:
        with path.open("xb") as file, _patience(request.environ, seconds=seconds, silent=_SILENT_SECONDS):
            while chunk := _read(request.stream):
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                file.write(chunk)
    except OSError as error:
        if disk_is_full(error):
            raise disk_exceeded() from None
        raise
    if size < (request.content_length or 0):
        raise _truncated()
    if not size:
        raise BadBundle(
            "empty_body",
            "The request has no body.",
            hint="Send the bundle as the body, for example with curl --data-binary @bundle.zip.",
        )
    return size


def drain(stream: IO[bytes], environ: Mapping[str, Any], *, limit: int) -> None:
    """Read and forget what the sender still has to say, up to `limit` bytes and a few seconds.

    A connection that is closed with unread bytes resets, and the sender, still busy sending,
    would never see the answer that has been written to it.
    """
    size = 0
    with (
        contextlib.suppress(BadBundle),
        _patience(environ, seconds=_DRAIN_SECONDS, silent=_DRAIN_SILENT_SECONDS),
    ):
        while size < limit and (chunk := _read(stream)):
            size += len(chunk)


@contextlib.contextmanager
def _patience(environ: Mapping[str, Any], *, seconds: float, silent: float) -> Iterator[None]:
    """Reading from a sender ends after so many seconds, or where it is silent for so many.

    Where the server does not show its connections, both are the server's own business.
    """
    connection = environ.get("gunicorn.socket")
    if not isinstance(connection, socket.socket) or connection.fileno() < 0:
        yield
        return
    before = connection.gettimeout()
    connection.settimeout(silent)
    # to whoever reads, the end of a connection and that of our patience look alike
    end = threading.Timer(seconds, _stop_reading, args=(connection,))
    end.daemon = True
    end.start()
    try:
        yield
    finally:
        end.cancel()
        with contextlib.suppress(OSError):
            connection.settimeout(before)


def _stop_reading(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)


def _read(stream: IO[bytes]) -> bytes:
    try:
        return stream.read(_CHUNK)
    except (OSError, ParseException, ClientDisconnected):
        raise _truncated() from None


def _truncated() -> BadBundle:
    return BadBundle(
        "truncated_upload",
        "The body ended before all of it had arrived, or is not encoded as announced.",
        hint="Send the request again.",
    )


def _too_large(limit: int) -> LimitExceeded:
    return LimitExceeded(
        "payload",
        f"The body is larger than the {limit >> 20} MiB that are accepted here.",
        hint="Send a smaller bundle; compressing the tables inside helps most.",
        details={"max_bytes": limit},
    )
