"""A request on its way in: taken piece by piece as it comes, and given on when it is whole.

Here is found out only where a request ends. What it says is read by gunicorn's own parser afterwards,
from the bytes kept here. Where the two do not agree the connection is not used again, so that nothing
in a body is ever taken for a request.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from typing import Protocol

from leakgauge.errors import LimitExceeded
from leakgauge.sandbox.workspace import disk_exceeded, disk_is_full
from leakgauge.service.connection import Connection, Pace

_IN_MEMORY = 16 << 10
"""Bytes of a request above which it is kept in a file."""
_PIECE = 64 << 10
_PIECES = 16
"""Read at once from one sender before it is the turn of another."""
_LONGEST_CHUNK_LINE = 8 << 10
_MOST_FRAMING = 1 << 20
"""Bytes that are not content, in a body that comes in chunks."""
_FRAMING_HEADERS = re.compile(rb"\n(content-length|transfer-encoding)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_EXPECTS = re.compile(rb"\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class Framing(Protocol):
    """Where a body ends.

    Attributes
    ----------
    content
        bytes of content that have been taken.
    whole
        whether the end has been taken.
    broken
        whether no end can be found, since it is not written as it should be.
    """

    content: int
    whole: bool
    broken: bool

    def take(self, data: bytes) -> int:
        """Take what belongs to the body off the beginning of `data`; how many bytes that is."""
        ...


class Length:
    """A body whose length stands in the head; see `Framing`."""

    def __init__(self, length: int) -> None:
        self.content = 0
        self.whole = length == 0
        self.broken = False
        self.length = length

    def take(self, data: bytes) -> int:
        """See `Framing`."""
        used = min(len(data), self.length - self.content)
        self.content += used
        self.whole = self.content == self.length
        return used


class Chunks:
    """A body in chunks, RFC 9112, section 7.1; see `Framing`.

    Raises
    ------
    LimitExceeded
        `chunks`, from `take`, when far more than content is sent.
    """

    def __init__(self) -> None:
        self.content = 0
        self.whole = self.broken = False
        self._framing = 0
        self._left = 0  # of the chunk, and the line end after it
        self._line = bytearray()
        self._last = False

    def take(self, data: bytes) -> int:
        """See `Framing`."""
        place = 0
        while place < len(data) and not (self.whole or self.broken):
            if self._left:
                step = min(self._left, len(data) - place)
                content = min(step, max(self._left - 2, 0))
                self.content += content
                self._left -= step
                self._framing += step - content
                place += step
            else:
                place = self._take_line(data, place)
            if self._framing > _MOST_FRAMING:
                raise LimitExceeded(
                    "chunks",
                    "The body comes in so many small chunks that their framing alone passes the limit.",
                    hint="Send it with a Content-Length, or in chunks of at least a few kilobytes.",
                    details={"max_bytes": _MOST_FRAMING},
                )
        return place

    def _take_line(self, data: bytes, place: int) -> int:
        end = data.find(b"\n", place) + 1
        until = end or len(data)
        self._line += data[place:until]
        self._framing += until - place
        self.broken = len(self._line) > _LONGEST_CHUNK_LINE
        if end and not self.broken:
            line = bytes(self._line)
            self._line.clear()
            self._read(line)
        return until

    def _read(self, line: bytes) -> None:
        if self._last:  # what follows are trailers, up to an empty line
            self.whole = line == b"\r\n"
            return
        size = line.partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", size):
            self.broken = True
            return
        length = int(size, 16)
        self._last = length == 0
        self._left = length + 2 if length else 0


class Arrival:
    """What has come of a request whose head is complete.

    Parameters
    ----------
    head
        of the request, its empty line included.
    limit
        bytes of content from which on the rest is not waited for: it is too much anyway.
    pace
        how slow the body may be.
    """

    def __init__(self, head: bytes, *, limit: int, pace: Pace) -> None:
        self.pace = pace
        self.under_way = False
        """Whether somebody is taking a piece at this moment."""
        self._framing = _framing(head)
        self._limit = limit
        self._ended = isinstance(self._framing, Length) and self._framing.length > limit
        # Not closed here by a context: it lives as long as the request does.
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self.size = self._file.write(head)
        self.expects_go_ahead = not self.complete and bool(_EXPECTS.search(head)) and b" HTTP/1.1\r\n" in head

    @property
    def whole(self) -> bool:
        """Whether it came from its first byte to its last."""
        return self._framing.whole

    @property
    def complete(self) -> bool:
        """Whether no more is waited for."""
        return self._ended or self.whole or self._framing.broken or self._framing.content > self._limit

    def receive(self, connection: Connection) -> None:
        """Take what has come, and wait for nothing.

        Raises
        ------
        LimitExceeded
            `disk` when there is no room for it, `chunks`.
        OSError
            when the sender has gone, or there is no descriptor for a file.
        """
        if connection.rest:
            connection.rest = self.add(connection.rest)
        for _ in range(_PIECES if not self.complete else 0):
            try:
                data = connection.recv(_PIECE)
            except BlockingIOError:
                return
            self._ended = self._ended or not data
            connection.rest = self.add(data)
            if self.complete:
                return

    def add(self, data: bytes) -> bytes:
        """Take what belongs to this request off the beginning of `data`; what is left. See `receive`."""
        used = 0 if self.complete else self._framing.take(data)
        try:
            self._file.write(data[:used])
            self._file.flush()  # what the disk says is heard here, and not when it is read or closed
        except OSError as error:
            if disk_is_full(error):
                raise disk_exceeded() from None
            raise
        self.size += used
        self.pace.move(used)
        return data[used:]

    def rewind(self) -> None:
        """From here on it is read, by `recv`."""
        self._file.seek(0)

    def recv(self, size: int) -> bytes:
        """As of a socket: the next bytes of the request, and nothing after its last."""
        return self._file.read(size)

    @property
    def used_up(self) -> bool:
        """Whether all of it has been read."""
        return self._file.tell() == self.size

    def close(self) -> None:
        """Forget what was kept."""
        with contextlib.suppress(OSError):  # it tries once more to write what the disk has refused
            self._file.close()


def _framing(head: bytes) -> Framing:
    found = _FRAMING_HEADERS.findall(head)
    match [(name.lower(), value.strip(b" \t").lower()) for name, value in found]:
        case []:
            return Length(0)
        case [(b"content-length", digits)] if re.fullmatch(rb"[0-9]{1,18}", digits):
            return Length(int(digits))
        case [(b"transfer-encoding", b"chunked")]:
            return Chunks()
    # two lengths, or none that can be read: gunicorn's parser, or the end of the bytes, will say so
    broken = Length(0)
    broken.whole, broken.broken = False, True
    return broken
