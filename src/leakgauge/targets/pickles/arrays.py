"""NumPy's part of a pickle: dtypes, arrays and scalars, made from checked parts.

NumPy's own `__setstate__` methods trust what they are given: a dtype whose
fields lie outside of its items, or an array of a terabyte, ends the process.
Everything here is made through public constructors that check, and never larger
than the bytes that came with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.pickles.allow_list import Pair
from leakgauge.targets.pickles.checks import a_mapping, arguments_of
from leakgauge.targets.pickles.virtual_machine import Deferred, MalformedPickleError

_PLAIN_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|c8|c16|O8?|[SU][0-9]{1,7}|V[0-9]{1,7})")
# |O8 is how an old NumPy wrote O
_OBJECT_SPELLINGS = frozenset({"O8", "|O8", "<O8", ">O8"})


@dataclass(frozen=True, slots=True)
class Constructor:
    """A function of ours that answers for a global which pickles call. Not itself callable.

    Were it callable, a file could store it where scikit-learn expects a method.
    """

    construct: Callable[[object], object]


def shape_of(value: object) -> tuple[int, ...]:
    """A shape of non-negative ints, at most 32 of them.

    Raises
    ------
    MalformedPickleError
        for anything else.
    """
    if not isinstance(value, tuple) or len(value) > 32:
        raise MalformedPickleError("an array's shape must be a short tuple")
    if not all(type(length) is int and 0 <= length < 2**48 for length in value):
        raise MalformedPickleError("an array's shape must hold lengths")
    return value


def dtype_of(value: object) -> np.dtype[Any]:
    """The value, when it is a dtype.

    Raises
    ------
    MalformedPickleError
        for anything else, a dtype without its state among them.
    """
    if not isinstance(value, np.dtype):
        raise MalformedPickleError("an array needs a dtype")
    return value


def _dtype(arguments: object) -> object:
    code, *_align_and_copy = arguments_of(arguments, least=1, most=3)
    if not isinstance(code, str) or _PLAIN_DTYPE.fullmatch(code) is None:
        raise MalformedPickleError("a dtype that no model needs")
    plain = np.dtype("O") if code in _OBJECT_SPELLINGS else np.dtype(code)
    return Deferred(lambda state, _file: _finish_dtype(plain, state))


def _finish_dtype(plain: np.dtype[Any], state: object) -> np.dtype[Any]:
    # (version, byte order, subarray, names, fields, item size, alignment, flags[, metadata])
    if not isinstance(state, tuple) or len(state) not in (8, 9) or (len(state) == 9 and state[8] is not None):
        raise MalformedPickleError("a dtype's state must have eight parts")
    _version, byte_order, subarray, names, fields, item_size, alignment, _flags = state[:8]
    if subarray is not None:
        raise MalformedPickleError("a dtype of arrays, which no model needs")
    if names is None and fields is None:
        if byte_order in ("|", "="):
            return plain
        if byte_order == "<":
            return plain.newbyteorder("<")
        if byte_order == ">":
            return plain.newbyteorder(">")
        raise MalformedPickleError("a dtype's byte order must be one of four signs")
    if not isinstance(names, tuple) or not isinstance(fields, dict) or set(names) != set(fields):
        raise MalformedPickleError("a dtype's names and fields must belong together")
    parts = [arguments_of(fields[name], least=2) for name in names]
    formats = [dtype_of(part) for part, _offset in parts]
    if any(part.hasobject or part.names for part in formats):
        raise MalformedPickleError("a structured dtype of anything but numbers")
    # this constructor refuses fields that lie outside of the item
    return np.dtype(
        {
            "names": list(names),
            "formats": formats,
            "offsets": [offset for _part, offset in parts],
            "itemsize": item_size,
        },
        align=isinstance(alignment, int) and alignment > 1,
    )


def array_from_bytes(
    data: bytes | bytearray, dtype: np.dtype[Any], shape: tuple[int, ...], *, fortran: bool
) -> NDArray[Any]:
    """A writable array in the machine's byte order, its bytes copied.

    Raises
    ------
    MalformedPickleError
        when the bytes are not just as many as dtype and shape say.
    """
    if dtype.hasobject:
        raise MalformedPickleError("an array of objects cannot be made from bytes")
    if dtype.itemsize * math.prod(shape) != len(data):
        raise MalformedPickleError("an array's bytes do not fit its shape")
    if dtype.itemsize == 0 or 0 in shape:
        return np.zeros(shape, dtype=dtype)
    flat = np.frombuffer(data, dtype=dtype)
    native = dtype if dtype.names else dtype.newbyteorder("=")
    return flat.reshape(shape, order="F" if fortran else "C").astype(native, order="K", copy=True)


def array_from_list(items: object, shape: tuple[int, ...], *, fortran: bool) -> NDArray[Any]:
    """An array of objects; `items` in C order whatever the layout, as NumPy writes them.

    Raises
    ------
    MalformedPickleError
        when there are not just as many items as the shape says.
    """
    if type(items) is not list or len(items) != math.prod(shape):
        raise MalformedPickleError("an array's items do not fit its shape")
    flat = np.empty(len(items), dtype=object)
    for position, item in enumerate(items):  # item by item: NumPy would unfold sequences among them
        if isinstance(item, Deferred):
            raise MalformedPickleError("an array's item lacks its state")
        flat[position] = item
    array = flat.reshape(shape)
    return np.asfortranarray(array) if fortran else array


def _reconstruct(arguments: object) -> object:
    kind, shape, code = arguments_of(arguments, least=3)
    # NumPy always starts from an empty array of bytes; other starts would allocate
    if kind is not np.ndarray or shape != (0,) or code not in (b"b", "b"):
        raise MalformedPickleError("an array that starts in an unusual way")
    return Deferred(lambda state, _file: _finish_array(state))


def _finish_array(state: object) -> NDArray[Any]:
    _version, shape, dtype, fortran, data = arguments_of(state, least=5)
    if dtype_of(dtype).hasobject:
        return array_from_list(data, shape_of(shape), fortran=bool(fortran))
    if not isinstance(data, bytes | bytearray):
        raise MalformedPickleError("an array's bytes must be bytes")
    return array_from_bytes(data, dtype, shape_of(shape), fortran=bool(fortran))


def _scalar(arguments: object) -> object:
    dtype, data = arguments_of(arguments, least=2)
    if not isinstance(data, bytes):
        raise MalformedPickleError("a scalar's bytes must be bytes")
    return array_from_bytes(data, dtype_of(dtype), (), fortran=False)[()]


def _from_buffer(arguments: object) -> object:
    data, dtype, shape, order, *_axes = arguments_of(arguments, least=4, most=5)
    if not isinstance(data, bytes | bytearray) or order not in ("C", "F"):
        raise MalformedPickleError("an array's bytes must be bytes, in C or Fortran order")
    return array_from_bytes(data, dtype_of(dtype), shape_of(shape), fortran=order == "F")


@dataclass(slots=True, eq=False)
class ArrayHeader:
    """What joblib writes in front of an array's raw bytes.

    joblib's own reader makes room for what the header promises before it has
    seen a byte, and reads arrays of objects with an unpickler of its own; hence
    this one.
    """

    dtype: np.dtype[Any] = np.dtype("u1")  # noqa: RUF009 (dtypes do not change)
    shape: tuple[int, ...] = ()
    fortran: bool = False
    padded: bool = False

    def read_state(self, state: object) -> None:
        """Take over the wrapper's attributes.

        Raises
        ------
        MalformedPickleError
            when they do not describe an array.
        """
        header = a_mapping(state, "an array's header must be a mapping")
        self.dtype = dtype_of(header.get("dtype"))
        self.shape = shape_of(header.get("shape"))
        self.fortran = header.get("order") == "F"
        # joblib aligns the bytes since 1.2
        self.padded = header.get("numpy_array_alignment_bytes") is not None

    @property
    def holds_objects(self) -> bool:
        """Whether a nested pickle follows instead of raw bytes."""
        return self.dtype.hasobject

    def read_bytes(self, file: BinaryIO) -> bytes:
        """The array's bytes, off the file; no more is read than there is.

        Raises
        ------
        MalformedPickleError
            when the file ends before.
        """
        if self.padded:
            file.read(int.from_bytes(file.read(1), "little"))
        length = self.dtype.itemsize * math.prod(self.shape)
        data = file.read(length)
        if len(data) != length:
            raise MalformedPickleError("the file ends inside an array")
        return data

    def read_array(self, file: BinaryIO) -> NDArray[Any]:
        """The array, its bytes taken off the file.

        Raises
        ------
        MalformedPickleError
            when the file ends before.
        """
        return array_from_bytes(self.read_bytes(file), self.dtype, self.shape, fortran=self.fortran)


def _array_header(arguments: object) -> object:
    arguments_of(arguments, least=0)
    return ArrayHeader()


HEADER_CONSTRUCTORS: Mapping[Pair, Constructor] = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): Constructor(_array_header),
    ("numpy", "dtype"): Constructor(_dtype),
}
"""All that is needed to know how long an array in a joblib file is."""

ARRAY_CONSTRUCTORS: Mapping[Pair, Constructor] = {
    **HEADER_CONSTRUCTORS,
    ("numpy._core.multiarray", "_reconstruct"): Constructor(_reconstruct),
    ("numpy._core.multiarray", "scalar"): Constructor(_scalar),
    ("numpy._core.numeric", "_frombuffer"): Constructor(_from_buffer),
}
"""All that NumPy and joblib write for arrays."""
