"""The training table of classification trees, by message passing over the replayed bags.

Known from the file are, for every tree t, its bag w_ti (how often row i was drawn, `bootstrap`), and for
each leaf l how many different rows and how many draws of each class are in it. Unknown are the cells of
the rows. Sum-product message passing (Kschischang, Frey & Loeliger 2001) goes from tree to tree, each a
factor over the rows in its bag:

1. a tree takes what all *others* believe about each row, b_i(cell), column by column;
2. it puts its rows into its places (leaf, class). The prior of row i in place p is the product of the
   tests on the way there. The law q_ip closest to it that gives every leaf its counts has the form

       q_ip ∝ prior_ip · exp(a_p + (w_ti - 1) · c_l),

   a_p so that the draws of place p come out, the tilt c_l so that the draws a row of leaf l
   has on average do; they are found by Sinkhorn scaling in turn. Draws that a leaf cannot hold are
   ruled out beforehand;
3. it tells each row, column by column, how much likelier each segment is given q, and takes
   back what it said before. Messages are damped and clipped.

In q the row itself helps to fill its place, so a leaf that others fill hardly speaks against it. What the
*others* leave open speaks clearer. Their draws in place p have about the mean W_p - w_ti q_ip and the
variance V_ip = Σ_k w_tk² q_kp (1 - q_kp) over rows k ≠ i, so that row i belongs there is likelier by

       w_ti² (q_ip - ½) / V_ip  nats

under a normal law (W_p are the draws that the file counts). This is to q what the Bethe approximation of a
permanent is to Sinkhorn scaling (Chertkov & Yedidia 2013). It is added once messages have calmed down:
while nothing is known it leads astray.

Rows of which no tree doubts anything more are settled: they leave the trees with what they
brought there, and the rest gets faster.

Source: ours, close to published work. Ferry et al. 2024, "Trained Random Forests Completely Reveal your
Dataset" (DRAFT), solve for the same counts by constraint programming; their paper treats the bags as
unknown, their published code reads the true ones since June 2025. That messages over replayed bags do so
for tables of a thousand rows, we found described nowhere before (search of November 2026).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from leakgauge.model_contents.reconstruction.factors import Cells, Factor, Float32
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray

DAMPING = 0.5
CLIP = 4.0
"""Nats that one tree may say against a cell, so that an error of one tree can be outvoted."""
SCALING_STEPS = 12
CALM = 0.03
"""Nats by which messages change in a sweep, on average, below which rows are told what others leave open."""
BETWEEN_SCALINGS = 20
"""Trees between which beliefs may grow unscaled: by 2 nats each, where single precision overflows at 88."""

_IMPOSSIBLE = -30.0
_LEAST = 1e-9
_LEAST_SUM = np.float32(1e-30)
_MOST_TILT = 8.0
_LEAST_VARIANCE = 0.2
"""Squared draws that are always added to the variance in a place, in units of the row's own."""


@dataclass(slots=True)
class Bag:
    """A factor with the rows in its bag, and what it told them last.

    Attributes
    ----------
    factor
        the tree.
    rows, draws
        (k,) rows in the bag and how often they were drawn, rarest first.
    groups
        for each number of draws, the rows that were drawn so often.
    possible
        (k, n_places) 0 where a row with so many draws can be in a place, else `_IMPOSSIBLE`.
    scale, tilt
        (n_places,) a_p and (n_leaves,) c_l.
    messages
        (k, n_segments) log-likelihoods told to the rows.
    likeliest, sure
        (k,) the place where each row most likely is, and how likely; -1 and 0 before the tree has spoken.
    """

    factor: Factor
    rows: IntArray
    draws: Float32
    groups: tuple[tuple[float, slice], ...] = field(init=False)
    possible: Float32 = field(init=False)
    scale: Float32 = field(init=False)
    tilt: Float32 = field(init=False)
    messages: Float32 = field(init=False)
    likeliest: IntArray = field(init=False)
    sure: Float32 = field(init=False)

    def __post_init__(self) -> None:
        times, start, count = np.unique(self.draws, return_index=True, return_counts=True)
        self.groups = tuple(
            (float(t), slice(int(s), int(s + c))) for t, s, c in zip(times, start, count, strict=True)
        )
        self.possible = _possible(self.factor, times)[np.searchsorted(times, self.draws)]
        self.scale = np.zeros(len(self.factor.weight), dtype=np.float32)
        self.tilt = np.zeros(len(self.factor.leaf_rows), dtype=np.float32)
        self.messages = np.zeros((len(self.rows), len(self.factor.segment_start)), dtype=np.float32)
        self.likeliest = np.full(len(self.rows), -1, dtype=np.int64)
        self.sure = np.zeros(len(self.rows), dtype=np.float32)

    @classmethod
    def of(cls, factor: Factor, draws: IntArray) -> Bag:
        """The bag of a tree from (n_rows,) draws of each row."""
        rows = np.flatnonzero(draws)
        rows = rows[np.argsort(draws[rows], kind="stable")]
        return cls(factor, rows, draws[rows].astype(np.float32))


def _possible(factor: Factor, times: Float32) -> Float32:
    """(n_times, n_places) 0 where a leaf can hold a row with so many draws, else `_IMPOSSIBLE`."""
    draws = times[:, None]
    rows, weight = factor.leaf_rows[factor.leaf], factor.leaf_weight[factor.leaf]
    rest, others = weight - draws, rows - 1.0
    fits = (rest >= others * times.min()) & (rest <= others * times.max()) & (draws <= factor.weight)
    fits &= (others != 1.0) | np.isin(rest, times)
    return np.where(fits, 0.0, _IMPOSSIBLE).astype(np.float32)


def start(n_rows: int, cells: Cells, bags: Sequence[Bag], rng: np.random.Generator) -> Float32:
    """(n_rows, n_cells) beliefs to begin with: nothing, or what makes rows of equal draws differ."""
    beliefs = np.zeros((n_rows, int(cells.start[-1])), dtype=np.float32)
    if all(len(bag.rows) == n_rows and len(bag.groups) == 1 for bag in bags):
        beliefs += rng.normal(size=beliefs.shape).astype(np.float32)
    return beliefs


def sweep(
    beliefs: Float32,
    bags: Sequence[Bag],
    cells: Cells,
    rng: np.random.Generator,
    progress: Progress,
    *,
    calm: bool,
) -> float:
    """Let every tree speak once, in random order; `beliefs` change in place.

    Parameters
    ----------
    calm
        whether rows are told what the others leave open.

    Returns
    -------
    float
        by how much messages changed, mean in nats.
    """
    changed = 0.0
    for count, place in enumerate(rng.permutation(len(bags))):
        progress.report("rebuilding the table", 0.0)
        if count % BETWEEN_SCALINGS == 0:
            _scale(beliefs, cells)
        changed += _speak(beliefs, bags[place], calm=calm)
    return changed / max(len(bags), 1)


def _scale(beliefs: Float32, cells: Cells) -> None:
    """Let the likeliest cell of each column have the belief 0."""
    for first, last in pairwise(cells.start):
        beliefs[:, first:last] -= beliefs[:, first:last].max(axis=1, keepdims=True)


def _speak(beliefs: Float32, bag: Bag, *, calm: bool) -> float:
    """One tree takes what the others believe, places its rows, and tells them what follows."""
    factor = bag.factor
    if not len(bag.rows):
        return 0.0
    column, first = factor.column_of_segment, factor.first_of_column
    of_cells = beliefs[bag.rows]
    believed = np.log(np.add.reduceat(np.exp(of_cells), factor.segment_start, axis=1) + _LEAST_SUM)
    believed -= bag.messages
    believed -= np.maximum.reduceat(believed, first, axis=1)[:, column]
    share = np.exp(believed)
    share /= np.add.reduceat(share, first, axis=1)[:, column]
    sums = np.concatenate([np.zeros((len(share), 1)), np.cumsum(share, axis=1, dtype=np.float64)], axis=1)
    passes = np.maximum(sums[:, factor.test_high] - sums[:, factor.test_low], _LEAST).astype(np.float32)
    placed = _place(bag, np.log(passes) @ factor.tests)
    bag.likeliest = placed.argmax(axis=1)
    bag.sure = placed[np.arange(len(placed)), bag.likeliest]
    if calm:
        placed = _left_open(bag, placed)
    passed = placed @ factor.tests.T
    message = (passed / passes) @ factor.covers + np.maximum(1.0 - passed @ factor.asks, 0.0)[:, column]
    message = np.log(np.maximum(message, _LEAST))
    message -= np.maximum.reduceat(message, first, axis=1)[:, column]
    change = np.float32(DAMPING) * (np.maximum(message, -CLIP) - bag.messages)
    bag.messages += change
    of_cells += change[:, factor.segment_of_cell]
    beliefs[bag.rows] = of_cells
    return float(np.abs(change).mean())


def _place(bag: Bag, prior: Float32) -> Float32:
    """(k, n_places) how likely each row is in each place.

    Parameters
    ----------
    prior
        (k, n_places) log-likelihood by the tests alone.
    """
    factor = bag.factor
    prior += bag.possible
    prior += bag.scale
    prior += (bag.draws[:, None] - 1.0) * bag.tilt[factor.leaf]
    prior -= prior.max(axis=1, keepdims=True)
    kernel: Float32 = np.exp(np.maximum(prior, -60.0))
    scale, tilt = np.zeros_like(bag.scale), np.zeros_like(bag.tilt)
    for _ in range(SCALING_STEPS):
        sums = _sums(bag, kernel, scale, tilt)
        in_leaf = [np.bincount(factor.leaf, weights=each, minlength=len(factor.node)) for each in sums]
        filled = np.maximum(in_leaf[0], _LEAST)
        mean = in_leaf[1] / filled
        variance = np.maximum(in_leaf[2] / filled - mean**2, 0.0)
        step = np.clip((factor.leaf_weight / factor.leaf_rows - mean) / (variance + 0.2), -0.5, 0.5)
        tilt = np.clip(bag.tilt + tilt + step, -_MOST_TILT, _MOST_TILT).astype(np.float32) - bag.tilt
        scale += np.clip(np.log((factor.weight + 1e-3) / (sums[1] + 1e-3)), -2.0, 2.0).astype(np.float32)
        scale -= (bag.scale + scale).mean()
    placed = np.empty_like(kernel)
    for times, those in bag.groups:
        placed[those] = kernel[those] * np.exp(scale + (times - 1.0) * tilt[factor.leaf])
    placed /= placed.sum(axis=1, keepdims=True)
    bag.scale += scale
    bag.tilt += tilt
    return placed


def _left_open(bag: Bag, placed: Float32) -> Float32:
    """(k, n_places) how likely each row is in each place, by the room that the others leave there."""
    squares = (bag.draws**2)[:, None]
    variance = squares * placed * (1.0 - placed)
    nats = squares * (placed - 0.5) / (variance.sum(axis=0) - variance + _LEAST_VARIANCE * squares)
    open_to: Float32 = placed * np.exp(nats)
    open_to /= open_to.sum(axis=1, keepdims=True)
    return open_to


def _sums(
    bag: Bag, kernel: Float32, scale: Float32, tilt: Float32
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Expected rows, draws and squared draws of each place, (n_places,) each."""
    rows, draws, squares = (np.zeros(len(scale)) for _ in range(3))
    for times, those in bag.groups:
        factors = np.exp(scale + (times - 1.0) * tilt[bag.factor.leaf]).astype(np.float32)
        of_group = ((1.0 / (kernel[those] @ factors)) @ kernel[those]) * factors
        rows += of_group
        draws += times * of_group
        squares += times**2 * of_group
    return rows, draws, squares


def decode(beliefs: Float32, cells: Cells) -> IntArray:
    """(n_rows, n_columns + 1) the likeliest cell of each column, counted within it, and the class."""
    bounds = zip(cells.start[:-1], cells.start[1:], strict=True)
    return np.stack([beliefs[:, first:last].argmax(axis=1) for first, last in bounds], axis=1)
