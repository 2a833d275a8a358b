"""Sparse matrices out of a file, made anew by SciPy's own constructor.

A matrix's state could say of itself that it is laid out in rows when it is laid out in columns, that its
indices are sorted when they are not, or that its shape is of fractions. Compiled code believes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leakgauge.targets.pickles.arrays import shape_of
from leakgauge.targets.pickles.checks import an_array, reject_unless


def made_matrix(kind: Any, parts: Mapping[str, Any], shape: object) -> Any:
    """A matrix of numbers, compressed by rows or by columns as its class says.

    Parameters
    ----------
    kind
        one of SciPy's four classes of compressed matrices.
    parts
        (n,) `data` and `indices`, (rows or columns + 1,) `indptr`.
    shape
        rows and columns.

    Raises
    ------
    MalformedPickleError
        for parts that are no arrays of numbers.
    ValueError
        for indices that lie outside.
    """
    data, indices, starts = (
        an_array(parts.get(name), "a matrix's arrays", ndim=1) for name in ("data", "indices", "indptr")
    )
    reject_unless(data.dtype.kind in "biufc", "a matrix of numbers")
    reject_unless(indices.dtype.kind in "iu" and starts.dtype.kind in "iu", "a matrix's indices")
    sides = shape_of(shape)
    reject_unless(len(sides) == 2, "an unusual sparse matrix")
    matrix = kind((data, indices, starts), shape=sides)
    matrix.check_format(full_check=True)
    return matrix
