"""Universal Binary JSON as XGBoost writes it, read strictly and written anew.

The draft of the format (ubjson.org, draft 12) with the arrays of one type that XGBoost uses: a
marker, a count of eight bytes, the numbers in big-endian order. Such arrays become NumPy arrays of
the same type, so that what was read is written to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

_DEEPEST: Final = 64
_MOST_VALUES: Final = 20_000_000
"""Values outside of arrays of one type, each of which becomes an object of Python."""

_TYPES: Final[Mapping[bytes, np.dtype[Any]]] = {
    b"i": np.dtype(">i1"),
    b"U": np.dtype(">u1"),
    b"I": np.dtype(">i2"),
    b"l": np.dtype(">i4"),
    b"L": np.dtype(">i8"),
    b"d": np.dtype(">f4"),
    b"D": np.dtype(">f8"),
}
_MARKERS: Final[Mapping[str, bytes]] = {kind.str.lstrip("|<>="): mark for mark, kind in _TYPES.items()}
_LENGTHS: Final = (b"i", b"U", b"I", b"l", b"L")
_CONSTANTS: Final[Mapping[bytes, object]] = {b"T": True, b"F": False, b"Z": None}


class MalformedUbjsonError(ValueError):
    """The bytes are no such document: cut short, damaged or crafted."""


def loads(data: bytes) -> object:
    """The document: dictionaries, lists, text, numbers, and NumPy arrays of native byte order.

    Raises
    ------
    MalformedUbjsonError
        for anything that XGBoost would not have written.
    """
    reader = _Reader(data)
    value = reader.value(reader.marker(), depth=0)
    if reader.at != len(data):
        raise MalformedUbjsonError("there is more behind its end")
    return value


def dumps(value: object) -> bytes:
    """The document of such a value; whole numbers take eight bytes, other numbers four.

    Raises
    ------
    TypeError
        for a value of another type.
    """
    written: list[bytes] = []
    _write(value, written)
    return b"".join(written)


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0
    values: int = 0

    def take(self, count: int) -> bytes:
        """The next bytes, exactly so many."""
        if count < 0 or count > len(self.data) - self.at:
            raise MalformedUbjsonError("it is cut short")
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken

    def marker(self) -> bytes:
        return self.take(1)

    def length(self) -> int:
        mark = self.marker()
        if mark not in _LENGTHS:
            raise MalformedUbjsonError("a length is no number")
        return int(self.number(mark))

    def number(self, mark: bytes) -> Any:
        kind = _TYPES[mark]
        return np.frombuffer(self.take(kind.itemsize), kind)[0].item()

    def text(self) -> str:
        try:
            return self.take(self.length()).decode()
        except UnicodeDecodeError as error:
            raise MalformedUbjsonError("a text is not UTF-8") from error

    def value(self, mark: bytes, *, depth: int) -> object:
        self.values += 1
        if depth > _DEEPEST or self.values > _MOST_VALUES:
            raise MalformedUbjsonError("it is nested too deep, or holds too many values")
        if mark in _TYPES:
            return self.number(mark)
        if mark in _CONSTANTS:
            return _CONSTANTS[mark]
        match mark:
            case b"S":
                return self.text()
            case b"{":
                return self.mapping(depth)
            case b"[":
                return self.array(depth)
        raise MalformedUbjsonError("a value of an unknown kind")

    def mapping(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        while self.data[self.at : self.at + 1] != b"}":
            key = self.text()
            if key in found:
                raise MalformedUbjsonError("a name stands twice")
            found[key] = self.value(self.marker(), depth=depth + 1)
        self.at += 1
        return found

    def array(self, depth: int) -> object:
        match self.data[self.at : self.at + 1]:
            case b"$":
                self.at += 1
                kind = _TYPES.get(self.marker())
                if kind is None or self.marker() != b"#":
                    raise MalformedUbjsonError("an array of an unknown kind")
                count = self.length()
                if count < 0:
                    raise MalformedUbjsonError("an array's length")
                return np.frombuffer(self.take(count * kind.itemsize), kind).astype(kind.newbyteorder("="))
            case b"#":
                self.at += 1
                count = self.length()
                if not 0 <= count <= len(self.data) - self.at:  # each value takes a byte or more
                    raise MalformedUbjsonError("an array's length")
                return [self.value(self.marker(), depth=depth + 1) for _ in range(count)]
        items: list[object] = []
        while self.data[self.at : self.at + 1] != b"]":
            items.append(self.value(self.marker(), depth=depth + 1))
        self.at += 1
        return items


def _write(value: object, written: list[bytes]) -> None:
    match value:
        case bool() | None:
            written.append({True: b"T", False: b"F", None: b"Z"}[value])
        case str():
            written.append(b"S" + _sized(value.encode()))
        case int():
            written.append(b"L" + value.to_bytes(8, "big", signed=True))
        case float():
            written.append(b"d" + np.array(value, dtype=">f4").tobytes())
        case np.ndarray():
            mark = _MARKERS[value.dtype.str.lstrip("|<>=")]
            length = len(value).to_bytes(8, "big")
            written += [b"[$", mark, b"#L", length, value.astype(_TYPES[mark]).tobytes()]
        case list():
            written.append(b"[#L" + len(value).to_bytes(8, "big"))
            for item in value:
                _write(item, written)
        case dict():
            written.append(b"{")
            for key, item in value.items():
                written.append(_sized(key.encode()))
                _write(item, written)
            written.append(b"}")
        case _:
            raise TypeError(f"no such value can be written: {type(value).__name__}")


def _sized(text: bytes) -> bytes:
    return b"L" + len(text).to_bytes(8, "big") + text
