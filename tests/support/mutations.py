"""Fitted models with one part changed, wherever it lies: what a file can say that `fit` never does.

`mutated(model, random)` gives the bytes of such a model and says in words what was changed. Compiled
objects (trees, search trees, metrics, random generators, sparse matrices' internals) are changed in the
state that they are pickled with, so that their own constructors cannot object.
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import joblib
import numpy as np

Random = np.random.Generator

_EDGES = (
    *(0, 1, 2, 3, 5, 7, 64, 255, 256, 623, 624, 625, 1_000, 65_535),
    *(2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**64),
    *(-1, -2, -3, -128, -(2**31), -(2**63)),
)
_FLOATS = (np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 0.5, 1e308, -1e308, 5e-324, 1e18)
_DTYPES = (
    *("?", "i1", "u1", "i2", "i4", "u4", "i8", "u8", ">i4", ">i8"),
    *("f2", "f4", "f8", ">f8", "c16", "S3", "U3", "O"),
)
_WORDS = (
    *("", "auto", "brute", "kd_tree", "ball_tree", "precomputed", "euclidean", "minkowski", "haversine"),
    *("mahalanobis", "seuclidean", "cosine", "nan_euclidean", "hamming", "csr", "csc", "lil"),
    *("passthrough", "drop", "soft", "hard", "predict_proba", "decision_function", "predict"),
    *("linear", "rbf", "poly", "sigmoid", "callable", "ovr", "ovo", "multinomial", "prefit"),
    *("log_loss", "hinge", "exponential", "gini", "entropy", "best", "random", "sqrt", "log2"),
    *("mean", "median", "most_frequent", "constant", "prior", "stratified", "uniform", "distance"),
    *("word", "char", "char_wb", "content", "filename", "file", "utf-8", "utf-7", "strict", "ignore"),
    *("error", "infrequent_if_exist", "use_encoded_value", "if_binary", "first", "onehot", "ordinal"),
    *("string", "pair", "dict", "lloyd", "elkan", "omp", "lars", "lasso_cd", "threshold", "l1", "l2"),
    *("relu", "tanh", "logistic", "identity", "isotonic", "sigmoid", "temperature", "x" * 300, "\x00", "%s"),
    *("__class__", "f0", "f5", "colour", "epsilon_insensitive", "one_class", "c_svc", "(a+)+$", "("),
)
_COMPILED = (
    "sklearn.tree._tree", "sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree",
    "sklearn.metrics._dist_metrics", "numpy.random.mtrand", "numpy.random._generator",
    "numpy.random._mt19937", "numpy.random._pcg64", "sklearn._loss._loss", "_loss",
    "sklearn.linear_model._sgd_fast",
)  # fmt: skip


class Compiled:
    """Stands for a compiled object: it is pickled as that one is, by a state that can be changed."""

    def __init__(self, reduced: tuple[Any, ...]) -> None:
        self.function, self.arguments = reduced[0], reduced[1]
        self.state = reduced[2] if len(reduced) > 2 else None

    def __reduce__(self) -> tuple[Any, ...]:
        if self.state is None:
            return self.function, self.arguments
        return self.function, self.arguments, self.state


@dataclass(frozen=True)
class Place:
    """Something inside a model that can be replaced by something else."""

    path: tuple[str, ...]
    value: Any
    replace: Callable[[Any], None]

    @property
    def kind(self) -> tuple[str, ...]:
        """The path without positions, which trees and stages of one ensemble share."""
        return tuple("#" if step.lstrip("-").isdecimal() else step for step in self.path)


def _put(container: Any, key: Any) -> Callable[[Any], None]:
    def replace(value: Any) -> None:
        container[key] = value

    return replace


def _in_tuple(place: Place, position: int) -> Callable[[Any], None]:
    def replace(value: Any) -> None:
        items = list(place.value)
        items[position] = value
        kind: Any = type(place.value)
        place.replace(kind(*items) if hasattr(kind, "_fields") else tuple(items))

    return replace


def opened(model: Any) -> Any:
    """The model, its compiled objects exchanged in place for `Compiled` ones."""
    holder = [model]
    for place in list(places(holder, closed=True)):
        if type(place.value).__module__ in _COMPILED and not isinstance(place.value, type):
            place.replace(Compiled(place.value.__reduce_ex__(4)))
    # a generator's state holds another compiled object
    for place in list(places(holder)):
        if type(place.value).__module__ in _COMPILED and not isinstance(place.value, type):
            place.replace(Compiled(place.value.__reduce_ex__(4)))
    return holder[0]


def places(holder: list[Any], *, closed: bool = False) -> Iterator[Place]:
    """Every place inside a list of one model; what is met twice is given once."""
    seen: set[int] = set()
    waiting = [Place(("model",), holder[0], _put(holder, 0))]
    while waiting:
        place = waiting.pop()
        yield place
        value = place.value
        if isinstance(value, str | bytes | int | float | complex | type | None | np.generic):
            continue
        if id(value) in seen:
            continue
        seen.add(id(value))
        waiting.extend(_inside(place))


def _inside(place: Place) -> list[Place]:
    value, path = place.value, place.path
    if isinstance(value, Compiled):
        arguments = Place((*path, "arguments"), value.arguments, partial(setattr, value, "arguments"))
        state = Place((*path, "state"), value.state, partial(setattr, value, "state"))
        return [*_inside(arguments), state]
    if isinstance(value, dict):
        return [Place((*path, str(key)), value[key], _put(value, key)) for key in value]
    if isinstance(value, list):
        return [Place((*path, str(key)), item, _put(value, key)) for key, item in enumerate(value)]
    if isinstance(value, tuple):
        return [Place((*path, str(key)), item, _in_tuple(place, key)) for key, item in enumerate(value)]
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            return []
        flat = value.reshape(-1)
        if not np.shares_memory(flat, value):
            return []
        return [Place((*path, str(key)), item, _put(flat, key)) for key, item in enumerate(flat)]
    attributes = getattr(value, "__dict__", None)
    # a function is the library's own, here and in every other model
    if isinstance(attributes, dict) and not hasattr(value, "__name__"):
        return [Place((*path, str(key)), attributes[key], _put(attributes, key)) for key in attributes]
    return []


def mutated(model: Any, random: Random) -> tuple[bytes, str]:
    """The bytes of the model after one to four changes, in one of the ways that people save models.

    Parameters
    ----------
    model
        a fitted model of one's own, which is changed.
    """
    holder = [opened(model)]
    changes = []
    for _ in range(int(random.choice([1, 1, 1, 1, 2, 2, 3, 4]))):
        known = list(places(holder))
        kinds: dict[tuple[str, ...], list[Place]] = {}
        for place in known[1:]:
            kinds.setdefault(place.kind, []).append(place)
        if not kinds:
            break
        groups = list(kinds.values())
        if random.random() < 0.4:  # what compiled code is handed, which few of all places are
            groups = [group for group in groups if _reaches_far(group[0])] or groups
        alike = groups[int(random.integers(len(groups)))]
        place = alike[int(random.integers(len(alike)))]
        new, how = changed(place.value, known, random)
        try:
            place.replace(new)
        except (TypeError, ValueError, IndexError):
            continue
        changes.append(f"{'.'.join(place.path[1:])[-150:]}: {how}")
    return _saved(holder[0], random), "; ".join(changes)


def _reaches_far(place: Place) -> bool:
    return isinstance(place.value, np.ndarray) or "state" in place.path or place.path[-1].endswith("_")


def _saved(model: Any, random: Random) -> bytes:
    # cycles and depths that a change made are the reader's matter, not that of the writer
    if random.random() < 0.15:
        file = io.BytesIO()
        joblib.dump(model, file, compress=int(random.choice([0, 3])))
        return file.getvalue()
    return pickle.dumps(model, int(random.choice([2, 3, 4, 5])))


def changed(value: Any, known: list[Place], random: Random) -> tuple[Any, str]:
    """Another value in the place of this one, and what it is in words."""
    if random.random() < 0.12:
        other = known[int(random.integers(len(known)))]
        return other.value, f"what stands at {'.'.join(other.path[1:])[-100:]}"
    if random.random() < 0.06:
        return _anything(random)
    if isinstance(value, np.ndarray) and value.dtype.names:
        return _with_field(value, random)
    if isinstance(value, np.ndarray):
        return _array(value, random)
    if isinstance(value, bool | np.bool_):
        return (not value, "negated") if random.random() < 0.6 else _anything(random)
    if isinstance(value, int | np.integer):
        return _whole(int(value), random)
    if isinstance(value, float | np.floating):
        new = float(random.choice(_FLOATS))
        return new, repr(new)
    if isinstance(value, str):
        word = str(random.choice(_WORDS))
        return word, repr(word[:40])
    if isinstance(value, list | tuple):
        return _sequence(value, random)
    if isinstance(value, dict) and value:
        return _mapping(value, random)
    return _anything(random)


def _whole(value: int, random: Random) -> tuple[Any, str]:
    if random.random() < 0.5:
        new = value + int(random.choice([-2, -1, 1, 2, 10, -10]))
    else:
        new = int(_EDGES[int(random.integers(len(_EDGES)))])
    return new, f"{value} -> {new}"


def _anything(random: Random) -> tuple[Any, str]:
    chosen = [
        None, True, False, -1, 0, 1, 2**40, 0.5, float("nan"), "", "auto", b"x", [], {}, (),
        np.zeros(0), np.zeros((0, 0)), np.float64(0.5), np.int64(-1), np.array(3), np.array("x"),
        [[1], [2, 3]], {"a": 1}, (0, 1), slice(0, 2), frozenset({0}), {1, 2}, range(3), 1j, float,
    ]  # fmt: skip
    new = chosen[int(random.integers(len(chosen)))]
    return new, f"replaced by {str(new)[:40]!r}"


def _sequence(value: Any, random: Random) -> tuple[Any, str]:
    items = list(value)
    ways: list[tuple[str, Callable[[], Any]]] = [
        ("without its last", lambda: items[:-1]),
        ("without its first", lambda: items[1:]),
        ("doubled", lambda: items * 2),
        ("reversed", lambda: items[::-1]),
        ("empty", list),
        ("shuffled", lambda: [items[place] for place in random.permutation(len(items))]),
        ("an array", lambda: np.array([*items, None], dtype=object)[:-1]),
        ("one within another", lambda: [items]),
    ]
    how, make = ways[int(random.integers(len(ways)))]
    new = make()
    if isinstance(new, list) and isinstance(value, tuple) and random.random() < 0.8:
        new = tuple(new)
    return new, how


def _mapping(value: dict[Any, Any], random: Random) -> tuple[Any, str]:
    keys = list(value)
    key = keys[int(random.integers(len(keys)))]
    match int(random.integers(4)):
        case 0:
            return {name: item for name, item in value.items() if name != key}, f"without {str(key)[:30]!r}"
        case 1:
            return dict(zip(keys, [value[name] for name in keys[::-1]], strict=True)), "values exchanged"
        case 2:
            return value | {str(random.choice(_WORDS)): value[key]}, "with one more"
        case _:
            return {}, "empty"


def _with_field(value: np.ndarray[Any, Any], random: Random) -> tuple[Any, str]:
    """Records, as trees keep their nodes, with one field of some of them changed."""
    if not value.size or random.random() < 0.2:
        return _array(value, random)
    names = value.dtype.names or ()
    name = names[int(random.integers(len(names)))]
    new = value.copy()
    some = _some(new.shape, random)
    with np.errstate(all="ignore"):
        number = _number(new[name].dtype, new.size, random)
        new[name][some] = number
    return new, f"{name}[some] = {number}"


def _some(shape: tuple[int, ...], random: Random) -> Any:
    """One place, or a tenth of all, or all."""
    way = random.random()
    if way < 0.5:
        return tuple(int(random.integers(length)) for length in shape)
    return random.random(shape) < (0.1 if way < 0.8 else 2)


def _number(dtype: np.dtype[Any], size: int, random: Random) -> Any:
    if dtype.kind == "b":
        return bool(random.integers(2))
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        pool = [bounds.min, bounds.max, 0, 1, 2, size, size - 1, size + 1, 8, 31, 32, 63, 64, 255, 1000]
        return int(np.clip(pool[int(random.integers(len(pool)))], bounds.min, bounds.max))
    return _FLOATS[int(random.integers(len(_FLOATS)))]


def _array(value: np.ndarray[Any, Any], random: Random) -> tuple[Any, str]:
    if value.size and value.dtype.kind in "biufc" and random.random() < 0.4:
        new = value.copy()
        with np.errstate(all="ignore"):
            number = _number(new.dtype, new.size, random)
            new[_some(new.shape, random)] = number
        return new, f"[some] = {number}"
    dtype = _DTYPES[int(random.integers(len(_DTYPES)))]
    ways: list[tuple[str, Callable[[], Any]]] = [
        (f"as {dtype}", lambda: value.astype(dtype)),
        (f"as {dtype}", lambda: value.astype(dtype)),
        ("flat", value.ravel),
        ("in one more dimension", lambda: value[None]),
        ("with an axis behind", lambda: value[..., None]),
        ("without its last", lambda: value[:-1]),
        ("without its last column", lambda: value[..., :-1]),
        ("twice", lambda: np.concatenate([value, value])),
        ("twice as wide", lambda: np.concatenate([value, value], axis=-1)),
        ("empty", lambda: value[:0]),
        ("without columns", lambda: value[..., :0]),
        ("turned", lambda: value.T.copy()),
        ("in Fortran order", lambda: np.asfortranarray(value)),
        ("backwards", lambda: value[::-1]),
        ("every second", lambda: value[::2]),
        ("shuffled", lambda: random.permutation(value)),
        ("its first alone", lambda: value.reshape(-1)[0]),
        ("in no dimension", lambda: np.array(value.reshape(-1)[0])),
        ("a list", value.tolist),
        ("a tuple", lambda: tuple(value.tolist())),
        ("as objects in a list", lambda: value.astype(object).tolist()),
    ]
    how, make = ways[int(random.integers(len(ways)))]
    try:
        with np.errstate(all="ignore"):
            return make(), how
    except (ValueError, TypeError, IndexError, OverflowError):
        return np.zeros(0), "nothing"


# --- skops ---------------------------------------------------------------------------------------------


def mutated_skops(data: bytes, random: Random) -> tuple[bytes, str]:
    """A skops file with one to three nodes of its schema, or arrays in it, changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    holder = [json.loads(parts["schema.json"])]
    changes = []
    for _ in range(int(random.choice([1, 1, 2, 3]))):
        arrays = [name for name in parts if name.endswith(".npy")]
        if arrays and random.random() < 0.4:
            name = arrays[int(random.integers(len(arrays)))]
            try:
                array = np.load(io.BytesIO(parts[name]))
                change = _with_field if array.dtype.names else _array
                new, how = change(array, random)
                file = io.BytesIO()
                np.save(file, np.asarray(new), allow_pickle=False)
            except (ValueError, EOFError):
                continue
            parts[name] = file.getvalue()
            changes.append(f"an array: {how}")
            continue
        known = list(places(holder))
        place = known[int(random.integers(len(known)))]
        new, how = _of_schema(place, known, random)
        place.replace(new)
        changes.append(f"{'.'.join(place.path[1:])[-150:]}: {how}")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, json.dumps(holder[0]) if name == "schema.json" else content)
    return file.getvalue(), "; ".join(changes)


def _of_schema(place: Place, known: list[Place], random: Random) -> tuple[Any, str]:
    value = place.value
    if place.path[-1] == "content" and isinstance(value, str):
        # plain values stand in the schema as JSON in JSON
        try:
            new, how = changed(json.loads(value), known, random)
            return json.dumps(new), how
        except (ValueError, TypeError, RecursionError):
            return "[" * int(random.choice([1, 5_000])), "JSON that is none"
    alike = [other for other in known if other.path[-1] == place.path[-1]]
    if random.random() < 0.7:
        other = alike[int(random.integers(len(alike)))]
        return other.value, f"what stands at {'.'.join(other.path[1:])[-100:]}"
    if isinstance(value, dict) and value:
        return _mapping(value, random)
    if isinstance(value, list):
        return [*value, *value], "doubled"
    return [None, 0, -1, 2**70, "x", [], {}][int(random.integers(7))], "something else"
