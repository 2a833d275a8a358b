"""Fitted models with the pool of records that half of them were trained on, shuffled."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.protocol import Score
from leakgauge.progress import Silent
from leakgauge.targets.sklearn.target import SklearnTarget


def digits(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `n` of scikit-learn's bundled digits."""
    x, y = load_digits(return_X_y=True)
    return x[:n], y[:n]


def fitted_pool(model: Any, x: Any, y: np.ndarray, *, seed: int) -> tuple[SharedAnswers, Pool]:
    """Fit the model on a random half; the pool holds both halves in an order of its own."""
    rng = np.random.default_rng(seed)
    member = rng.permutation(np.arange(len(y)) < len(y) // 2)
    order = rng.permutation(np.flatnonzero(member))
    model.fit(x[order], y[order])
    return shared(model, x, y, member)


def shared(model: Any, x: Any, y: np.ndarray, member: np.ndarray) -> tuple[SharedAnswers, Pool]:
    """A fitted model and its records as attacks see them."""
    target = SklearnTarget(model)
    places = np.searchsorted(target.classes, y).astype(np.int64)
    pool = Pool(x=x, y=places, member=member, row=np.arange(1, len(y) + 1))
    return SharedAnswers(target, pool), pool


def scores_of(attack: Score, target: SharedAnswers, pool: Pool) -> np.ndarray:
    """The attack's scores with a fixed generator."""
    return attack(target, pool, rng=np.random.default_rng(0), progress=Silent())


def area(attack: Score, target: SharedAnswers, pool: Pool) -> float:
    """Area under the ROC of the attack's scores."""
    scores = scores_of(attack, target, pool)
    assert scores.shape == (len(pool),)
    assert np.all(np.isfinite(scores))
    return float(roc_auc_score(pool.member, scores))
