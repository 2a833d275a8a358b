"""Column labels that a model keeps as a pandas Index, read without pandas and pyarrow.

`ColumnTransformer([(..., frame.columns[:3])])` stores an Index, whose form
changed with pandas: an array of objects or numbers (1 and 2), text behind pandas'
own array (2.3), text in Arrow's buffers (3), three numbers for a range. All that a
model needs of it is the list of labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.pickles.allow_list import Pair
from leakgauge.targets.pickles.arrays import Constructor, array_from_list
from leakgauge.targets.pickles.checks import a_mapping, an_array, arguments_of, reject_unless
from leakgauge.targets.pickles.virtual_machine import Deferred, MalformedPickleError

# a range takes a few bytes in a file and as much as it likes in a list
_MOST_LABELS = 1_000_000

# width of a text's offset into the buffer, by the name that Arrow gives the type
_OFFSETS: Mapping[str, np.dtype[Any]] = {"string": np.dtype("<i4"), "large_string": np.dtype("<i8")}


def _index(arguments: object) -> object:
    _kind, state = arguments_of(arguments, least=2)
    settings = a_mapping(state, "an index's state must be a mapping")
    if "start" in settings:
        return _range_of_labels(settings)
    labels = settings.get("data")
    return an_array(labels, "an index is made from an array", ndim=1).tolist()


def _range_of_labels(settings: Mapping[str, Any]) -> list[int]:
    numbers = [settings.get("start"), settings.get("stop"), settings.get("step", 1)]
    reject_unless(all(isinstance(number, int | np.integer) for number in numbers), "a range's numbers")
    start, stop, step = (int(number) for number in numbers if number is not None)
    reject_unless(step != 0, "a range's step")
    labels = range(start, stop, step)
    reject_unless(len(labels) <= _MOST_LABELS, "a range that is too long")
    return list(labels)


def _text_array(arguments: object) -> object:
    arguments_of(arguments, least=3)
    return Deferred(lambda state, _file: an_array(arguments_of(state, least=2, most=3)[1], "text", ndim=1))


def _arrow_text_array(arguments: object) -> object:
    arguments_of(arguments, least=0)
    return Deferred(
        lambda state, _file: an_array(
            a_mapping(state, "an array's state must be a mapping").get("_pa_array"), "text", ndim=1
        )
    )


def _arrow_type(arguments: object) -> object:
    (name,) = arguments_of(arguments, least=1)
    reject_unless(isinstance(name, str) and name in _OFFSETS, "labels that are not text")
    return name


def _buffer(arguments: object) -> object:
    (data,) = arguments_of(arguments, least=1)
    reject_unless(isinstance(data, bytes | bytearray), "a buffer is made from bytes")
    return data


def _arrow_array(arguments: object) -> NDArray[Any]:
    (parts,) = arguments_of(arguments, least=1)
    kind, length, nulls, offset, buffers, *_children = arguments_of(parts, least=5, most=9)
    if kind not in _OFFSETS or nulls != 0 or type(buffers) is not list or len(buffers) != 3:
        raise MalformedPickleError("labels that are not text")
    _validity, positions, text = buffers
    reject_unless(isinstance(positions, bytes | bytearray) and isinstance(text, bytes | bytearray), "no text")
    reject_unless(type(length) is int and type(offset) is int and length >= 0 <= offset, "an array's length")
    width = _OFFSETS[kind]
    usable = len(positions) - len(positions) % width.itemsize
    bounds = np.frombuffer(positions[:usable], dtype=width)[offset : offset + length + 1].tolist()
    reject_unless(len(bounds) == length + 1, "an array's positions")
    reject_unless(
        sorted(bounds) == bounds and bounds[0] >= 0 and bounds[-1] <= len(text), "an array's positions"
    )
    labels = [bytes(text[start:end]).decode() for start, end in pairwise(bounds)]
    return array_from_list(labels, (length,), fortran=False)


def _chunked_array(arguments: object) -> object:
    chunks, _kind = arguments_of(arguments, least=2)
    reject_unless(type(chunks) is list and chunks, "an array needs chunks")
    arrays = [an_array(chunk, "an array needs chunks", ndim=1) for chunk in chunks]
    # one chunk may be named any number of times
    reject_unless(sum(map(len, arrays)) <= _MOST_LABELS, "an array that is too long")
    return np.concatenate(arrays)


def _columns(arguments: object) -> object:
    # scikit-learn's list that warned about its contents, from 1.4 to 1.6
    arguments_of(arguments, least=0)
    return Deferred(lambda state, _file: list(a_mapping(state, "a list's state must be a mapping")["data"]))


LABEL_CONSTRUCTORS: Mapping[Pair, Constructor] = {
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): Constructor(_text_array),
    ("pandas.arrays", "ArrowStringArray"): Constructor(_arrow_text_array),
    ("pandas.core.indexes.base", "_new_Index"): Constructor(_index),
    ("pyarrow.lib", "_restore_array"): Constructor(_arrow_array),
    ("pyarrow.lib", "chunked_array"): Constructor(_chunked_array),
    ("pyarrow.lib", "py_buffer"): Constructor(_buffer),
    ("pyarrow.lib", "type_for_alias"): Constructor(_arrow_type),
    ("sklearn.compose._column_transformer", "_RemainderColsList"): Constructor(_columns),
}
"""All that pandas, Arrow and scikit-learn write for lists of columns."""
