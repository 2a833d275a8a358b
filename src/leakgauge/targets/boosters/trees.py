"""The shape of a tree, checked before compiled code walks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel

DEEPEST = 4_096
"""Levels of a tree; boosting grows a few dozen, and libraries walk trees by recursion."""

Ints: TypeAlias = NDArray[np.int64]
Refuse: TypeAlias = Callable[[str], UnsupportedModel]
"""Makes the error for a tree that does not hold together, from what is wrong with it."""


def check_walk(left: Ints, right: Ints, *, refuse: Refuse) -> NDArray[np.bool_]:
    """Check that a walk from the root stays inside the tree and ends.

    Parameters
    ----------
    left, right
        (n_nodes,) children of each node; negative in both for a leaf.

    Returns
    -------
    NDArray
        (n_nodes,) which nodes a walk can reach.

    Raises
    ------
    UnsupportedModel
        as `refuse` makes it.
    """
    n = len(left)
    if n == 0:
        raise refuse("has no node")
    inner = left >= 0
    if not np.array_equal(inner, right >= 0):
        raise refuse("has a node with one child")
    children = np.concatenate([left[inner], right[inner]])
    if np.any(children >= n):
        raise refuse("has a child outside of the tree")
    if np.any(np.bincount(children, minlength=n) > 1) or np.any(children == 0):
        raise refuse("has a node with two parents")
    # with one parent for each node and none for the root, no walk from the root comes round again
    reached = np.zeros(n, dtype=np.bool_)
    level = np.zeros(1, dtype=np.int64)
    for _ in range(DEEPEST):
        reached[level] = True
        level = level[inner[level]]
        if not len(level):
            return reached
        level = np.concatenate([left[level], right[level]])
    raise refuse(f"is deeper than {DEEPEST:,} levels")


def whole_numbers(value: Any, *, refuse: Refuse, what: str) -> Ints:
    """(n,) int64 of a list or an array of whole numbers.

    Raises
    ------
    UnsupportedModel
        as `refuse` makes it of `what`.
    """
    numbers = _numbers(value, "iu", refuse, what)
    if numbers.dtype.kind == "u" and len(numbers) and int(numbers.max()) > np.iinfo(np.int64).max:
        raise refuse(what)
    return numbers.astype(np.int64)


def real_numbers(value: Any, *, refuse: Refuse, what: str) -> NDArray[np.float64]:
    """(n,) float64 of a list or an array of numbers, none of them NaN.

    Raises
    ------
    UnsupportedModel
        as `refuse` makes it of `what`.
    """
    numbers = _numbers(value, "iuf", refuse, what).astype(np.float64)
    if np.isnan(numbers).any():
        raise refuse(what)
    return numbers


def _numbers(value: Any, kinds: str, refuse: Refuse, what: str) -> NDArray[Any]:
    if isinstance(value, list):
        allowed = (int,) if "f" not in kinds else (int, float)
        if not all(type(item) in allowed for item in value):
            raise refuse(what)
        try:
            value = np.array(value, dtype=np.int64 if "f" not in kinds else np.float64)
        except OverflowError as error:
            raise refuse(what) from error
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind not in kinds:
        raise refuse(what)
    return value
