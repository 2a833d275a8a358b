"""Pools and targets for the membership audit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from leakgauge.membership.inputs import Inputs
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.training_sets import TrainingData
from leakgauge.targets.sklearn.target import SklearnTarget


def records(n: int, *, seed: int, features: int = 8, noise: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """`n` records of three classes that a model can learn but not well."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features))
    y = np.digitize(x[:, 0] + x[:, 1] + noise * rng.normal(size=n), [-1.0, 1.0])
    return x, y


def inputs_of(
    estimator: Any,
    members: tuple[np.ndarray, np.ndarray],
    non_members: tuple[np.ndarray, np.ndarray],
    group: np.ndarray | None = None,
) -> Inputs:
    """What `read_inputs` would make of a fitted estimator and two arrays of records."""
    target = SklearnTarget(estimator)
    pool = pool_of(target, members, non_members, group)
    target = target.reading_scores(pool.x, pool.y)
    return Inputs(SharedAnswers(target, pool), pool, pool.x.shape[1], ())


def referenced(
    estimator: Any,
    members: tuple[Any, np.ndarray],
    non_members: tuple[Any, np.ndarray],
    *,
    models: int,
    seed: int = 0,
) -> tuple[SharedAnswers, Pool]:
    """A target with reference models, and the pool, as an attack gets them."""
    target = SklearnTarget(estimator)
    pool = pool_of(target, members, non_members)
    target = target.reading_scores(pool.x, pool.y)
    plan = Plan(estimator, target.classes, models=models, seed=seed, form=target.form)
    return SharedAnswers(target, pool, references=ReferenceModels(plan, TrainingData.of(pool))), pool


def pool_of(
    target: SklearnTarget,
    members: tuple[Any, np.ndarray],
    non_members: tuple[Any, np.ndarray],
    group: np.ndarray | None = None,
) -> Pool:
    """Members and non-members, both arrays or both frames, as one pool."""
    y = np.concatenate([members[1], non_members[1]])
    frames = isinstance(members[0], pd.DataFrame)
    both = [members[0], non_members[0]]
    return Pool(
        x=pd.concat(both, ignore_index=True) if frames else np.concatenate(both),
        y=np.searchsorted(target.classes, y).astype(np.int64),
        member=np.repeat([True, False], [len(members[1]), len(non_members[1])]),
        row=np.concatenate([np.arange(len(members[1])), np.arange(len(non_members[1]))]) + 1,
        group=group,
    )
