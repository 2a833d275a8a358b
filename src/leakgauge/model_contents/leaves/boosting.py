"""Sums over the training data that boosting writes down, as one system of linear equations.

Let z_i be 1 where record i of the pool was trained on, else 0. All trees are in
the file, so what each record had been told before each stage is known, and
with it its residual there: r_i = 1[y_i = k] − p_k(x_i) in the tree of class k.
scikit-learn fits the tree to these residuals and keeps, for every node with
records I,

    n_node    = Σ_{i ∈ I} z_i                 number of records
    n · mean  = Σ_{i ∈ I} z_i r_i             value, inner nodes only
    n · (impurity + mean²) = Σ_{i ∈ I} z_i r_i²

and for every leaf the value v of a Newton step (Friedman 2001, algorithms 5 and 6),

    v = f · Σ z_i r_i / Σ z_i h_i    ⟺    Σ_{i ∈ leaf} z_i (f r_i − v h_i) = 0,

with h = |r| (1 − |r|) and f = (K − 1)/K for K > 2 classes, f = 1 for two, and
h = |r|, r = ± exp(∓F) for the exponential loss. All of it is linear in z:
thousands of equations, A z = b. Sums of inner nodes are used less those of their
inner children, which leaves each record in four equations per tree and none of
them dependent on another. Rows are scaled to length 1, which makes their
noise alike, and

    minimise ½ |A z − b|² + ½ λ |z − ½|²    s.t. 0 ≤ z ≤ 1

is solved (`leaves.box_least_squares`).

Of a GradientBoostingRegressor with squared loss the residual is r_i = y_i − F(x_i) and a leaf holds its
mean, so that h = f = 1; all else is the same, in units of the model's errors.

With `subsample` s < 1 each stage saw another, unknown share s of the records.
b is then divided by s, and equals A z but for the sampling, whose variance is
(1 − s)/s in each row; against a prior variance of ¼ of z that makes
λ = 4 (1 − s)/s the posterior mode. Without subsampling the equations are exact.

A file may have been stripped of counts and inner values. The Newton equations
remain, since a leaf's value is what the model answers with; they leave the
scale of z open, and the box and its middle as start then settle it.

XGBoost and LightGBM keep other sums (`leaves.booster_rounds`): of second derivatives in every
node, and LightGBM the number of records. They enter the same system.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.leaves.booster_rounds import equations_of_rounds
from leakgauge.model_contents.leaves.box_least_squares import System, solve
from leakgauge.model_contents.leaves.equations import Equations
from leakgauge.model_contents.leaves.tree_cells import FinalStep
from leakgauge.model_contents.reconstruction.trees import as_trees_read
from leakgauge.progress import Progress
from leakgauge.targets.boosters.estimator import BoosterEstimator
from leakgauge.targets.protocol import FloatArray, IntArray, LabelArray

PRIOR_VARIANCE = 0.25
MOST_COEFFICIENTS = 40_000_000
"""Non-zero entries of A, 12 bytes each; later stages, whose residuals say least, are left out beyond."""

_LEAF = -1
_STRIPPED = 1
"""The number of records in the root of a tree whose counts were taken out."""


def solved(
    step: FinalStep,
    y: LabelArray,
    *,
    unit: float,
    rng: np.random.Generator,
    progress: Progress,
    effort: float = 1.0,
) -> FloatArray:
    """(n,) estimate of z for the rows of a step, between 0 for a non-member and 1 for a member.

    Parameters
    ----------
    y
        (n,) their labels: positions in the classes, or numbers.
    unit
        what a regressor's residuals are measured in, 1 for a classifier.
    effort
        as of `box_least_squares.solve`.

    Raises
    ------
    Unsuited
        where the model is no gradient boosting whose file holds such sums.
    """
    match step.estimator:
        case GradientBoostingClassifier() | GradientBoostingRegressor() as boosting:
            if y.dtype.kind == "f" and boosting.loss != "squared_error":
                raise Unsuited(
                    f"The model was fitted with the loss {boosting.loss}, whose leaves hold no sums of "
                    "residuals."
                )
            share = float(boosting.subsample)
            equations = _equations(boosting, as_trees_read(step.x), y, unit)
        case BoosterEstimator() as booster:
            share = booster.share_of_records()
            equations = equations_of_rounds(booster, step.x, y)
        case _:
            raise Unsuited("The model is no gradient boosting that is known to hold sums of residuals.")
    progress.report("reading the equations", 0.0)
    system = _system(equations, y)
    return solve(
        System(system.transposed, system.right / np.float32(share)),
        pull=(1.0 - share) / share / PRIOR_VARIANCE,
        rng=rng,
        progress=progress,
        effort=effort,
    )


def _system(blocks: Iterable[Equations], y: LabelArray) -> System:
    rows, coefficients, rights, n_rows = [], [], [], 0
    for equations in blocks:
        scaled = equations.scaled()
        rows.append((scaled.row + n_rows).astype(np.int32))
        coefficients.append(scaled.coefficient.astype(np.float32))
        rights.append(scaled.right.astype(np.float32))
        n_rows += len(scaled.right)
        if (len(rows) + 1) * len(y) > MOST_COEFFICIENTS:
            break
    if not rows:
        raise Unsuited("The file holds no sums over its training records.")
    # every record stands once in each block of equations, so that the rows of Aᵀ are of one length
    ends = np.arange(0, len(y) * len(rows) + 1, len(rows))
    entries = (np.stack(coefficients, axis=1).ravel(), np.stack(rows, axis=1).ravel(), ends)
    return System(sparse.csr_array(entries, shape=(len(y), n_rows)), np.concatenate(rights))


def _equations(boosting: Any, x: Any, y: LabelArray, unit: float = 1.0) -> Iterator[Equations]:
    """All equations; `unit` is what a regressor's residuals are measured in, 1 for a classifier."""
    numbers = isinstance(boosting, GradientBoostingRegressor)
    n_trees = boosting.estimators_.shape[1]
    raw = boosting._raw_predict_init(x).astype(np.float64)
    for stage in boosting.estimators_:
        updated = raw.copy()
        for place, regressor in enumerate(stage):
            tree = regressor.tree_
            leaf = tree.apply(x)
            updated[:, place] += boosting.learning_rate * tree.value[leaf, 0, 0]
            if numbers:
                residual, curvature = (y - raw[:, 0]) / unit, np.ones(len(y))
            else:
                is_class = y == (place if n_trees > 1 else 1)
                residual, curvature = _residuals(raw, place, is_class, loss=boosting.loss)
            newton = (n_trees - 1) / n_trees if n_trees > 1 else 1.0
            slope = newton * residual - tree.value[leaf, 0, 0] / unit * curvature
            yield Equations(leaf, slope, np.zeros(tree.node_count))
            yield from _of_counts(tree, leaf, residual, unit)
        raw = updated


def _residuals(
    raw: FloatArray, place: int, is_class: NDArray[np.bool_], *, loss: str
) -> tuple[FloatArray, FloatArray]:
    """(n,) negative gradient and curvature of the loss in one tree's output."""
    if loss == "exponential":
        size = np.exp(np.where(is_class, -raw[:, 0], raw[:, 0]))
        return np.where(is_class, size, -size), size
    probability = expit(raw[:, 0]) if raw.shape[1] == 1 else softmax(raw, axis=1)[:, place]
    return is_class - probability, probability * (1.0 - probability)


def _of_counts(tree: Any, leaf: IntArray, residual: FloatArray, unit: float) -> Iterator[Equations]:
    """The equations of the node counts, none where the counts were taken out of the file."""
    count = tree.n_node_samples.astype(np.float64)
    if tree.node_count > 1 and count[0] == _STRIPPED:
        return
    if np.any(tree.weighted_n_node_samples != count):
        raise Unsuited("The records were weighted in training, by weights that the file does not hold.")
    yield Equations(leaf, np.ones(len(leaf)), count)
    inner = np.flatnonzero(tree.children_left != _LEAF)
    if not len(inner):
        return
    parent = np.zeros(tree.node_count, dtype=np.int64)
    parent[tree.children_left[inner]] = inner
    parent[tree.children_right[inner]] = inner
    mean = tree.value[:, 0, 0] / unit
    for power, stored in ((1, mean), (2, tree.impurity / unit**2 + mean**2)):
        own = np.zeros(tree.node_count)
        own[inner] = count[inner] * stored[inner]
        below = inner[inner > 0]
        # a sum without those of its inner children is over the records of its own leaves alone
        remainder = own.copy()
        np.subtract.at(remainder, parent[below], own[below])
        yield Equations(parent[leaf], residual**power, remainder)
