"""Pools and targets for the membership audit."""

from __future__ import annotations

from typing import Any

import numpy as np

from leakgauge.membership.inputs import Inputs
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.targets.sklearn_target import SklearnTarget


def records(n: int, *, seed: int, features: int = 8, noise: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """`n` records of three classes that a model can learn but not well."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features))
    y = np.digitize(x[:, 0] + x[:, 1] + noise * rng.normal(size=n), [-1.0, 1.0])
    return x, y


def inputs_of(
    estimator: Any,
    members: tuple[np.ndarray, np.ndarray],
    subjects: tuple[np.ndarray, np.ndarray],
    group: np.ndarray | None = None,
) -> Inputs:
    """What `read_inputs` would make of a fitted estimator and two arrays of records."""
    target = SklearnTarget(estimator)
    y = np.concatenate([members[1], subjects[1]])
    pool = Pool(
        x=np.concatenate([members[0], subjects[0]]),
        y=np.searchsorted(target.classes, y).astype(np.int64),
        member=np.repeat([True, False], [len(members[1]), len(subjects[1])]),
        row=np.concatenate([np.arange(len(members[1])), np.arange(len(subjects[1]))]) + 1,
        group=group,
    )
    return Inputs(SharedAnswers(target, pool), pool, target.type_name, members[0].shape[1], ())
