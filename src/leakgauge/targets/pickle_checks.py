"""Small checks that every builder of a model's parts uses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.pickle_machine import MalformedPickleError


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
