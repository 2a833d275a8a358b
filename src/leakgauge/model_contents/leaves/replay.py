"""Rows recognised by their draws: the seeds in a forest's file say which rows each tree was given.

scikit-learn keeps the seed of every tree, and sampling with it again gives
w_ti, how often row i of the (unknown) training table entered tree t
(`estimators_samples_`). The leaves give W_tc, the training weight of each cell
c = (leaf, class), or (leaf, whether its number can be there). A record x that stood in
row i brought exactly w_ti to its cell c_t(x) in every tree, so that the counts of its
cells over the T trees must follow the pattern of that row:

    S(x, i) = Σ_t log P(W_t,c_t(x) | x brought w_ti) − log P(W_t,c_t(x) | x brought 0).

The row is unknown and marginalised; what says "member" is the log-likelihood ratio

    Λ(x) = log (1/n) Σ_i exp S(x, i).

P(W | w) needs what the *other* records of the cell brought. Mean and variance
of that are summed over the cell from the current posterior, and the law is
taken for a Gaussian where they are nearly known, for Poisson's where not.
Posterior and sums are recomputed in turn as in mean-field inference, each time
mixed with the last, since undamped updates swing; Λ is averaged over the turns
for the same reason. It starts from `leaves.training_weights`.

To compare every record with every row by every tree takes records × rows × trees, which is most of an audit
from some thousands of records on. So all rows are looked through in a few turns only, by as many trees as it
takes to name a row several times over, and for records whose row is not found yet. In each turn a record is
compared with the few rows that were then the likeliest (`LIKELY_ROWS`), by all trees; Λ takes the others for
impossible.

It takes log n nats to name one of n rows. With others of variance v in a cell,
and draws of variance 1, a cell carries about ½ log(1 + 1/v) of them (the
capacity of a Gaussian channel; Cover & Thomas 2006, chapter 9). Where the trees
are so regularised or so few that all cells of a record together carry less
than half of it (`ENOUGH`), the replay only adds noise and is not begun.

The rows that are asked about may be candidates of which one is true: a record with each value that it may
have. They then share one chance of having been a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.leaves.sampled_rows import MOST_DRAWS, Float32, Rows, largest
from leakgauge.model_contents.leaves.training_weights import START, training_weights
from leakgauge.model_contents.leaves.tree_cells import Cells, FinalStep, cells_of_trees
from leakgauge.model_contents.reconstruction.bootstrap import Bootstrap, bootstrap_of
from leakgauge.model_contents.reconstruction.trees import is_whole
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray, LabelArray

MOST_TURNS = 20
LEAST_TURNS = 6
WORK = 5e9
"""Records × rows × trees, summed over the turns. Small tables gain by more turns; where many rows look alike
and the table is large, more of them make a record too sure of a wrong row."""
DAMPING = np.float32(0.3)
LIKELY_ROWS = 16
"""Rows that each record is compared with in every turn."""
SHORTLISTED_IN = (0, 2, 4)
"""Turns before which they are looked for among all rows: by what the leaves alone say of the other records,
and by what is then known of them."""
NAMED = 0.99
"""Probability of being a member from which on a record's rows are looked for no more: they were found."""
CERTAINTY = 4.0
"""Nats, as a multiple of those that name a row, of the trees by which likely rows are looked for."""
ENOUGH = 0.5
"""Share of the nats that name a row from which the replay beat `leaf_counts` on every model tried."""
BLOCK = 2**24
"""Records × rows, or records × trees × draws, looked at together: 64 MiB in each of a few arrays."""
NEAR_BLOCK = 2**19
"""Records × trees × draws for which a few arrays fit a processor's cache; larger ones take longer."""
MOST_BYTES = 1 << 30
"""Memory beyond which nothing is replayed, for the tables of `bytes_for`; the blocks come on top."""
MOST_WORK = 2e11
"""Records × rows × trees of one step beyond which the replay would take hours, not minutes."""
MOST_DRAWN = 2_000_000_000
"""Draws in all trees together beyond which sampling them again would take minutes by itself."""

_LEAST_LOG_PROBABILITY = -12.0
"""What one cell can say at most, so that no approximation in one tree rules a row out."""
_LEAST_MEAN = 0.02
_LEAST_VARIANCE = 0.05
_POISSON_FROM = 0.6
"""Ratio of variance to mean of the others from which they are taken for Poisson."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Moments of what each record brought to each tree.

    Attributes
    ----------
    mean, variance
        (n_trees, n) of the number of draws.
    """

    mean: Float32
    variance: Float32

    def move(self, part: IntArray, posterior: Float32, drawn: NDArray[np.uint8]) -> None:
        """Move what the records of a part are believed to have brought `DAMPING` of the way to a posterior.

        Parameters
        ----------
        posterior
            (k, m) probability of each of m rows to be the record; what is missing to 1, of none.
        drawn
            (k, m, n_trees) draws of these rows.
        """
        counts = drawn.astype(np.float32)
        mean = (posterior[:, None, :] @ counts)[:, 0, :].T
        square = (posterior[:, None, :] @ np.square(counts, out=counts))[:, 0, :].T
        variance = np.maximum(square - mean**2, 0.0)
        self.mean[:, part] += DAMPING * (mean - self.mean[:, part])
        self.variance[:, part] += DAMPING * (variance - self.variance[:, part])


@dataclass(frozen=True, slots=True)
class Others:
    """What the other records of each record's cell brought to it: (n_trees, n) moments."""

    mean: Float32
    variance: Float32

    @classmethod
    def of(cls, cells: Sequence[Cells], belief: Belief) -> Others:
        """Sums over each cell, less the record's own part, kept off zero."""
        mean, variance = np.empty_like(belief.mean), np.empty_like(belief.variance)
        for place, tree in enumerate(cells):
            own_mean, own_variance = belief.mean[place], belief.variance[place]
            mean[place] = tree.total(own_mean)[tree.of_record] - own_mean
            variance[place] = tree.total(own_variance)[tree.of_record] - own_variance
        return cls(np.maximum(mean, _LEAST_MEAN), np.maximum(variance, _LEAST_VARIANCE))

    def nats(self) -> Float32:
        """(n_trees, n) what each cell of a record can tell of the row that it stood in."""
        nats: Float32 = 0.5 * np.log1p(1.0 / self.variance)
        return nats


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the leaves and the draws say of `n` rows.

    Attributes
    ----------
    weights
        (n,) training weights by the leaves alone.
    log_ratio
        (n,) log-likelihood ratio of having been a row of the training table, in nats, NaN for rows that were
        not asked about; None where rows cannot be recognised.
    """

    weights: FloatArray
    log_ratio: FloatArray | None


def recognised(
    step: FinalStep,
    y: LabelArray,
    *,
    progress: Progress,
    prior: FloatArray | None = None,
    asked: IntArray | None = None,
) -> Recognised:
    """Replay the draws of a forest for the rows of a step.

    Parameters
    ----------
    y
        (n,) their labels.
    prior
        (m, k) chance of each of the k candidates of m records, m · k = n, one record after the other; None
        where every row is a record of its own.
    asked
        (r,) positions of rows that one turn is made for; None for turns over all.

    Raises
    ------
    Unsuited
        where the model is no forest whose draws can be sampled again, or that would take too long.
    """
    bootstrap = bootstrap_of(step.estimator)
    _check_effort(bootstrap, records=len(y), asked=len(y) if asked is None else len(asked))
    cells = cells_of_trees(step, y)
    if not all(is_whole(tree.weight) for tree in cells):
        raise Unsuited("The leaves hold no whole numbers of records, so no draws can be told from them.")
    if not all(_within(tree.weight, bootstrap.size) for tree in cells):
        raise Unsuited(
            "The leaves hold more weight than the trees drew records, so it tells nothing of draws."
        )
    chances = np.ones((len(y), 1)) if prior is None else prior
    weights = training_weights(cells, n=len(y), start=START * chances.ravel())
    rows = Rows.of(_drawn(bootstrap, progress), n_trees=bootstrap.n_trees, n_rows=bootstrap.n_rows)
    start = _start(weights, rows, n_trees=len(cells))
    if Others.of(cells, start).nats().sum(axis=0).mean() < ENOUGH * np.log(len(rows)):
        return Recognised(weights, None)
    if asked is not None:
        return Recognised(weights, _in_one_turn(cells, rows, start, asked, progress))
    return Recognised(weights, _replayed(cells, rows, start, chances, progress))


def bytes_for(*, n_trees: int, n_rows: int, records: int) -> int:
    """Memory that a replay fills: `Rows`, and for each record and tree its cell, count and beliefs."""
    per_row = MOST_DRAWS * np.dtype(np.float32).itemsize + 2
    per_record = 3 * np.dtype(np.int64).itemsize + 8 * np.dtype(np.float32).itemsize
    return n_trees * (n_rows * per_row + records * per_record)


def _check_effort(bootstrap: Bootstrap, *, records: int, asked: int) -> None:
    n_trees, n_rows = bootstrap.n_trees, bootstrap.n_rows
    draws = f"The file says that {n_trees:,} trees drew from {n_rows:,} rows"
    needed = bytes_for(n_trees=n_trees, n_rows=n_rows, records=records)
    if needed > MOST_BYTES:
        raise Unsuited(
            f"{draws}; to replay that for {records:,} records takes {needed / (1 << 30):,.1f} GiB of memory, "
            f"and this attack uses at most {MOST_BYTES / (1 << 30):g} GiB."
        )
    if asked * n_trees * n_rows > MOST_WORK or n_trees * bootstrap.size > MOST_DRAWN:
        raise Unsuited(f"{draws}, {bootstrap.size:,} times each; that is too much to replay within minutes.")


def _within(weights: FloatArray, most: int) -> bool:
    return bool(np.all((weights > -0.5) & (weights < most + 0.5)))


def _drawn(bootstrap: Bootstrap, progress: Progress) -> Iterator[IntArray]:
    """For each tree, (n_rows,) how often each row of the training table entered it."""
    for place in range(bootstrap.n_trees):
        progress.report("sampling the rows again", 0.0)
        yield bootstrap.draws_of(place)


def _start(weights: FloatArray, rows: Rows, *, n_trees: int) -> Belief:
    """Every tree alike: the training weights of `leaf_counts`, scaled so that they sum to the rows."""
    brought = np.clip(weights, 0.01, 1.0)
    brought *= len(rows) / brought.sum()
    mean = np.tile(brought.astype(np.float32), (n_trees, 1))
    return Belief(mean, mean.copy())


def _replayed(
    cells: Sequence[Cells], rows: Rows, start: Belief, chances: FloatArray, progress: Progress
) -> FloatArray:
    """(n,) Λ averaged over the turns."""
    choices = chances.shape[1]
    counted = _counted(cells)
    belief = start
    log_ratio, total, present = np.empty(chances.size), np.zeros(chances.size), np.zeros(chances.size)
    likely = np.empty((chances.size, min(LIKELY_ROWS, len(rows))), dtype=np.int32)
    # a record with all its candidates at once, since one of them is true at most
    block = max(NEAR_BLOCK // (MOST_DRAWS * len(cells) * choices), 1) * choices
    every = np.arange(chances.size)
    n_turns = int(np.clip(WORK / (chances.size * len(rows) * len(cells)), LEAST_TURNS, MOST_TURNS))
    for turn in range(n_turns):
        progress.report("replaying the bootstrap", turn / n_turns)
        others = Others.of(cells, belief)
        if turn in SHORTLISTED_IN:
            _find_likely(counted, others, rows, every[present < NAMED], likely)
        for first in range(0, chances.size, block):
            part = every[first : first + block]
            log_ratio[part], posterior, drawn = _among_likely(counted, others, rows, likely[part], part)
            present[part] = _present(log_ratio[part], rows, chances, part)
            belief.move(part, posterior * present[part, None].astype(np.float32), drawn)
        total += log_ratio
    return total / n_turns


def _find_likely(
    counted: IntArray, others: Others, rows: Rows, asked: IntArray, likely: NDArray[np.int32]
) -> None:
    """Enter the rows that each record is likeliest to have been, by as many trees as that takes."""
    enough = CERTAINTY * np.log(len(rows))
    nats = np.cumsum(others.nats().mean(axis=1))
    n_trees = min(int(np.searchsorted(nats, enough)) + 1, len(nats))
    drawn = rows.drawn(n_trees)
    kept = likely.shape[1]
    block = _block(len(rows), n_trees)
    for first in range(0, len(asked), block):
        part = asked[first : first + block]
        likelihood = _all_evidence(counted[:n_trees], others, part).T @ drawn
        likely[part] = largest(likelihood, kept)


def _present(log_ratio: FloatArray, rows: Rows, chances: FloatArray, part: IntArray) -> FloatArray:
    """(k,) probability of each record of a part to have been a row, by its Λ; of candidates one at most."""
    choices = chances.shape[1]
    # as many records are members as the table has rows, before anything else is known
    share = np.clip(len(rows) / len(chances), 0.05, 0.95)
    prior = np.log(share / (1.0 - share)) + np.log(chances[part[::choices] // choices])
    odds = log_ratio.reshape(-1, choices) + prior
    found: FloatArray = np.exp(odds - np.logaddexp(0.0, logsumexp(odds, axis=1, keepdims=True))).ravel()
    return found


def _among_likely(
    counted: IntArray, others: Others, rows: Rows, likely: NDArray[np.int32], part: IntArray
) -> tuple[FloatArray, Float32, NDArray[np.uint8]]:
    """Of the k records of a part: (k,) Λ, (k, m) posterior of likely rows, (k, m, n_trees) their draws."""
    n_trees = len(counted)
    drawn = rows.draws[likely]
    evidence = _all_evidence(counted, others, part).reshape(MOST_DRAWS, n_trees, -1)
    of_draws = np.zeros((len(part), n_trees, MOST_DRAWS + 1), dtype=np.float32)
    of_draws[:, :, 1:] = evidence.transpose(2, 1, 0)
    place = np.arange(len(part) * n_trees, dtype=np.int32).reshape(len(part), 1, n_trees) * (MOST_DRAWS + 1)
    likelihood = of_draws.ravel().take(place + np.minimum(drawn, MOST_DRAWS)).sum(axis=2)
    total = _into_chances(likelihood)
    return total - np.log(len(rows)), likelihood, drawn


def _in_one_turn(
    cells: Sequence[Cells], rows: Rows, start: Belief, asked: IntArray, progress: Progress
) -> FloatArray:
    """(n,) Λ of the rows that are asked about, from what the leaves alone say of the others."""
    counted, others = _counted(cells), Others.of(cells, start)
    log_ratio = np.full(start.mean.shape[1], np.nan)
    drawn = rows.drawn(len(cells))
    block = _block(len(rows), len(cells))
    for first in range(0, len(asked), block):
        progress.report("replaying the bootstrap", first / len(asked))
        part = asked[first : first + block]
        likelihood = _all_evidence(counted, others, part).T @ drawn
        log_ratio[part] = _into_chances(likelihood) - np.log(len(rows))
    return log_ratio


def _into_chances(likelihood: Float32) -> FloatArray:
    """(k,) logarithm of the sum of the exponentials in each row; (k, m) are made the shares of that sum.

    In place: the copies of `scipy.special.logsumexp` take longer than to compute what is summed here.
    """
    largest_of_row = likelihood.max(axis=1, keepdims=True)
    likelihood -= largest_of_row
    np.exp(likelihood, out=likelihood)
    total = likelihood.sum(axis=1, keepdims=True)
    likelihood /= total
    logarithm: FloatArray = (largest_of_row + np.log(total))[:, 0].astype(np.float64)
    return logarithm


def _counted(cells: Sequence[Cells]) -> IntArray:
    """(n_trees, n) records in the cell of each, in each tree."""
    counted = np.empty((len(cells), len(cells[0].of_record)), dtype=np.int64)
    for place, tree in enumerate(cells):
        counted[place] = np.rint(tree.weight)[tree.of_record]
    return counted


def _block(n_rows: int, n_trees: int) -> int:
    return max(BLOCK // max(n_rows, MOST_DRAWS * n_trees), 1)


def _all_evidence(counted: IntArray, others: Others, part: IntArray) -> Float32:
    """(MOST_DRAWS * n_trees, k) what each tree says of the records of a part, as `_evidence`."""
    evidence = np.empty((MOST_DRAWS, len(counted), len(part)), dtype=np.float32)
    at_once = max(NEAR_BLOCK // (MOST_DRAWS * len(part)), 1)
    for first in range(0, len(counted), at_once):
        trees = slice(first, min(first + at_once, len(counted)))  # `others` may hold more
        of_trees = counted[trees, part], others.mean[trees, part], others.variance[trees, part]
        evidence[:, trees] = _evidence(*of_trees)
    return evidence.reshape(MOST_DRAWS * len(counted), -1)


def _evidence(counted: IntArray, mean: Float32, variance: Float32) -> FloatArray:
    """(MOST_DRAWS, t, k) log P(W | w) − log P(W | 0) for w = 1, 2, ... in t trees.

    Parameters
    ----------
    counted
        (t, k) W of each record's cell.
    mean, variance
        (t, k) moments of what the others brought.
    """
    rest = counted - np.arange(MOST_DRAWS + 1)[:, None, None]
    possible = rest >= 0
    log_factorial = gammaln(np.arange(counted.max() + 1) + 1.0)
    at_least_none = np.maximum(rest, 0)
    poisson = at_least_none * np.log(mean) - mean - log_factorial[at_least_none]
    gaussian = -0.5 * ((rest - mean) ** 2 / variance + np.log(2.0 * np.pi * variance))
    logarithm = np.where(variance > _POISSON_FROM * mean, poisson, gaussian)
    logarithm = np.where(possible, np.maximum(logarithm, _LEAST_LOG_PROBABILITY), _LEAST_LOG_PROBABILITY)
    evidence: FloatArray = logarithm[1:] - logarithm[0]
    return evidence
