"""Which rows of a table stand whole in an array of a model, and which only seem to.

A row stands in an array where one of the array's rows has the same value in every column: to the last bit
where the part keeps the table's own rows, and to nine digits where a step before it computed them, since
sums over rows come in no fixed order.

Few-valued columns match by chance: any array over {0, 1}³ holds every row of a table of three such
columns. An equal row therefore counts as the record only where chance is ruled out, in one of two ways:

- *In order.* The array goes through the table in the table's own order: all of it, part of it (as in
  the folds of calibration), or the rows that another attribute names (as `support_` does). Each record's
  value is as frequent as it is in the table, and the records are independent; that they agree in
  order by chance must be less likely than `ALPHA`. For parts of a table this is Janson's bound on sums of
  geometric waiting times.
- *Rare.* The row's values together are so rare that an array of this size would hold them by chance less
  than once in a hundred times: m Π_j p_j < .01 for m rows, where p_j is the share of the table's rows with
  this value in column j, and at most 10¹⁻ᵏ for a number of k digits that one row alone has. Columns
  whose values repeat and that split the table alike count once.

What matches and is neither is told apart as `common`.

References: S. Janson 2018, "Tail bounds for sums of geometric and exponential variables", theorem 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

ALPHA = 0.001
"""Chance at which rows in the same order are taken for a coincidence no more."""
RARE = 0.01
"""Expected number of equal rows by chance below which one is taken for the record."""
_DIGITS = 1e-9
"""Relative step to which computed rows are rounded, twice, on grids that lie apart by half of it."""
_STEP = (1.0 + 5.0**0.5) / 2.0
"""Of these grids, in that unit: no table of decimal numbers lies on their edges."""
_SEED = 20_260_601

Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Found:
    """What an array has of a table's rows.

    Attributes
    ----------
    whole
        (n,) which of them stand in it.
    common
        (n,) which have equals in it that may be there by chance.
    in_order
        whether the array follows the order of the table.
    """

    whole: BoolArray
    common: BoolArray
    in_order: bool


@dataclass(frozen=True)
class Rows:
    """The rows of a table, as numbers.

    Attributes
    ----------
    values
        (n, d) dense or sparse.
    computed
        whether a step of the model computed them, so that their last digits may differ.
    """

    values: Any
    computed: bool
    _keys: dict[tuple[int, bool], Keys] = field(default_factory=dict)

    def found_in(self, held: Any, indices: Iterable[NDArray[Any]] = ()) -> Found | None:
        """What an (m, d) array has of the rows; None where it has none.

        Parameters
        ----------
        indices
            arrays of whole numbers that may say which row of the table each row of the array is.
        """
        # one grid is enough for rows that were only copied
        narrow = _is_narrow(held)
        for shift in (0, 1) if self.computed else (0,):
            own, other = self._keyed(shift, narrow=narrow), self._key(held, shift)
            equal = np.isin(own, other)
            if equal.any():
                break
        else:
            return None
        places = _places_in_order(own, other, indices)
        whole = equal & (np.log(held.shape[0]) + self.log_chance < np.log(RARE))
        if places is not None:
            whole[places] = True
        return Found(whole, equal & ~whole, in_order=places is not None)

    @cached_property
    def log_chance(self) -> FloatArray:
        """(n,) logarithm of Π_j p_j, over the columns that split the table differently."""
        n, d = self.values.shape
        columns = sparse.csc_array(self.values) if sparse.issparse(self.values) else None
        total, seen = np.zeros(n), set[bytes]()
        for place in range(d):
            if columns is None:
                values, codes, counts = np.unique(
                    self.values[:, place], return_inverse=True, return_counts=True
                )
                split = _renamed(codes).tobytes() if len(values) < n else b""
                if split not in seen:
                    seen.update([split] if split else [])
                    total += np.log(_shares(values, counts, n))[codes]
                continue
            inside = slice(columns.indptr[place], columns.indptr[place + 1])
            rows = columns.indices[inside]
            values, codes, counts = np.unique(columns.data[inside], return_inverse=True, return_counts=True)
            absent = np.log(max(n - len(rows), 1) / n)
            total += absent
            total[rows] += np.log(_shares(values, counts, n))[codes] - absent
        return total

    def _keyed(self, shift: int, *, narrow: bool) -> Keys:
        found = self._keys.get((shift, narrow))
        if found is None:
            with np.errstate(over="ignore"):
                found = self._key(self.values.astype(np.float32) if narrow else self.values, shift)
            self._keys[(shift, narrow)] = found
        return found

    def _key(self, values: Any, shift: int) -> Keys:
        return row_keys(values, self._grid if self.computed else None, shift)

    @cached_property
    def _grid(self) -> FloatArray:
        """(d,) step of each column."""
        largest = abs(self.values).max(axis=0)
        largest = largest.toarray().ravel() if sparse.issparse(largest) else np.asarray(largest)
        largest = np.where(np.isfinite(largest) & (largest > 0), largest, 1.0)
        return np.asarray(largest * _DIGITS * _STEP, dtype=np.float64)


def _is_narrow(held: Any) -> bool:
    """Whether a part was fitted on 32-bit floats, in whatever type it keeps them."""
    numbers = held.data if sparse.issparse(held) else held
    if numbers.dtype.kind != "f":
        return False
    with np.errstate(over="ignore"):
        return bool(np.array_equal(numbers, numbers.astype(np.float32), equal_nan=True))


def row_keys(values: Any, grid: FloatArray | None = None, shift: int = 0) -> Keys:
    """(m,) numbers that equal rows of an (m, d) array share, and others but by a chance of 2⁻⁶⁴ do not.

    Zeros count for nothing, so that dense and sparse rows have the same keys.

    Parameters
    ----------
    grid
        (d,) steps that values are rounded to; None for none.
    shift
        1 for the grid that lies half a step beside.
    """
    multipliers = np.random.default_rng(_SEED).integers(2**63, size=(values.shape[1], 2), dtype=np.uint64)
    multipliers |= np.uint64(1)
    if sparse.issparse(values):
        table = sparse.csr_array(values)
        each = _mixed(
            table.data, None if grid is None else grid[table.indices], shift, multipliers[table.indices]
        )
        sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(each, dtype=np.uint64)])
        return np.asarray(sums[table.indptr[1:]] - sums[table.indptr[:-1]], dtype=np.uint64)
    total = np.zeros(values.shape[0], dtype=np.uint64)
    for place in range(values.shape[1]):
        step = None if grid is None else grid[place]
        total += _mixed(values[:, place], step, shift, multipliers[place])
    return total


def _mixed(values: NDArray[Any], step: Any, shift: int, multipliers: Keys) -> Keys:
    """A 64-bit number for each value and its column; 0 for zero."""
    numbers = np.asarray(values, dtype=np.float64) + 0.0  # minus zero is zero
    if step is not None:
        with np.errstate(invalid="ignore", over="ignore"):
            numbers = np.where(np.isfinite(numbers), np.floor(numbers / step + 0.25 + 0.5 * shift), numbers)
    numbers = np.where(np.isnan(numbers), np.nan, numbers)  # all of them in one form
    bits = np.ascontiguousarray(numbers).view(np.uint64)
    with np.errstate(over="ignore"):
        bits = (bits ^ (bits >> np.uint64(32))) * multipliers[..., 0]
        bits = (bits ^ (bits >> np.uint64(29))) * multipliers[..., 1]
        bits = bits ^ (bits >> np.uint64(32))
    return np.where(np.asarray(values) == 0, np.uint64(0), bits)


def _shares(values: NDArray[Any], counts: IntArray, n: int) -> FloatArray:
    """(k,) chance of each value of a column of n rows."""
    by_digits = 10.0 ** (1 - digits_of(np.asarray(values, dtype=np.float64)))
    return np.where(counts == 1, np.minimum(counts / n, by_digits), counts / n)


def digits_of(values: FloatArray) -> FloatArray:
    """(k,) how many digits it takes to write each number; 0 for zero and what is no number."""
    found = np.zeros(len(values))
    with np.errstate(all="ignore"):
        magnitude = np.floor(np.log10(np.abs(values)))
        for digits in range(15, 0, -1):
            scale = 10.0 ** (digits - 1.0 - magnitude)
            short = np.abs(values - np.rint(values * scale) / scale) <= 1e-15 * np.abs(values)
            found[short | (found == 0)] = digits
    return np.where(np.isfinite(values) & (values != 0), found, 0.0)


def _renamed(codes: IntArray) -> IntArray:
    """The codes numbered by where each first stands, so that columns that split rows alike are equal."""
    _, first = np.unique(codes, return_index=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return np.asarray(order[codes], dtype=np.int64)


def _places_in_order(own: Keys, held: Keys, indices: Iterable[NDArray[Any]]) -> IntArray | None:
    """Which rows of the table an array goes through in its order; None where it may do so by chance."""
    _, codes, counts = np.unique(own, return_inverse=True, return_counts=True)
    share = (counts / len(own))[codes]
    if len(held) == len(own) and np.array_equal(held, own):
        return np.arange(len(own)) if np.log(share).sum() < np.log(ALPHA) else None
    for index in indices:
        named = len(index) == len(held) and index.min() >= 0 and index.max() < len(own)
        if named and np.array_equal(own[index], held) and np.log(share[index]).sum() < np.log(ALPHA):
            return np.asarray(index, dtype=np.int64)
    if len(held) < len(own):
        places = _places_of(held, own)
        longer = len(own)
    else:
        places = None if _places_of(own, held) is None else np.arange(len(own))
        longer = len(held)
    if places is None or _waiting_bound(share[places], longer) >= ALPHA:
        return None
    return places


def _places_of(shorter: Keys, longer: Keys) -> IntArray | None:
    """Where one sequence stands in the other, in order and with others between; None where it does not."""
    rest = enumerate(longer.tolist())
    places = []
    for key in shorter.tolist():
        place = next((at for at, other in rest if other == key), None)
        if place is None:
            return None
        places.append(place)
    return np.asarray(places, dtype=np.int64)


def _waiting_bound(shares: FloatArray, length: int) -> float:
    """Bound on the probability that one waits at most `length` steps for keys of these shares, one by one."""
    expected = float((1.0 / shares).sum())
    ratio = length / expected
    if ratio >= 1.0:
        return 1.0
    return float(np.exp(-shares.min() * expected * (ratio - 1.0 - np.log(ratio))))
