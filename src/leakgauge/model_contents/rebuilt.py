"""Whether a training table can be rebuilt from the model file, and how much of it that gives back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.tree import BaseDecisionTree

from leakgauge.attacks.running import unless_it_breaks_off
from leakgauge.model_contents.find import TrainingTable
from leakgauge.model_contents.reconstruction import SECONDS, KnownTable, rebuilt_table
from leakgauge.model_contents.reconstruction.trees import (
    Ensemble,
    as_trees_read,
    final_estimator,
    through_steps,
)
from leakgauge.progress import Progress
from leakgauge.randomness import generator_for
from leakgauge.report.model import ModelContents, RebuiltTable
from leakgauge.targets.boosters.estimator import BoosterEstimator

_BOOSTED = (
    "From boosted trees the training table is not rebuilt: no method here reads them. Their leaves hold sums "
    "of gradients over many rows, and neither counts of classes nor a row's own number. It is no sign that "
    "the file is safe to hand out."
)

MOST_VALUES = 20_000_000
"""Values of a table that is compared at most."""


def with_rebuilt(
    contents: ModelContents,
    model: Any,
    table: TrainingTable | None,
    progress: Progress,
    *,
    seconds: float = SECONDS,
    seed: int = 0,
) -> ModelContents:
    """The contents with what `rebuilt_of` finds; parameters as there."""
    return replace(contents, rebuilt=rebuilt_of(model, table, progress, seconds=seconds, seed=seed))


def rebuilt_of(
    model: Any,
    table: TrainingTable | None,
    progress: Progress,
    *,
    seconds: float = SECONDS,
    seed: int = 0,
) -> RebuiltTable | None:
    """Whether the training table of a model of trees can be rebuilt; None for models without trees.

    Parameters
    ----------
    table
        what it was trained on; None where that is not known.
    seconds
        how long that may take, about; never more than `SECONDS`.
    """
    estimator = final_estimator(model)
    if isinstance(estimator, BaseGradientBoosting | BaseHistGradientBoosting | BoosterEstimator):
        return RebuiltTable("not_applicable", _BOOSTED)
    if not isinstance(estimator, Ensemble | BaseDecisionTree):
        return None

    def attempt() -> RebuiltTable:
        known = None if table is None else _known(model, table)
        rng = generator_for(seed, "rebuilt table")
        return rebuilt_table(model, known, rng=rng, progress=progress, seconds=min(seconds, SECONDS))

    def broke_off(reason: str) -> RebuiltTable:
        return RebuiltTable(
            "not_rebuilt", f"Whether the training table can be rebuilt is not known. {reason}"
        )

    return unless_it_breaks_off(attempt, instead=broke_off)


def _known(model: Any, table: TrainingTable) -> KnownTable | None:
    """The table as the trees read it; None where it cannot be compared value by value."""
    if table.y is None:
        return None
    _, read = through_steps(model, table.x)
    names = [str(name) for name in read.columns] if hasattr(read, "columns") else None
    numbers = as_trees_read(read)
    if numbers.shape[0] * numbers.shape[1] > MOST_VALUES:
        return None
    x = np.asarray(numbers.toarray() if sparse.issparse(numbers) else numbers, dtype=np.float64)
    if not np.isfinite(x).all():
        return None
    return KnownTable(x, np.asarray(table.y, dtype=np.float64), names)
