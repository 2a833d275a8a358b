"""What the broker of a live service and the sandbox say to each other, through a socket that they share.

    {"columns": [["age", "number"], ["plan", "text"]]}      the sandbox, once, before it asks about a table
    {"ask": [[31, "basic"], ...], "repeat": 0}                asked again with repeat 1: a fresh answer
    {"account": true}                                       what was asked until now, and what it cost

    {"answers": [[0.2, 0.8], ...], "left": 9000}            the broker; or
    {"error": {...}}                                        as `LeakgaugeError.body()` gives it

Each message is JSON behind its length. The sandbox may be in a stranger's hands: the broker reads every
message strictly and can be made to do nothing but ask rows. The answers are a stranger's too, and have been
checked by the broker for their form.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from leakgauge.errors import JsonValue
from leakgauge.strict_json import parse

MOST_BYTES: Final = 64 << 20
MOST_ROWS: Final = 10_000
"""Rows of one question."""
MOST_CELLS: Final = 2_000_000
"""Cells of one question."""
MOST_REPEATS: Final = 16
"""How often a row may be asked about."""

Kind: TypeAlias = Literal["number", "integer", "boolean", "text"]
KINDS: Final[tuple[Kind, ...]] = ("number", "integer", "boolean", "text")
Cell: TypeAlias = "float | int | bool | str | None"
Answer: TypeAlias = "list[float] | dict[str, float] | str | float | int | bool"
"""What a service says of a row: scores, scores by the name of the class, or one label or number."""

_LENGTH = struct.Struct("!I")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name, and what its cells are."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What the sandbox is told of a service.

    Attributes
    ----------
    title, address
        protocol and address, for the report.
    rows
        most rows that may be asked about.
    rows_of_request
        how many of them a request holds.
    requests
        how many requests the cost allows, if all rows are asked about; None for any number.
    answers
        what the service answers, as the settings have it.
    classes, columns, image_shape, n_features
        what the settings or the service say of the model; None for what they do not say.
    """

    title: str
    address: str
    rows: int
    rows_of_request: int
    requests: int | None = None
    answers: str = "auto"
    classes: tuple[str | int | float | bool, ...] | None = None
    columns: tuple[str, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    n_features: int | None = None

    def message(self) -> dict[str, JsonValue]:
        """The facts as JSON."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> ServiceFacts:
        """The facts that `message()` described. Trusts its sender, who is this very program."""
        lists = {name: tuple(value) for name, value in message.items() if isinstance(value, list)}
        return cls(**{**message, **lists})


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
