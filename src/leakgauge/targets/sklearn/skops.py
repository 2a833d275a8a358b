"""Reads `.skops` files by the list, the constructors and the checks of pickles; skops itself is not asked.

A skops file is a zip: `schema.json` describes the model as a tree of nodes, and arrays lie beside it. Each
node names what it is (module and class) and how skops would make it. skops trusts every estimator and
every function of NumPy and SciPy by itself, believes a second name in files of its first versions, and
calls what stands as the type of a key. So nodes are made here instead: what a pickle may bring, with the
functions that make it for a pickle. What is not on the list is named before anything is made.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import LeakgaugeError, UnsafeModel, UnsupportedModel
from leakgauge.targets.compression import too_large
from leakgauge.targets.pickles.allow_list import (
    CLASSES,
    DISTRIBUTIONS,
    INERT,
    PARTIAL,
    VALUES,
    Pair,
    is_allowed,
    today,
)
from leakgauge.targets.pickles.arrays import Constructor, array_from_bytes, array_from_list, shape_of
from leakgauge.targets.pickles.checks import a_mapping, an_array, printable, reject_unless
from leakgauge.targets.pickles.construction import Construction, Inert
from leakgauge.targets.pickles.refusals import refused
from leakgauge.targets.pickles.searches import FROZEN_DISTRIBUTIONS
from leakgauge.targets.pickles.sparse import made_matrix
from leakgauge.targets.pickles.virtual_machine import Budget, Deferred, MalformedPickleError

Node: TypeAlias = Mapping[str, Any]

_SCHEMA = "schema.json"
_VERSION = "_sklearn_version"
_PROTOCOLS = (0, 1, 2)
_LARGEST_SCHEMA = 1 << 26
"""Bytes; that of a forest of 1,000 trees has 16 million. Brackets take 30 times as many in memory."""
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
class _Reader:
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
        _pairs, build = _WAYS[node["__loader__"]]
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
        self.read += len(data)
        if self.read > self.limit:
            raise too_large(self.limit)
        return data

    def found(self, node: Node) -> Any:
        """What stands on the list by the node's name."""
        return self.construction.find(*_pair(node))

    def called(self, pair: Pair, arguments: tuple[Any, ...], state: object = None) -> Any:
        """What a pickle would get for the call, with the state."""
        thing = self.construction.call(self.construction.find(*pair), arguments)
        return thing.finish(state, io.BytesIO()) if isinstance(thing, Deferred) else thing


def load_skops(data: bytes, *, limit: int) -> tuple[Any, frozenset[str]]:
    """The model in a skops file, and the versions of scikit-learn that saved parts of it.

    Parameters
    ----------
    data
        the file.
    limit
        most bytes that its parts may unpack to.

    Raises
    ------
    UnsafeModel
        `refused_globals`, with the types that are not on the list.
    UnsupportedModel
        `unreadable`.
    LimitExceeded
        `model_too_large`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_parts(archive, limit)
            if archive.getinfo(_SCHEMA).file_size > _LARGEST_SCHEMA:
                raise too_large(_LARGEST_SCHEMA)
            schema = json.loads(archive.read(_SCHEMA))
            reject_unless(isinstance(schema, dict) and schema.get("protocol") in _PROTOCOLS, "its version")
            _refuse_unlisted(schema)
            reader = _Reader(archive, limit, Construction(Budget(0)))
            return reader.make(schema), frozenset(_versions(schema))
    except LeakgaugeError:
        raise
    except Exception as error:  # a file can make any step fail in any way; all of them mean the same
        raise UnsupportedModel(
            "unreadable",
            "The skops file is damaged, or written by a version of skops that is not known here.",
            hint="Save the model again, or use joblib.",
        ) from error


def _check_parts(archive: zipfile.ZipFile, limit: int) -> None:
    parts = archive.infolist()
    if sum(part.file_size for part in parts) > limit:
        raise too_large(limit)
    names = [part.filename for part in parts]
    reject_unless(len(set(names)) == len(names), "two parts of one name")


def _nodes(schema: object) -> Iterator[Node]:
    """Every node of the schema; without recursion, since a crafted file can nest deeply."""
    waiting = [schema]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, dict):
            if "__loader__" in thing:
                yield thing
            waiting.extend(thing.values())
        elif isinstance(thing, list):
            waiting.extend(thing)


def _pair(node: Node) -> Pair:
    """What a node is of.

    In skops' first version a function stood in the content, and the type of all functions in its place.
    """
    content = node.get("content")
    if node["__loader__"] == "FunctionNode" and isinstance(content, dict):
        return str(content.get("module_path")), str(content.get("function"))
    return str(node.get("__module__")), str(node.get("__class__"))


def _refuse_unlisted(schema: object) -> None:
    """Refuse a file with anything in it that a pickle may not bring, whether it would be made or not."""
    unlisted: dict[Pair, None] = {}
    for node in _nodes(schema):
        way, pair = node["__loader__"], _pair(node)
        if way == _REPEATED:
            continue
        if not isinstance(way, str) or way not in _WAYS:
            content = node.get("content")
            method = content.get("func") if isinstance(content, dict) and way == "MethodNode" else None
            unlisted[(pair[0], f"{pair[1]}.{method}") if method else pair] = None
        elif today(*pair) not in _WAYS[way][0]:
            unlisted[pair] = None
    if unlisted and all(is_allowed(*pair) for pair in unlisted):
        names = [printable(f"{module}.{name}", 120) for module, name in unlisted]
        raise UnsafeModel(
            "refused_globals",
            f"The skops file holds parts that are read from pickles alone: {', '.join(names[:5])}. It was "
            "not opened.",
            hint='Save the model with joblib.dump(model, "model.joblib") and send that.',
            details={"globals": [*names[:100]]},
        )
    if unlisted:
        raise refused(unlisted)


def _versions(schema: object) -> Iterator[str]:
    for node in _nodes(schema):
        content = node.get("content")
        saved_by = content.get(_VERSION) if isinstance(content, dict) else None
        if isinstance(saved_by, dict) and isinstance(saved_by.get("content"), str):
            version = json.loads(saved_by["content"])
            if isinstance(version, str):
                yield version


# --- one function for each way that a node is made -----------------------------------------------------


def _json(_reader: _Reader, node: Node) -> object:
    value = json.loads(node["content"])
    reject_unless(isinstance(value, str | int | float | None), "a plain value")
    return value


def _list(reader: _Reader, node: Node) -> list[Any]:
    items: list[Any] = []
    reader.construction.extend(items, _items(reader, node["content"]))
    return items


def _items(reader: _Reader, nodes: object) -> list[Any]:
    reject_unless(type(nodes) is list, "a list of nodes")
    assert isinstance(nodes, list)  # noqa: S101 (for the type checker alone)
    return [reader.make(item) for item in nodes]


def _tuple(reader: _Reader, node: Node) -> object:
    items = tuple(_items(reader, node["content"]))
    if _pair(node) == ("builtins", "tuple"):
        return items
    return reader.called(_pair(node), items)


def _set(reader: _Reader, node: Node) -> object:
    return reader.called(_pair(node), (_items(reader, node["content"]),))


def _dict(reader: _Reader, node: Node) -> object:
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


def _bytes(reader: _Reader, node: Node) -> bytes:
    return reader.file(node)


def _bytearray(reader: _Reader, node: Node) -> bytearray:
    return bytearray(reader.file(node))


def _slice(reader: _Reader, node: Node) -> object:
    ends = a_mapping(node["content"], "a slice has ends")
    return reader.called(("builtins", "slice"), (ends.get("start"), ends.get("stop"), ends.get("step")))


def _range(reader: _Reader, node: Node) -> object:
    numbers = reader.make(node["content"])
    reject_unless(type(numbers) is tuple, "a range's numbers")
    return reader.called(_pair(node), numbers)


def _value(reader: _Reader, node: Node) -> object:
    pair = _pair(node)
    return _PLAIN_TYPES[pair] if pair in _PLAIN_TYPES else reader.found(node)


def _array(reader: _Reader, node: Node) -> object:
    if node.get("type") == "json":
        shape = shape_of(reader.make(node["shape"]))
        reject_unless(len(shape) > 0, "an array's shape must hold lengths")
        items = _items(reader, node["content"])
        for length in shape[1:]:  # as `tolist` nests them
            reject_unless(all(type(row) is list and len(row) == length for row in items), "rows differ")
            items = [item for row in items for item in row]
        return array_from_list(items, shape, fortran=False)
    array = array_in(reader.file(node))
    if _pair(node) == ("numpy", "ndarray"):
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


def _dtype(reader: _Reader, node: Node) -> object:
    return reader.make(node["content"]).dtype


def _sparse(reader: _Reader, node: Node) -> object:
    """A sparse matrix out of the zip that SciPy keeps it in."""
    kind: Any = reader.found(node)
    with zipfile.ZipFile(io.BytesIO(reader.file(node))) as archive:
        _check_parts(archive, reader.limit)
        parts = {name.removesuffix(".npy"): array_in(archive.read(name)) for name in archive.namelist()}
    layout = parts["format"].item()
    layout = layout.decode("ascii") if isinstance(layout, bytes) else layout
    shape = an_array(parts["shape"], "a matrix has a shape", ndim=1).tolist()
    matrix = made_matrix(kind, parts, tuple(shape))
    reject_unless(matrix.format == layout, "a matrix laid out in another way")
    return matrix


def _random_state(reader: _Reader, node: Node) -> object:
    return reader.called(_TWISTER, ("MT19937",), reader.make(node["content"]))


def _partial(reader: _Reader, node: Node) -> object:
    return reader.called(PARTIAL, (reader.make(node["content"]["func"]),))


def _tree(reader: _Reader, node: Node) -> object:
    arguments = reader.make(node["__reduce__"]["args"])
    reject_unless(type(arguments) is tuple, "a tree's arguments")
    return reader.called(_pair(node), arguments, reader.make(node["content"]))


def _object(reader: _Reader, node: Node) -> object:
    pair = today(*_pair(node))
    content = node.get("content")
    state = None if content is None else reader.make(content)
    if pair in _COMPILED:
        return reader.called((pair[0], "newObj"), (reader.found(node),), state)
    if pair in DISTRIBUTIONS or pair in FROZEN_DISTRIBUTIONS:
        return reader.called(pair, (), state)
    instance = reader.construction.make(reader.found(node), ())
    # skops keeps no state for an object without attributes
    return reader.construction.fill(instance, {} if state is None else state, io.BytesIO())


def _inert(_reader: _Reader, _node: Node) -> object:
    return Inert()


def _repeated(_reader: _Reader, _node: Node) -> object:
    raise MalformedPickleError("a node that refers to none before it")


_Way: TypeAlias = tuple[frozenset[Pair], Callable[[_Reader, Node], object]]
_REPEATED = "CachedNode"

_WAYS: Mapping[str, _Way] = {
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
    _REPEATED: (frozenset(), _repeated),
}
"""For each way of making an object, what may be made so, and how. skops knows more; they call methods."""
