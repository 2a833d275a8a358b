"""Length-prefixed JSON over a Unix stream socket, with file descriptors alongside."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence

from leakgauge.errors import JsonValue

# The fork server's first byte on the control socket: everything is imported.
READY = b"R"

_LENGTH = struct.Struct("!I")
_MAX_BYTES = 16 << 20
_MAX_DESCRIPTORS = 4


def send_message(
    connection: socket.socket, message: Mapping[str, JsonValue], descriptors: Sequence[int] = ()
) -> None:
    """Send one message; `descriptors` are duplicated into the receiving process.

    Raises
    ------
    OSError
        when the other side has gone.
    ValueError
        when the message is larger than a receiver accepts.
    """
    body = json.dumps(message).encode()
    if len(body) > _MAX_BYTES:
        raise ValueError("message too large")
    # Descriptors ride on the first byte, so they go with the prefix, alone.
    socket.send_fds(connection, [_LENGTH.pack(len(body))], list(descriptors))
    connection.sendall(body)


def receive_message(connection: socket.socket) -> tuple[dict[str, JsonValue], list[int]] | None:
    """The next message and its descriptors, or None when the other side has closed.

    Raises
    ------
    ValueError
        when what arrives is not a message; its descriptors have been closed.
    """
    prefix, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, _MAX_DESCRIPTORS)
    try:
        if not prefix:
            return None
        prefix += _receive_exactly(connection, _LENGTH.size - len(prefix))
        (length,) = _LENGTH.unpack(prefix)
        if length > _MAX_BYTES:
            raise ValueError("message too large")
        message = json.loads(_receive_exactly(connection, length))
        if not isinstance(message, dict):
            raise ValueError("not an object")
    except ValueError:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return message, descriptors


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    chunks = []
    while size:
        chunk = connection.recv(size)
        if not chunk:
            raise ValueError("closed in the middle of a message")
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
