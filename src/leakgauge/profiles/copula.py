"""New records that an attacker makes up, each with valid categories and numbers within range.

A Gaussian copula of the auxiliary records: each column keeps the values and shares that it has there, and
columns hang together by the correlations of their ranks. A point of the latent space is one record, so a
search in it never leaves what is possible. Categories have no order of their own. They get that of the
class's mean probability, so that a search can move towards those which the class has.

Source: Sklar 1959; Patki et al. 2016, The Synthetic Data Vault (Gaussian copulas of tables).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from leakgauge.targets.protocol import FloatArray, IntArray

_SHRINKAGE: Final = 0.05
"""How far correlations are taken towards none, so that their matrix can be inverted."""


@dataclass(frozen=True, slots=True)
class _Margin:
    """One column: its cells in the latent order, and what may lie between two numbers."""

    cells: pd.Series[Any]
    numbers: FloatArray | None
    is_whole: bool
    missing: float

    def at(self, shares: FloatArray) -> pd.Series[Any]:
        """The cells below which these shares of the column lie."""
        n = len(self.cells)
        if self.numbers is None:
            return self.cells.iloc[np.minimum((shares * n).astype(np.int64), n - 1)].reset_index(drop=True)
        within = np.clip((shares - self.missing) / max(1.0 - self.missing, 1e-12), 0.0, 1.0)
        made = np.interp(within, np.linspace(0.0, 1.0, len(self.numbers)), self.numbers)
        made = np.round(made) if self.is_whole else made
        if self.missing:
            made = np.where(shares < self.missing, np.nan, made)
        return pd.Series(made).astype(self.cells.dtype)


@dataclass(frozen=True, slots=True)
class Copula:
    """The latent space of one class.

    Attributes
    ----------
    correlations
        (d, d) of the latent columns; records are as frequent as a normal distribution with these says.
    """

    correlations: FloatArray
    _margins: tuple[_Margin, ...]
    _columns: pd.Index[Any]

    @classmethod
    def of(cls, frame: pd.DataFrame, scores: FloatArray) -> Copula:
        """The copula of records.

        Parameters
        ----------
        frame
            (n, d) features in the types that the model knows.
        scores
            (n,) how likely the class is to each of them, by which categories are ordered.
        """
        margins, latent = [], []
        for position in range(frame.shape[1]):
            cells = frame.iloc[:, position]
            order = _order(cells, scores)
            margins.append(_margin(cells, order))
            latent.append(_latent(cells, order))
        z = np.column_stack(latent)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.atleast_2d(np.corrcoef(z, rowvar=False))
        found = np.nan_to_num(found, nan=0.0)  # a column that is constant hangs together with nothing
        np.fill_diagonal(found, 1.0)
        shrunk = (1.0 - _SHRINKAGE) * found + _SHRINKAGE * np.eye(len(found))
        return cls(shrunk, tuple(margins), frame.columns)

    def records(self, z: FloatArray) -> pd.DataFrame:
        """The (n, d) features at (n, d) latent points."""
        shares = ndtr(z)
        made = pd.DataFrame(
            {place: margin.at(shares[:, place]) for place, margin in enumerate(self._margins)}
        )
        made.columns = self._columns
        return made


def _is_number(cells: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype)


def _order(cells: pd.Series[Any], scores: FloatArray) -> IntArray:
    """(n,) places of the cells in ascending order: numbers by size, categories by their mean score."""
    if _is_number(cells):
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        # missing first, as the margin has them
        return np.argsort(np.where(np.isnan(numbers), -np.inf, numbers), kind="stable")
    codes, _ = pd.factorize(cells.astype(object), use_na_sentinel=False)
    means = np.bincount(codes, weights=scores) / np.bincount(codes)
    return np.lexsort((codes, means[codes]))


def _margin(cells: pd.Series[Any], order: IntArray) -> _Margin:
    ordered = cells.iloc[order].reset_index(drop=True)
    if not _is_number(cells):
        return _Margin(ordered, None, False, 0.0)
    numbers = ordered.to_numpy(dtype=np.float64, na_value=np.nan)
    present = numbers[np.isfinite(numbers)]
    if not len(present):
        return _Margin(ordered, None, False, 0.0)
    is_whole = bool((present == np.round(present)).all())
    # of few different numbers none between them is made up: they may be codes
    if len(np.unique(present)) <= _FEW or len(present) + np.isnan(numbers).sum() < len(numbers):
        return _Margin(ordered, None, False, 0.0)
    return _Margin(ordered, present, is_whole, float(np.isnan(numbers).mean()))


_FEW: Final = 20


def _latent(cells: pd.Series[Any], order: IntArray) -> FloatArray:
    """(n,) normal scores of the mean ranks, so that equal cells lie at one point."""
    codes, _ = pd.factorize(cells.astype(object), use_na_sentinel=False)
    ranks = np.empty(len(cells))
    ranks[order] = (np.arange(len(cells)) + 0.5) / len(cells)
    means = np.bincount(codes, weights=ranks) / np.bincount(codes)
    return np.asarray(ndtri(means[codes]))
