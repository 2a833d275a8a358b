"""What compiled code takes for granted of an estimator, as data: the cells of one row of the table.

Most of it is arrays whose shapes must agree with each other, and whole numbers that
must lie inside another array. What cannot be said so is a function with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from leakgauge.targets.pickles.checks import reject_unless

Sizes: TypeAlias = Mapping[str, int]
Check: TypeAlias = Callable[[Any], None]

ANY = ""
"""A length that no other array has to agree with."""


@dataclass(frozen=True, slots=True)
class Array:
    """An attribute that compiled code reads as an array of a known shape.

    Cython itself compares item types, byte order, dimensions and, where it asks for it, contiguity;
    it compares neither two shapes nor any index.

    Parameters
    ----------
    attribute
        its name.
    shape
        a length for each dimension, by name; `ANY` where nothing is compared with it.
    kinds
        the kinds of numbers that it may hold, as in `numpy.dtype.kind`.
    below
        where it holds positions: the size that each of them, from 0, lies below.
    may_be_empty
        whether there may be none of it.
    may_be_sparse
        whether it may be a compressed sparse row matrix; its indices are checked with all others.
    """

    attribute: str
    shape: tuple[str, ...]
    kinds: str = "f"
    below: str | None = None
    may_be_empty: bool = False
    may_be_sparse: bool = False

    def check(self, part: Any, sizes: Sizes) -> None:
        """Refuse a part where the array is another than was trusted.

        Raises
        ------
        MalformedPickleError
            naming the attribute.
        """
        table: Any = vars(part).get(self.attribute)
        if sparse.issparse(table) and self.may_be_sparse:
            # compiled code takes the parts of a matrix by themselves: they mean rows
            reject_unless(table.format == "csr", f"{self.attribute} must be stored by rows")
        else:
            reject_unless(isinstance(table, np.ndarray), f"{self.attribute} must be an array")
        if self.may_be_empty and np.shape(table) == (0,) * len(self.shape):
            return
        reject_unless(table.dtype.kind in self.kinds, f"{self.attribute} holds another kind of values")
        reject_unless(table.ndim == len(self.shape), f"{self.attribute} has other dimensions")
        for length, name in zip(table.shape, self.shape, strict=True):
            fits = name == ANY or length == sizes[name]
            reject_unless(fits, f"{self.attribute} does not fit the rest of its estimator")
        if self.below is not None and table.size:
            reject_unless(
                table.min() >= 0 and table.max() < sizes[self.below], f"{self.attribute} points outside"
            )


@dataclass(frozen=True, slots=True)
class Rule:
    """What is trusted of an attribute and cannot be said as a shape.

    Parameters
    ----------
    attribute
        its name.
    trusted
        what must hold, as a sentence.
    check
        refuses a part where it does not.
    """

    attribute: str
    trusted: str
    check: Check


@dataclass(frozen=True, slots=True)
class Contract:
    """All that is checked of the estimators of one family.

    Parameters
    ----------
    because
        what compiled code does with the numbers of the file; or why none of it can be led astray.
    fitted
        the attribute without which the estimator is not fitted, so that it answers nothing.
    sizes
        the lengths that arrays are compared with, by name.
    arrays, rules
        the cells. Rules come first: they make sure of what the sizes are read from.
    """

    because: str
    fitted: str | None = None
    sizes: Callable[[Any], Sizes] = field(default=lambda _part: {})
    arrays: tuple[Array, ...] = ()
    rules: tuple[Rule, ...] = ()

    def check(self, part: Any) -> None:
        """Refuse a fitted estimator that would lead compiled code astray.

        Raises
        ------
        MalformedPickleError
            when two of its attributes contradict each other.
        UnsafeModel
            `refused_settings` for a form that is refused by name.
        """
        if self.fitted is not None and self.fitted not in vars(part):
            return
        for rule in self.rules:
            rule.check(part)
        if self.arrays:
            sizes = self.sizes(part)
            for array in self.arrays:
                array.check(part, sizes)

    @property
    def cells(self) -> tuple[str, ...]:
        """The attributes that are checked, each once."""
        names = [rule.attribute for rule in self.rules] + [array.attribute for array in self.arrays]
        return tuple(dict.fromkeys(names))
