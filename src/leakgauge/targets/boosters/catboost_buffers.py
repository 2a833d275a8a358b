"""FlatBuffers, in which CatBoost keeps its models: tables read within the bounds of their bytes, and written.

    table ─▶ vtable: where each field lies, by its number; a field that is left out has its default
          ─▶ numbers in the table itself; texts, vectors and other tables by their distance

CatBoost checks the head of its own files and trusts the rest. Here every place is checked, and no byte is
read twice: a small file that names one long vector a thousand times is none that CatBoost writes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import flatbuffers
import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel

Refuse: TypeAlias = Callable[[str], UnsupportedModel]
Number: TypeAlias = Literal["b", "i", "f", "d"]
"""How a number is stored: one byte, four bytes, and floating-point numbers of four and eight."""

_SLACK: Final = 4_096
"""Bytes beyond the buffer's own size that may be read: writers share short texts and vectors."""


@dataclass(slots=True)
class Buffer:
    """Bytes, with a look at their bounds.

    Attributes
    ----------
    unread
        bytes of texts and vectors that may still be read.
    """

    data: bytes
    refuse: Refuse
    unread: int

    @classmethod
    def root(cls, data: bytes, *, refuse: Refuse) -> Table:
        """The table that a buffer begins with."""
        buffer = cls(data, refuse, len(data) + _SLACK)
        return Table(buffer, buffer.number("I", 0))

    def number(self, form: str, place: int) -> Any:
        """The number at a place."""
        if not 0 <= place <= len(self.data) - struct.calcsize(form):
            raise self.refuse("it points outside of itself")
        return struct.unpack_from(f"<{form}", self.data, place)[0]

    def stretch(self, place: int, size: int) -> bytes:
        """The bytes from a place on."""
        self.unread -= size
        if not 0 <= place <= len(self.data) - size or self.unread < 0:
            raise self.refuse("it points outside of itself")
        return self.data[place : place + size]

    def follow(self, place: int) -> int:
        """Where the distance at a place leads."""
        return place + int(self.number("I", place))


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a buffer; fields by their number in its scheme."""

    buffer: Buffer
    place: int

    def _field(self, number: int) -> int | None:
        vtable = self.place - int(self.buffer.number("i", self.place))
        entry = 4 + 2 * number
        if entry + 2 > self.buffer.number("H", vtable):
            return None
        return self.place + found if (found := int(self.buffer.number("H", vtable + entry))) else None

    def number(self, number: int, form: Number, default: float) -> Any:
        """A number of the table."""
        place = self._field(number)
        return default if place is None else self.buffer.number(form, place)

    def vector(self, number: int, kind: str) -> NDArray[Any]:
        """(n,) numbers of the NumPy type `kind`; none where the field is left out."""
        stored = np.dtype(kind).newbyteorder("<")
        place = self._field(number)
        if place is None:
            return np.empty(0, dtype=stored)
        start = self.buffer.follow(place)
        size = int(self.buffer.number("I", start)) * stored.itemsize
        return np.frombuffer(self.buffer.stretch(start + 4, size), dtype=stored)

    def text(self, number: int) -> str:
        """A text; an empty one where the field is left out."""
        place = self._field(number)
        return "" if place is None else self._text_at(self.buffer.follow(place))

    def texts(self, number: int) -> list[str]:
        """A list of texts."""
        return [self._text_at(start) for start in self._members(number)]

    def table(self, number: int) -> Table:
        """A table in the table."""
        place = self._field(number)
        if place is None:
            raise self.buffer.refuse("a part is not there")
        return Table(self.buffer, self.buffer.follow(place))

    def tables(self, number: int) -> list[Table]:
        """A list of tables."""
        return [Table(self.buffer, start) for start in self._members(number)]

    def _members(self, number: int) -> list[int]:
        place = self._field(number)
        if place is None:
            return []
        start = self.buffer.follow(place)
        size = 4 * int(self.buffer.number("I", start))
        distances = np.frombuffer(self.buffer.stretch(start + 4, size), dtype="<u4").tolist()
        return [start + 4 + 4 * one + distance for one, distance in enumerate(distances)]

    def _text_at(self, start: int) -> str:
        try:
            return self.buffer.stretch(start + 4, int(self.buffer.number("I", start))).decode()
        except UnicodeDecodeError as error:
            raise self.buffer.refuse("it holds a text that is none") from error


_PREPEND: Final = {"b": "Int8", "i": "Int32", "f": "Float32", "d": "Float64"}


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes a buffer from its ends to its root; every method but `finished` gives where the thing stands."""

    builder: Any

    @classmethod
    def new(cls) -> Writer:
        """A writer of an empty buffer."""
        return cls(flatbuffers.Builder(1_024))

    def text(self, value: str) -> int:
        """A text."""
        return int(self.builder.CreateString(value))

    def vector(self, values: NDArray[Any]) -> int:
        """A vector of numbers."""
        if not len(values):
            self.builder.StartVector(values.dtype.itemsize, 0, values.dtype.itemsize)
            return int(self.builder.EndVector())
        return int(self.builder.CreateNumpyVector(np.ascontiguousarray(values)))

    def several(self, starts: Sequence[int]) -> int:
        """A list of texts or tables that were written."""
        self.builder.StartVector(4, len(starts), 4)
        for start in reversed(starts):
            self.builder.PrependUOffsetTRelative(start)
        return int(self.builder.EndVector())

    def table(self, parts: dict[int, int], numbers: dict[int, tuple[Number, float]]) -> int:
        """A table of parts that were written, and of numbers, by the number of the field."""
        self.builder.StartObject(1 + max((*parts, *numbers)))
        for field, start in parts.items():
            self.builder.PrependUOffsetTRelativeSlot(field, start, 0)
        for field, (form, value) in numbers.items():
            # no default is left out, whatever the scheme says that it is
            getattr(self.builder, f"Prepend{_PREPEND[form]}")(value)
            self.builder.Slot(field)
        return int(self.builder.EndObject())

    def finished(self, root: int) -> bytes:
        """The whole buffer."""
        self.builder.Finish(root)
        return bytes(self.builder.Output())
