"""Small checks that every builder of a model's parts uses."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import UnsafeModel
from leakgauge.targets.pickles.virtual_machine import MalformedPickleError
from leakgauge.text import Sink
from leakgauge.text import printable as made_printable

_ABSENT = object()


def reject_unless(condition: object, complaint: str) -> None:
    """Refuse a part of a model that does not hold together.

    Raises
    ------
    MalformedPickleError
        with `complaint` unless `condition`.
    """
    if not condition:
        raise MalformedPickleError(complaint)


def a_mapping(value: object, complaint: str) -> dict[Any, Any]:
    """The value, when it is a plain mapping.

    Raises
    ------
    MalformedPickleError
        with `complaint` otherwise.
    """
    if type(value) is not dict:
        raise MalformedPickleError(complaint)
    return value


def an_array(value: object, complaint: str, *, ndim: int) -> NDArray[Any]:
    """The value, when it is an array of `ndim` dimensions.

    Raises
    ------
    MalformedPickleError
        with `complaint` otherwise.
    """
    if not isinstance(value, np.ndarray) or value.ndim != ndim:
        raise MalformedPickleError(complaint)
    return value


def arguments_of(arguments: object, *, least: int, most: int | None = None) -> tuple[Any, ...]:
    """The arguments of a call, when they are a tuple of `least` to `most` (default: `least`).

    Raises
    ------
    MalformedPickleError
        otherwise.
    """
    if not isinstance(arguments, tuple) or not least <= len(arguments) <= (least if most is None else most):
        raise MalformedPickleError("a call has the wrong number of arguments")
    return arguments


@functools.lru_cache(maxsize=10_000)  # a forest asks for the same twenty names a thousand times
def is_method(kind: type, name: str) -> bool:
    """Whether an attribute of this name would hide a method of the class, or a setting of its own.

    What a class says of all its instances, such as how a sparse matrix is laid out, no instance says anew.
    Settings that an estimator takes are its instances' own, also where the class has a value for them, as
    `Lars.positive`.
    """
    if name.startswith("__"):
        return True
    attribute = inspect.getattr_static(kind, name, _ABSENT)
    taken: tuple[str, ...] = tuple(getattr(kind, "_get_param_names", tuple)())
    if name in taken and not hasattr(type(attribute), "__get__"):
        return False
    # a property wins over an attribute of the same name, all else loses
    return attribute is not _ABSENT and not isinstance(attribute, property)


def refused_setting(part: object, setting: str, why: str, hint: str) -> UnsafeModel:
    """The error `refused_settings`: a part that is on the list, in a form that is not safe.

    Parameters
    ----------
    part
        the estimator.
    setting
        what it has, printable: `input="filename"`.
    why
        the reason, as the rest of a sentence: "which reads files that the table names".
    hint
        what to do next.
    """
    name = type(part).__name__
    return UnsafeModel(
        "refused_settings",
        f"The model's {name} has {setting}, {why}; nothing of it was run.",
        hint=hint,
        details={"estimator": name, "setting": setting},
    )


def printable(text: str, length: int = 60) -> str:
    """The text for a message, at most `length` characters."""
    return made_printable(text, Sink.MESSAGE, longest=length)
