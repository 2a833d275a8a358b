"""JSON messages behind their length, over a socket that a sandboxed process shares with this program.

Either side may find a stranger's code at the other end: lengths are bounded, and JSON is read strictly.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any, Final

from leakgauge.strict_json import parse

MOST_BYTES: Final = 64 << 20

_LENGTH = struct.Struct("!I")
_CHUNK = 1 << 20


def write_message(descriptor: int, message: Mapping[str, Any]) -> None:
    """Send one message.

    Raises
    ------
    OSError
        when the other side has gone.
    ValueError
        for a message that is larger than a receiver accepts, or holds numbers that are not finite.
    """
    body = json.dumps(message, allow_nan=False).encode()
    if len(body) > MOST_BYTES:
        raise ValueError("message too large")
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        # not send(): the sandbox has no system calls of the network
        rest = rest[os.write(descriptor, rest[:_CHUNK]) :]


def read_message(descriptor: int) -> dict[str, Any] | None:
    """The next message; None when the other side has closed.

    Raises
    ------
    OSError, ValueError
        when what arrives is no message.
    """
    prefix = _read_exactly(descriptor, _LENGTH.size)
    if not prefix:
        return None
    (length,) = _LENGTH.unpack(prefix)
    if length > MOST_BYTES:
        raise ValueError("message too large")
    body = _read_exactly(descriptor, length)
    message = parse(body)
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def _read_exactly(descriptor: int, size: int) -> bytes:
    """So many bytes; none where the other side had closed before the first."""
    parts, left = [], size
    while left:
        part = os.read(descriptor, min(left, _CHUNK))
        if not part:
            if left == size and size == _LENGTH.size:
                return b""
            raise ValueError("closed in the middle of a message")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
