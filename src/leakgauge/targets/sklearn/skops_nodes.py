"""The nodes of a skops file, made by the constructors of pickles.

Each way that skops has of making an object, and that models need, is a function here, beside what may be
made so. Others call methods or constructors, and are not here.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.compression import too_large
from leakgauge.targets.pickles.allow_list import (
    CLASSES,
    DISTRIBUTIONS,
    INERT,
    PARTIAL,
    VALUES,
    Pair,
    today,
)
from leakgauge.targets.pickles.arrays import Constructor, array_from_bytes, array_from_list, shape_of
from leakgauge.targets.pickles.checks import a_mapping, an_array, reject_unless
from leakgauge.targets.pickles.construction import Construction, Inert
from leakgauge.targets.pickles.searches import FROZEN_DISTRIBUTIONS
from leakgauge.targets.pickles.sparse import made_matrix
from leakgauge.targets.pickles.virtual_machine import Deferred, MalformedPickleError

Node: TypeAlias = Mapping[str, Any]

_LONGEST_HEADER = 10_000
"""Bytes of the header of an array; those of structured arrays have a few hundred."""

_SCALARS = ("bool", "bytes", "complex", "float", "int", "str", "uint")
_NUMBERS = frozenset(
    pair for pair in VALUES if pair[0] == "numpy" and pair[1].rstrip("0123456789_") in _SCALARS
)
_SPARSE = frozenset(pair for pair in CLASSES if pair[0].startswith("scipy.sparse."))
_SEARCH_TREES = frozenset(
    pair for pair in VALUES if pair[0] in ("sklearn.neighbors._ball_tree", "sklearn.neighbors._kd_tree")
)
_METRICS = frozenset(pair for pair in VALUES if pair[0] == "sklearn.metrics._dist_metrics")
_COMPILED = _SEARCH_TREES | _METRICS
_PLAIN_TYPES: Mapping[Pair, type] = {
    ("builtins", "NoneType"): type(None),
    ("builtins", "bytes"): bytes,
    ("builtins", "complex"): complex,
}
_TWISTER: Pair = ("numpy.random._pickle", "__randomstate_ctor")


@dataclass(slots=True)
class Reader:
    """Makes what the nodes of one file describe, each once."""

    archive: zipfile.ZipFile
    limit: int
    construction: Construction
    made: dict[int, object] = field(default_factory=dict)
    read: int = 0

    def make(self, node: object) -> Any:
        """The object; one that was met before is the same again.

        Raises
        ------
        MalformedPickleError
            for a node that is none, or does not hold together.
        """
        if not isinstance(node, dict) or type(node.get("__loader__")) is not str:
            raise MalformedPickleError("a node without a way to make it")
        number = node.get("__id__")
        reject_unless(number is None or type(number) is int, "a node's number")
        if number is not None and number in self.made:
            return self.made[number]
        _pairs, build = WAYS[node["__loader__"]]
        thing = build(self, node)
        reject_unless(not isinstance(thing, Deferred | Constructor), "an object lacks its state")
        if number is not None:
            self.made[number] = thing
        return thing

    def file(self, node: Node) -> bytes:
        """The bytes that lie beside the schema; many nodes may name one file, so all that is read counts.

        Raises
        ------
        LimitExceeded
            `model_too_large`.
        """
        name = node.get("file")
        reject_unless(type(name) is str, "a node's file")
        data = self.archive.read(str(name))
        self.count(len(data))
        return data

    def count(self, length: int) -> None:
        """Note that so many bytes of arrays are made.

        Raises
        ------
        LimitExceeded
            `model_too_large` when all of them together are more than the limit.
        """
        self.read += length
        if self.read > self.limit:
            raise too_large(self.limit)

    def found(self, node: Node) -> Any:
        """What stands on the list by the node's name."""
        return self.construction.find(*pair_of(node))

    def called(self, pair: Pair, arguments: tuple[Any, ...], state: object = None) -> Any:
        """What a pickle would get for the call, with the state."""
        thing = self.construction.call(self.construction.find(*pair), arguments)
        return thing.finish(state, io.BytesIO()) if isinstance(thing, Deferred) else thing


def pair_of(node: Node) -> Pair:
    """What a node is of.

    In skops' first version a function stood in the content, and the type of all functions in its place.
    """
    content = node.get("content")
    if node["__loader__"] == "FunctionNode" and isinstance(content, dict):
        return str(content.get("module_path")), str(content.get("function"))
    return str(node.get("__module__")), str(node.get("__class__"))


def check_parts(archive: zipfile.ZipFile, limit: int) -> None:
    """See that a zip unpacks to no more than `limit` bytes, and holds no two parts of one name.

    Raises
    ------
    LimitExceeded
        `model_too_large`.
    MalformedPickleError
        for two parts of one name.
    """
    parts = archive.infolist()
    if sum(part.file_size for part in parts) > limit:
        raise too_large(limit)
    names = [part.filename for part in parts]
    reject_unless(len(set(names)) == len(names), "two parts of one name")


# --- one function for each way that a node is made -----------------------------------------------------


def _json(_reader: Reader, node: Node) -> object:
    value = json.loads(node["content"])
    reject_unless(isinstance(value, str | int | float | None), "a plain value")
    return value


def _list(reader: Reader, node: Node) -> list[Any]:
    items: list[Any] = []
    reader.construction.extend(items, _items(reader, node["content"]))
    return items


def _items(reader: Reader, nodes: object) -> list[Any]:
    reject_unless(type(nodes) is list, "a list of nodes")
    assert isinstance(nodes, list)  # noqa: S101 (for the type checker alone)
    return [reader.make(item) for item in nodes]


def _tuple(reader: Reader, node: Node) -> object:
    items = tuple(_items(reader, node["content"]))
    if pair_of(node) == ("builtins", "tuple"):
        return items
    return reader.called(pair_of(node), items)


def _set(reader: Reader, node: Node) -> object:
    return reader.called(pair_of(node), (_items(reader, node["content"]),))


def _dict(reader: Reader, node: Node) -> object:
    kinds = reader.make(node["key_types"])
    content = a_mapping(node["content"], "a mapping needs items")
    reject_unless(type(kinds) is list and len(kinds) == len(content), "keys and their types differ")
    keys = [_key(kind, text) for kind, text in zip(kinds, content, strict=True)]
    values = [reader.make(value) for value in content.values()]
    kind: Any = reader.found(node)
    made = kind()
    reader.construction.put(made, list(zip(keys, values, strict=True)))
    return made


def _key(kind: object, text: str) -> object:
    """The key that JSON keeps as text."""
    if kind is type(None):
        return None
    if kind is bool or kind is np.bool_:
        return text in ("true", "True")
    if not isinstance(kind, type) or not issubclass(kind, str | int | float | np.integer | np.floating):
        raise MalformedPickleError("a mapping by anything but plain values")
    return kind(int(text) if issubclass(kind, np.integer) else text)


def _bytes(reader: Reader, node: Node) -> bytes:
    return reader.file(node)


def _bytearray(reader: Reader, node: Node) -> bytearray:
    return bytearray(reader.file(node))


def _slice(reader: Reader, node: Node) -> object:
    ends = a_mapping(node["content"], "a slice has ends")
    return reader.called(("builtins", "slice"), (ends.get("start"), ends.get("stop"), ends.get("step")))


def _range(reader: Reader, node: Node) -> object:
    numbers = reader.make(node["content"])
    reject_unless(type(numbers) is tuple, "a range's numbers")
    return reader.called(pair_of(node), numbers)


def _value(reader: Reader, node: Node) -> object:
    pair = pair_of(node)
    return _PLAIN_TYPES[pair] if pair in _PLAIN_TYPES else reader.found(node)


def _array(reader: Reader, node: Node) -> object:
    if node.get("type") == "json":
        shape = shape_of(reader.make(node["shape"]))
        reject_unless(len(shape) > 0, "an array's shape must hold lengths")
        items = _items(reader, node["content"])
        for length in shape[1:]:  # as `tolist` nests them
            reject_unless(all(type(row) is list and len(row) == length for row in items), "rows differ")
            items = [item for row in items for item in row]
        return array_from_list(items, shape, fortran=False)
    array = array_in(reader.file(node))
    if pair_of(node) == ("numpy", "ndarray"):
        return array
    reject_unless(array.shape == (), "a number has no shape")
    return array[()]


def array_in(data: bytes) -> NDArray[Any]:
    """The array in a file of NumPy's own format, checked as one in a pickle is.

    Raises
    ------
    MalformedPickleError
        for arrays of objects, or of another size than the header says.
    ValueError
        for a header that NumPy refuses.
    """
    stream = io.BytesIO(data)
    first = np.lib.format.read_magic(stream) == (1, 0)
    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream, max_header_size=_LONGEST_HEADER)
    kinds = [dtype] if dtype.fields is None else [kind for kind, *_place in dtype.fields.values()]
    reject_unless(all(kind.kind in "biufcSUV" and not kind.fields for kind in kinds), "an unusual dtype")
    reject_unless(all(kind.subdtype is None for kind in kinds), "a dtype of arrays, which no model needs")
    return array_from_bytes(stream.read(), dtype, shape_of(shape), fortran=bool(fortran))


def _dtype(reader: Reader, node: Node) -> object:
    return reader.make(node["content"]).dtype


def _sparse(reader: Reader, node: Node) -> object:
    """A sparse matrix out of the zip that SciPy keeps it in."""
    kind: Any = reader.found(node)
    with zipfile.ZipFile(io.BytesIO(reader.file(node))) as archive:
        check_parts(archive, reader.limit)
        reader.count(sum(part.file_size for part in archive.infolist()))
        parts = {name.removesuffix(".npy"): array_in(archive.read(name)) for name in archive.namelist()}
    layout = parts["format"].item()
    layout = layout.decode("ascii") if isinstance(layout, bytes) else layout
    shape = an_array(parts["shape"], "a matrix has a shape", ndim=1).tolist()
    matrix = made_matrix(kind, parts, tuple(shape))
    reject_unless(matrix.format == layout, "a matrix laid out in another way")
    return matrix


def _random_state(reader: Reader, node: Node) -> object:
    return reader.called(_TWISTER, ("MT19937",), reader.make(node["content"]))


def _partial(reader: Reader, node: Node) -> object:
    return reader.called(PARTIAL, (reader.make(node["content"]["func"]),))


def _tree(reader: Reader, node: Node) -> object:
    arguments = reader.make(node["__reduce__"]["args"])
    reject_unless(type(arguments) is tuple, "a tree's arguments")
    return reader.called(pair_of(node), arguments, reader.make(node["content"]))


def _object(reader: Reader, node: Node) -> object:
    pair = today(*pair_of(node))
    content = node.get("content")
    state = None if content is None else reader.make(content)
    if pair in _COMPILED:
        return reader.called((pair[0], "newObj"), (reader.found(node),), state)
    if pair in DISTRIBUTIONS or pair in FROZEN_DISTRIBUTIONS:
        return reader.called(pair, (), state)
    instance = reader.construction.make(reader.found(node), ())
    # skops keeps no state for an object without attributes
    return reader.construction.fill(instance, {} if state is None else state, io.BytesIO())


def _inert(_reader: Reader, _node: Node) -> object:
    return Inert()


def _repeated(_reader: Reader, _node: Node) -> object:
    raise MalformedPickleError("a node that refers to none before it")


_Way: TypeAlias = tuple[frozenset[Pair], Callable[[Reader, Node], object]]
REPEATED = "CachedNode"

WAYS: Mapping[str, _Way] = {
    "BytearrayNode": (frozenset({("builtins", "bytearray")}), _bytearray),
    "BytesNode": (frozenset({("builtins", "bytes")}), _bytes),
    "ConstructorFromReduceNode": (frozenset({("builtins", "range")}), _range),
    "DTypeNode": (frozenset({("numpy", "dtype")}), _dtype),
    "DictNode": (
        frozenset({("builtins", "dict"), ("collections", "OrderedDict"), ("sklearn.utils._bunch", "Bunch")}),
        _dict,
    ),
    "FunctionNode": (VALUES | INERT, _value),
    "JsonNode": (frozenset({("builtins", "str")}), _json),
    "ListNode": (frozenset({("builtins", "list")}), _list),
    "LossNode": (INERT, _inert),
    "MaskedArrayNode": (INERT, _inert),
    "NdArrayNode": (frozenset({("numpy", "ndarray")}) | _NUMBERS, _array),
    "ObjectNode": ((CLASSES - _SPARSE) | INERT | _COMPILED | DISTRIBUTIONS | FROZEN_DISTRIBUTIONS, _object),
    "PartialNode": (frozenset({PARTIAL}), _partial),
    "RandomGeneratorNode": (frozenset({("numpy.random._generator", "Generator")}), _inert),
    "RandomStateNode": (
        frozenset({("numpy.random", "RandomState"), ("numpy.random.mtrand", "RandomState")}),
        _random_state,
    ),
    "SetNode": (frozenset({("builtins", "set"), ("builtins", "frozenset")}), _set),
    "SliceNode": (frozenset({("builtins", "slice")}), _slice),
    "SparseMatrixNode": (_SPARSE, _sparse),
    "TreeNode": (frozenset({("sklearn.tree._tree", "Tree")}), _tree),
    "TupleNode": (
        frozenset({("builtins", "tuple"), ("sklearn.impute._iterative", "_ImputerTriplet")}),
        _tuple,
    ),
    "TypeNode": (VALUES | frozenset(_PLAIN_TYPES), _value),
    REPEATED: (frozenset(), _repeated),
}
"""For each way of making an object, what may be made so, and how. skops knows more; they call methods."""
