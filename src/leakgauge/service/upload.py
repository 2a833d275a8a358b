"""The body of a request, written to a file and counted on the way; nothing of it is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from leakgauge.errors import BadBundle, LimitExceeded
from leakgauge.sandbox.workspace import disk_exceeded, disk_is_full

_CHUNK = 1 << 20


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
        `empty_body`; `truncated_upload` when the sender stops in the middle.
    """
    check_length(request, limit=limit)
    size = 0
    try:
        with path.open("xb") as file:
            # never past what tells that it is too much, where the worker has stopped receiving
            while chunk := _read(request.stream, min(_CHUNK, limit + 1 - size)):
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


def _read(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
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
