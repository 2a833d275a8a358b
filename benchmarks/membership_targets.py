"""The targets of the membership benchmarks: data split into halves, and a model trained on one."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split
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
