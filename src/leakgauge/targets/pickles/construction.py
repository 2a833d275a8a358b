"""The model that a pickle describes, made from allowed parts by checked steps."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import sklearn
from scipy import sparse
from scipy.interpolate import BSpline
from sklearn.base import BaseEstimator
from sklearn.impute._iterative import _ImputerTriplet
from sklearn.utils import Bunch, check_array

from leakgauge.targets.pickles.allow_list import (
    ARRAY_FUNCTIONS,
    CLASSES,
    CONSTRUCTORS,
    GETATTR,
    INERT,
    PARTIAL,
    STRING_METHODS,
    VALUES,
    Pair,
    today,
)
from leakgauge.targets.pickles.arrays import ARRAY_CONSTRUCTORS, ArrayHeader, Constructor
from leakgauge.targets.pickles.boosters import BOOSTER_CONSTRUCTORS
from leakgauge.targets.pickles.checks import a_mapping, an_array, arguments_of, is_method, reject_unless
from leakgauge.targets.pickles.labels import LABEL_CONSTRUCTORS
from leakgauge.targets.pickles.searches import NAMED_DISTRIBUTIONS, SEARCH_CONSTRUCTORS
from leakgauge.targets.pickles.sparse import made_matrix
from leakgauge.targets.pickles.trees import TREE_CONSTRUCTORS
from leakgauge.targets.pickles.virtual_machine import Budget, Deferred, MalformedPickleError, VirtualMachine

_PLAIN_KEYS = (str, bytes, int, float, complex, np.generic, type(None))

# a range takes a few bytes in a file and as much as it likes in an array
_LONGEST_RANGE = 1_000_000


@dataclass(slots=True, eq=False)
class Inert:
    """Stands for something that the model carries along and no prediction uses."""


@dataclass(slots=True)
class Construction:
    """A builder that makes the model.

    Nothing that comes out of the file is called or asked for a method: calls go
    to functions of this package, and states into classes from the allow-list.

    Attributes
    ----------
    also
        classes that are made beside those on the list.
    """

    budget: Budget
    also: frozenset[Pair] = frozenset()
    _makeable: set[type] = field(default_factory=set)

    def find(self, module: str, name: str) -> object:
        """The class, value or constructor of an allowed pair.

        Raises
        ------
        MalformedPickleError
            for a pair that is not on the list; the scanner has named it before.
        """
        pair = today(module, name)
        if pair in INERT:
            return Inert()
        if pair in CONSTRUCTORS:
            return _CONSTRUCTORS[pair]
        is_class = pair in CLASSES or pair in self.also
        if not is_class and pair not in VALUES:
            raise MalformedPickleError("a global that is not allowed")
        found = getattr(importlib.import_module(pair[0]), pair[1])
        if is_class:
            self._makeable.add(found)
        return found

    def call(self, function: object, arguments: object) -> object:
        """Have one of our constructors make the object.

        Raises
        ------
        MalformedPickleError
            for anything else that the file wants called.
        """
        if isinstance(function, Inert):
            return Inert()
        if function is _RECONSTRUCTOR:
            return self._reconstruct(arguments)
        if function is OrderedDict:
            return self.make(function, arguments)  # it is pickled as a call, without arguments
        if not isinstance(function, Constructor):
            raise MalformedPickleError("a call of something that is not called in any model")
        return function.construct(arguments)

    def make(self, kind: object, arguments: object) -> object:
        """An empty instance of an allowed class.

        Raises
        ------
        MalformedPickleError
            for other classes, and when there are arguments.
        """
        if isinstance(kind, Inert):
            return Inert()
        if isinstance(kind, Constructor):
            return self.call(kind, arguments)
        if not isinstance(kind, type) or kind not in self._makeable:
            raise MalformedPickleError("a class that models do not consist of")
        reject_unless(type(arguments) is tuple and not arguments, "a class that is made with arguments")
        if issubclass(kind, BaseEstimator):
            return object.__new__(kind)  # `__new__` of one that is on its way out would warn
        empty: Any = kind
        return empty.__new__(empty)

    def fill(self, instance: object, state: object, file: BinaryIO) -> object:
        """The instance with its attributes.

        Raises
        ------
        MalformedPickleError
            when the state is not one of attributes, or would replace a method.
        """
        if isinstance(instance, Inert):
            return instance
        if isinstance(instance, ArrayHeader):
            instance.read_state(state)
            return self._nested(instance, file) if instance.holds_objects else instance.read_array(file)
        kind = type(instance)
        reject_unless(kind in self._makeable, "a state for something that has none")
        attributes = a_mapping(state, "a state must name attributes")
        owner: Any = kind
        for name, value in attributes.items():
            reject_unless(type(name) is str, "a state must name attributes")
            reject_unless(not is_method(owner, name), "a state that replaces what is the class's own")
            _reject_unfinished(value)
        _set_attributes(instance, attributes)
        return instance

    def extend(self, container: object, items: list[object]) -> None:
        """Add to a list, or plain values to a set.

        Raises
        ------
        MalformedPickleError
            for other containers and other items.
        """
        for item in items:
            _reject_unfinished(item)
        if type(container) is list:
            container.extend(items)
        elif type(container) is set:
            reject_unless(all(map(_is_plain, items)), "a set of anything but plain values")
            container.update(items)
        else:
            reject_unless(isinstance(container, Inert), "items for something that holds none")

    def put(self, container: object, pairs: list[tuple[object, object]]) -> None:
        """Set items of a mapping under plain keys.

        Raises
        ------
        MalformedPickleError
            for other containers and other keys.
        """
        if isinstance(container, Inert):
            return
        if not isinstance(container, dict) or type(container) not in (dict, OrderedDict, Bunch):
            raise MalformedPickleError("items for something that holds none")
        for key, value in pairs:
            reject_unless(_is_plain(key), "a mapping by anything but plain values")
            _reject_unfinished(value)
            container[key] = value

    def refuse(self, instruction: str) -> object:
        """Stop: the scanner has named the instruction before.

        Raises
        ------
        MalformedPickleError
            always.
        """
        raise MalformedPickleError(f"the instruction {instruction}")

    def _nested(self, header: ArrayHeader, file: BinaryIO) -> object:
        array = VirtualMachine(file, self, self.budget).run()
        reject_unless(
            isinstance(array, np.ndarray) and array.shape == header.shape, "an array and its header differ"
        )
        return array

    def _reconstruct(self, arguments: object) -> object:
        kind, base, state = arguments_of(arguments, least=3)
        instance = self.make(kind, ())
        if base is dict:
            self.put(instance, list(a_mapping(state, "a mapping needs items").items()))
        else:
            reject_unless(base is object and state is None, "a class that is made in an unusual way")
        return instance


def _reject_unfinished(value: object) -> None:
    reject_unless(not isinstance(value, Deferred | ArrayHeader | Constructor), "an object lacks its state")


def _set_attributes(instance: Any, state: dict[str, Any]) -> None:
    if isinstance(instance, BSpline):
        # its C code trusts knots and coefficients to fit each other; this constructor checks
        knots, coefficients = (state.get(name, state.get(f"_{name}")) for name in ("t", "c"))
        checked = BSpline(knots, coefficients, state["k"], state["extrapolate"], state["axis"])
        vars(instance).update(vars(checked))
        return
    if sparse.issparse(instance):
        vars(instance).update(vars(made_matrix(type(instance), state, state.get("_shape"))))
        return
    if isinstance(instance, BaseEstimator):
        # the file's own version has been noted; scikit-learn would warn about it for every estimator
        state = {**state, "_sklearn_version": sklearn.__version__}
    set_state = getattr(type(instance), "__setstate__", None)
    if set_state is None:
        vars(instance).update(state)
    else:
        set_state(instance, state)


def _encode(arguments: object) -> object:
    text, codec = arguments_of(arguments, least=2)
    reject_unless(isinstance(text, str) and codec in ("latin1", "latin-1"), "bytes in an unusual writing")
    return text.encode("latin-1")


def _bytearray(arguments: object) -> object:
    data, *codec = arguments_of(arguments, least=0, most=2) or (b"",)
    if isinstance(data, str) and codec in (["latin1"], ["latin-1"]):
        return bytearray(data, "latin-1")
    reject_unless(isinstance(data, bytes) and not codec, "bytes in an unusual writing")
    return bytearray(data)


def _items_of_set(arguments: object) -> list[Any]:
    (items,) = arguments_of(arguments, least=0, most=1) or ([],)
    reject_unless(type(items) is list, "a set is made from a list")
    reject_unless(all(map(_is_plain, items)), "a set of anything but plain values")
    return list(items)


def _is_plain(key: object) -> bool:
    """Whether it may be hashed: a plain value or a tuple of such; nested tuples can take exponential time."""
    parts = key if type(key) is tuple else (key,)
    return all(isinstance(part, _PLAIN_KEYS) for part in parts)


def _numbers(arguments: object, *, least: int, most: int) -> tuple[Any, ...]:
    numbers = arguments_of(arguments, least=least, most=most)
    reject_unless(all(isinstance(number, int | float | np.number | None) for number in numbers), "a number")
    return numbers


def _defaultdict(arguments: object) -> object:
    """A plain mapping: what makes missing values of it is never called."""
    arguments_of(arguments, least=0, most=1)
    return {}


def _range(arguments: object) -> object:
    made = range(*_numbers(arguments, least=1, most=3))
    reject_unless(len(made) <= _LONGEST_RANGE, "a range that is too long")
    return made


def _bit_generator(arguments: object) -> object:
    (kind,) = arguments_of(arguments, least=1)
    if isinstance(kind, Inert):
        return Inert()
    reject_unless(kind in ("MT19937", np.random.MT19937), "an unusual random generator")

    def finish(state: object, _file: BinaryIO) -> np.random.MT19937:
        generator = np.random.MT19937(0)
        settings: Any = _twister_state(state[0] if isinstance(state, tuple) and state else state)
        generator.state = settings
        return generator

    return Deferred(finish)


def _random_state(arguments: object) -> object:
    generator, *_constructor = arguments_of(arguments, least=1, most=2)
    if isinstance(generator, Inert):
        return Inert()
    reject_unless(
        generator == "MT19937" or isinstance(generator, np.random.MT19937), "an unusual random generator"
    )

    def finish(state: object, _file: BinaryIO) -> np.random.RandomState:
        made = np.random.RandomState(0)
        made.set_state(_twister_state(state))
        return made

    return Deferred(finish)


def _twister_state(state: object) -> dict[str, Any]:
    """A Mersenne Twister's state; NumPy reads past its end when the position lies outside."""
    outer = a_mapping(state, "a random generator's state")
    inner = a_mapping(outer.get("state"), "a random generator's state")
    key, position = an_array(inner.get("key"), "a random generator's key", ndim=1), inner.get("pos")
    reject_unless(len(key) == 624, "a random generator's key")
    reject_unless(isinstance(position, int) and 0 <= position <= 624, "a random generator's position")
    return {
        "bit_generator": "MT19937",
        "state": {"key": np.asarray(key, dtype=np.uint32), "pos": position},
        "has_gauss": int(bool(outer.get("has_gauss", 0))),
        "gauss": float(outer.get("gauss", 0.0)),
    }


def _partial(arguments: object) -> object:
    (function,) = arguments_of(arguments, least=1)
    reject_unless(function is check_array, "a function of the sender's")
    # the settings that histogram gradient boosting uses; those in the file may be of another version
    check = partial(check_array, dtype=[np.float64], ensure_all_finite=False)
    return Deferred(lambda _state, _file: check)


def _attribute(arguments: object) -> object:
    owner, name = arguments_of(arguments, least=2)
    if isinstance(owner, Inert | Deferred) or owner in NAMED_DISTRIBUTIONS:
        return Inert()  # what a distribution carries along; nothing is asked of it
    reject_unless(owner is str and name in STRING_METHODS, "a method of something else than text")
    return getattr(str, name)


def _ufunc(arguments: object) -> object:
    module, name = arguments_of(arguments, least=2)
    reject_unless(isinstance(module, str) and isinstance(name, str), "a function is named by text")
    pair = today(module, name)
    reject_unless(pair in ARRAY_FUNCTIONS, "a function that is not on the list")
    return getattr(importlib.import_module(pair[0]), pair[1])


def _imputer_triplet(arguments: object) -> object:
    feature, neighbours, estimator = arguments_of(arguments, least=3)
    reject_unless(isinstance(estimator, BaseEstimator), "an imputer's step needs an estimator")
    return _ImputerTriplet(feature, neighbours, estimator)


_RECONSTRUCTOR = Constructor(lambda _arguments: None)

_CONSTRUCTORS: Mapping[Pair, Constructor] = {
    **ARRAY_CONSTRUCTORS,
    **BOOSTER_CONSTRUCTORS,
    **LABEL_CONSTRUCTORS,
    **TREE_CONSTRUCTORS,
    ("_codecs", "encode"): Constructor(_encode),
    ("builtins", "bytearray"): Constructor(_bytearray),
    ("builtins", "bytes"): Constructor(lambda arguments: bytes(*arguments_of(arguments, least=0))),
    ("builtins", "complex"): Constructor(lambda arguments: complex(*_numbers(arguments, least=2, most=2))),
    ("builtins", "frozenset"): Constructor(lambda arguments: frozenset(_items_of_set(arguments))),
    ("builtins", "range"): Constructor(_range),
    ("builtins", "set"): Constructor(lambda arguments: set(_items_of_set(arguments))),
    ("builtins", "slice"): Constructor(lambda arguments: slice(*_numbers(arguments, least=3, most=3))),
    ("collections", "defaultdict"): Constructor(_defaultdict),
    ("copyreg", "_reconstructor"): _RECONSTRUCTOR,
    PARTIAL: Constructor(_partial),
    **SEARCH_CONSTRUCTORS,
    GETATTR: Constructor(_attribute),
    ("numpy._core", "_ufunc_reconstruct"): Constructor(_ufunc),
    ("sklearn.impute._iterative", "_ImputerTriplet"): Constructor(_imputer_triplet),
    ("numpy.random._pickle", "__bit_generator_ctor"): Constructor(_bit_generator),
    ("numpy.random._pickle", "__randomstate_ctor"): Constructor(_random_state),
}
