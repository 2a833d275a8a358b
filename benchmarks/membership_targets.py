"""The targets of the membership benchmarks: data split into halves, and a model trained on one."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from leakgauge.membership.pool import Pool
from leakgauge.targets.sklearn.target import SklearnTarget

CARDINALITIES = (3, 5, 4, 4, 3, 2, 3, 3)

Data = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Case:
    """A target trained on the first half of its data, and the pool of both halves."""

    target: SklearnTarget
    pool: Pool
    seed: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Where a target's data come from, and its untrained model for a seed."""

    data: Callable[[], Data]
    model: Callable[[int], Any]

    def case(self, seed: int) -> Case:
        """Split by `seed`, train with `seed`, and join the halves into a pool."""
        x, y = self.data()
        known, unknown, known_y, unknown_y = train_test_split(
            x, y, test_size=0.5, random_state=seed, stratify=y
        )
        pool = Pool(
            np.concatenate([known, unknown]),
            np.concatenate([known_y, unknown_y]),
            np.arange(len(y)) < len(known),
            np.arange(len(y)) + 1,
        )
        return Case(SklearnTarget(self.model(seed).fit(known, known_y)), pool, seed)


def digits() -> Data:
    """(1797, 64) eight by eight digits."""
    return load_digits(return_X_y=True)


def cancer() -> Data:
    """(569, 30) measurements and two classes."""
    return load_breast_cancer(return_X_y=True)


def location(folder: Path) -> Data:
    """Location30 (Shokri et al. 2017): (5010, 446) binary features and thirty classes."""
    with tarfile.open(folder / "location30.tgz") as archive:
        rows = np.loadtxt(archive.extractfile("bangkok"), delimiter=",", dtype=str)
    return rows[:, 1:].astype(float), np.char.strip(rows[:, 0], '"').astype(int) - 1


def categorical(n: int = 13_000) -> Data:
    """(n, 8) small integers and four classes, one of them rare, with noise in the labels."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, k, n) for k in CARDINALITIES])
    score = sum(rng.normal(size=k)[x[:, j]] for j, k in enumerate(CARDINALITIES)) + 0.7 * rng.normal(size=n)
    return x.astype(float), np.digitize(score, np.quantile(score, [0.33, 0.66, 0.95]))


def linear(n: int = 2_000, features: int = 20, noise: float = 0.7) -> Data:
    """(n, features) normal features and two classes on either side of a plane, with noise in the labels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, features))
    margin = x @ rng.normal(size=features) / np.sqrt(features)
    return x, (margin + noise * rng.normal(size=n) > 0).astype(int)


def recipes(folder: Path | None) -> dict[str, Recipe]:
    """Every target by name; those on Location30 only where its `folder` is given."""

    def forest(**settings: Any) -> Callable[[int], Any]:
        return lambda seed: RandomForestClassifier(random_state=seed, **settings)

    def boosting(seed: int) -> Any:
        return GradientBoostingClassifier(random_state=seed)

    def tree(seed: int) -> Any:
        return DecisionTreeClassifier(random_state=seed)

    found = {
        "digits-forest": Recipe(digits, forest()),
        "digits-forest-leaf-5": Recipe(digits, forest(min_samples_leaf=5)),
        "digits-forest-depth-5": Recipe(digits, forest(max_depth=5)),
        "digits-boosting": Recipe(digits, boosting),
        "cancer-forest": Recipe(cancer, forest()),
        "categorical-forest": Recipe(categorical, forest()),
    }
    if folder is not None:

        def places() -> Data:
            return location(folder)

        found["location-forest-leaf-5"] = Recipe(places, forest(min_samples_leaf=5))
        found["location-forest-depth-8"] = Recipe(places, forest(max_depth=8))
        found["location-tree"] = Recipe(places, tree)
    return found


def boosted() -> dict[str, Recipe]:
    """Targets by boosting, from weak leakage to answers within 1e-15 of certainty."""

    def gradient(**settings: Any) -> Callable[[int], Any]:
        return lambda seed: GradientBoostingClassifier(random_state=seed, **settings)

    def histogram(**settings: Any) -> Callable[[int], Any]:
        return lambda seed: HistGradientBoostingClassifier(random_state=seed, **settings)

    return {
        "cancer-boosting": Recipe(cancer, gradient()),
        "cancer-boosting-rate-1": Recipe(cancer, gradient(learning_rate=1.0)),
        "cancer-histogram": Recipe(cancer, histogram()),
        "cancer-histogram-300": Recipe(cancer, histogram(max_iter=300, learning_rate=0.3)),
        "linear-boosting": Recipe(lambda: linear(1_000), gradient()),
        "linear-histogram": Recipe(linear, histogram(max_iter=60)),
        "categorical-boosting": Recipe(lambda: categorical(2_000), gradient(n_estimators=50)),
        "digits-boosting-sqrt": Recipe(digits, gradient(max_features="sqrt")),
    }


def of_other_kinds() -> dict[str, Recipe]:
    """Targets by neither forests nor gradient boosting."""

    def logistic(_: int) -> Any:
        return LogisticRegression(max_iter=500)

    def network(seed: int) -> Any:
        return make_pipeline(StandardScaler(), MLPClassifier(max_iter=300, random_state=seed))

    return {
        "linear-logistic": Recipe(linear, logistic),
        "linear-500-logistic": Recipe(lambda: linear(features=500), logistic),
        "digits-logistic": Recipe(
            digits, lambda _: make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        ),
        "cancer-network": Recipe(cancer, network),
        "linear-network": Recipe(linear, network),
        "linear-neighbours": Recipe(linear, lambda _: KNeighborsClassifier(10)),
        "digits-neighbours": Recipe(digits, lambda _: KNeighborsClassifier(5)),
        "linear-tree": Recipe(linear, lambda seed: DecisionTreeClassifier(max_depth=5, random_state=seed)),
        "digits-tree": Recipe(
            digits, lambda seed: DecisionTreeClassifier(min_samples_leaf=5, random_state=seed)
        ),
        "cancer-forest-leaf-20": Recipe(
            cancer, lambda seed: RandomForestClassifier(min_samples_leaf=20, random_state=seed)
        ),
        "linear-forest-leaf-20": Recipe(
            linear, lambda seed: RandomForestClassifier(min_samples_leaf=20, random_state=seed)
        ),
        "linear-ada": Recipe(linear, lambda seed: AdaBoostClassifier(random_state=seed)),
    }
