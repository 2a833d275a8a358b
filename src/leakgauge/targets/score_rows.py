"""What rows of class scores tell about how they were made: rounded, cut short, complete."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.protocol import BoolArray, FloatArray

STEPS = (0.5, 0.25, 0.2, 0.1, 0.05, 0.025, 0.02, 0.01, 0.005, 0.002, 0.001, 1e-4)
ROW_SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from 1 in sum, and a score beyond 1, and still be called drift."""
_BELOW_ZERO = 1e-6
_MOST_TOTALS = 101
_OFF_GRID = 2e-3
"""How far, in steps, a 32-bit number may lie from the multiple of a step that it stands for."""


def within_unit(scores: NDArray[np.floating]) -> bool:
    """Whether all scores lie between 0 and 1; a 1 − p of 32 bits may lie just below 0."""
    return bool((scores >= -_BELOW_ZERO).all() and (scores <= 1 + ROW_SUM_TOLERANCE).all())


def sums_to_one(scores: NDArray[np.floating]) -> bool:
    """Whether every row of (n, n_classes) scores sums to 1, as far as rounding them lets it."""
    step = rounding_step(scores)
    tolerance = max(ROW_SUM_TOLERANCE, scores.shape[1] * step / 2 if step else 0.0)
    return scores.shape[1] > 1 and bool(np.abs(scores.sum(axis=1) - 1.0).max() <= tolerance)


def rounding_step(scores: NDArray[np.floating]) -> float | None:
    """The largest step of `STEPS` whose multiples all scores are; None for scores that are not rounded.

    Rows may have been scaled to sum to 1 after they were rounded. Scores of
    exactly 0 and 1 alone say nothing.
    """
    rows = scores.astype(np.float64)
    rows = rows[((rows > 0.0) & (rows < 1.0)).any(axis=1)]
    if not len(rows):
        return None
    return next(
        (
            step
            for step in STEPS
            if _on_grid(rows / step).all()
            or _on_grid(rows[:, None] * _totals(step, rows.shape[1])[:, None] / step).any(axis=1).all()
        ),
        None,
    )


def _totals(step: float, classes: int) -> FloatArray:
    """What a row of scores may sum to after they were rounded and before it was scaled again."""
    most = min(classes * step / 2, 0.5)
    strays = np.arange(-int(most / step), int(most / step) + 1, dtype=np.float64)[:_MOST_TOTALS]
    return np.asarray(1.0 + step * strays)


def _on_grid(multiples: FloatArray) -> BoolArray:
    """Whether all of the last axis are whole numbers, of which only an exact 0 counts as 0."""
    nearest = np.round(multiples)
    near = (np.abs(multiples - nearest) < _OFF_GRID) & ((nearest > 0) | (multiples == 0.0))
    return np.asarray(near.all(axis=-1))


def scores_kept(scores: NDArray[np.floating]) -> int | None:
    """To how many classes a row gives a score at most, if one with fewer leaves nothing out; else None."""
    given = np.count_nonzero(scores, axis=1)
    kept = int(given.max())
    whole = np.abs(scores.sum(axis=1) - 1.0) <= ROW_SUM_TOLERANCE
    return kept if bool(((given == kept) | whole).all()) and 0 < kept < scores.shape[1] else None


def are_truncated(scores: NDArray[np.floating]) -> bool:
    """Whether rows between 0 and 1 give only their likeliest classes, equally many if others are left out."""
    totals = scores.sum(axis=1)
    left_out = bool(totals.min() < 1 - ROW_SUM_TOLERANCE and totals.max() <= 1 + ROW_SUM_TOLERANCE)
    return left_out and scores_kept(scores) is not None


def normalised(scores: FloatArray) -> FloatArray:
    """(n, n_classes) rows of scores that are not negative, scaled to sum to 1; even where all are 0."""
    total = scores.sum(axis=1, keepdims=True)
    even = np.full_like(scores, 1.0 / scores.shape[1])
    return np.asarray(np.divide(scores, total, out=even, where=total > 0), dtype=np.float64)


def spread_over_hidden(scores: FloatArray) -> FloatArray:
    """(n, n_classes) rows that sum to 1: what the given scores leave goes evenly to the classes left out."""
    hidden = scores == 0.0
    left = np.maximum(1.0 - scores.sum(axis=1, keepdims=True), 0.0)
    return np.where(hidden, left / np.maximum(hidden.sum(axis=1, keepdims=True), 1), scores)
