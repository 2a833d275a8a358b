"""The target: a black box that answers and counts what it is asked."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

Gives: TypeAlias = Literal["labels", "scores", "probabilities"]
"""What callers see of a target's answer; scores are decision scores in the form of probabilities."""


@runtime_checkable
class Target(Protocol):
    """A classifier seen from outside.

    Attributes
    ----------
    classes:
        (n_classes,) the class labels, in the order of the columns of `probabilities`.
    has_probabilities:
        False for a model that gives labels alone; `probabilities` then raises
        `UnsupportedModel` with problem `labels_only`.

    A target whose probabilities are decision scores in their form says so in a further
    attribute, `gives`; see `gives_of`.
    """

    classes: NDArray[Any]
    has_probabilities: bool

    @property
    def queries(self) -> int:
        """Number of input rows sent so far, over both methods."""

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) class probabilities, float64, rows sum to 1, for `n` input rows."""

    def labels(self, x: Any) -> IntArray:
        """(n,) positions in `classes` of the predicted labels, for `n` input rows."""


def gives_of(target: Target) -> Gives:
    """What callers of the target see."""
    found: Gives = getattr(target, "gives", "probabilities" if target.has_probabilities else "labels")
    return found
