"""Training tables rebuilt from model files, beside what an attacker without the file could guess.

    python benchmarks/reconstruction.py DATA [--only PART] [--seeds 5] [--sizes 100 200]

DATA is a folder with the tables of Ferry et al. 2024 (`draft_adult.csv.gz`, `draft_compas.csv.gz`,
`draft_default_credit.csv.gz`: binary columns, the label last) and `attributes_Adult_35222.csv.gz`; what is
missing is skipped, and said. The parts are `binary`, `mixed`, `numbers`, `changes`, `negative` and `left`
(what a sanitised file leaves). Every line gives CPU seconds of this process; run one at a time with
OMP_NUM_THREADS=1. Constants were chosen on tables of 500: Adult, seeds 0 to 5, and noisy classes, seed 7.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_friedman1
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from leakgauge.attacks.row import Unsuited
from leakgauge.defences.strip import strip
from leakgauge.model_contents.reconstruction import KnownTable, rebuild
from leakgauge.model_contents.reconstruction.comparison import compared
from leakgauge.progress import Silent

Table = tuple[np.ndarray, np.ndarray]
BINARY = ("adult", "compas", "default_credit")
SECONDS = 3_600.0


def binary(data: Path, name: str, n: int, seed: int) -> Table | None:
    """A random part of one of the binary tables; None where it is missing."""
    path = data / f"draft_{name}.csv.gz"
    if not path.exists():
        return None
    table = pd.read_csv(path).sample(n=n, random_state=seed).to_numpy()
    return table[:, :-1].astype(np.float64), table[:, -1].astype(np.int64)


def mixed_adult(data: Path, n: int, seed: int) -> Table | None:
    """A random part of the Adult table with its numbers, text as codes; None where it is missing."""
    path = data / "attributes_Adult_35222.csv.gz"
    if not path.exists():
        return None
    frame = pd.read_csv(path).sample(n=n, random_state=seed)
    for column in frame.columns:
        if frame[column].dtype.kind not in "if":
            frame[column] = pd.factorize(frame[column], sort=True)[0]
    table = frame.to_numpy(dtype=np.float64)
    return table[:, :-1], table[:, -1].astype(np.int64)


def mixed_numbers(n: int, seed: int) -> Table:
    """Measurements, two-valued columns, ages and cents, and a number that depends on them."""
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [
            rng.normal(size=(n, 4)),
            rng.integers(0, 2, (n, 2)),
            rng.integers(18, 80, (n, 2)),
            rng.exponential(size=(n, 2)).round(2),
        ]
    )
    return x, 2 * x[:, 0] + x[:, 1] ** 2 + x[:, 4] * x[:, 6] / 20 + x[:, 8] + rng.normal(scale=0.5, size=n)


def noisy_classes(n: int, seed: int) -> Table:
    """The same columns with two classes, of which one in five is random."""
    x, y = mixed_numbers(n, seed)
    rng = np.random.default_rng([seed, 1])
    classes = (y > np.median(y)).astype(np.int64)
    return x, np.where(rng.random(n) < 0.2, rng.integers(0, 2, n), classes)


def line(label: str, model: Any, table: Table | None, *, stripped: bool = False) -> None:
    """Fit, rebuild, compare and print one line."""
    if table is None:
        print(f"| {label} | the table is not there |", flush=True)
        return
    x, y = table
    model.fit(x, y)
    if stripped:
        strip(model)
    rng = np.random.default_rng(0)
    begun = time.process_time()
    try:
        found = rebuild(model, rng=rng, progress=Silent(), seconds=SECONDS)
    except Unsuited as unsuited:
        print(f"| {label} | {unsuited} |", flush=True)
        return
    seconds = time.process_time() - begun
    # what is not claimed is compared here as well, to see whether it was right to claim nothing
    known = KnownTable(x, y.astype(np.float64))
    beside = compared(found.x, found.y, known, in_order=found.in_order, rng=rng)
    order = "–" if beside.in_order is None else f"{beside.in_order:.3f}"
    boxes = "–"
    if beside.in_order is not None:
        boxes = f"{((found.low < x) & (x <= found.high) | (found.x == x)).all(axis=1).mean():.3f}"
    figures = (beside.values, beside.imputation, beside.guess)
    outcome = "rebuilt" if found.is_rebuilt else "not rebuilt"
    cells = [label, outcome, f"{seconds:.1f}", f"{found.matched:.3f}", f"{found.narrowed:.3f}"]
    cells += [f"{beside.exact_rows:.3f}", order, boxes, *(f"{share:.3f}" for share in figures)]
    print("| " + " | ".join(cells) + " |", flush=True)


def of_binary(data: Path, seeds: range, sizes: list[int]) -> None:
    """Default forests of the three binary tables."""
    for n in sizes:
        for name in BINARY:
            for seed in seeds:
                model = RandomForestClassifier(random_state=seed)
                line(f"{name}, {n}, seed {seed}", model, binary(data, name, n, seed))


def of_mixed(data: Path, seeds: range, sizes: list[int]) -> None:
    """Default forests of classes on numbers."""
    for n in sizes:
        for seed in seeds:
            model = RandomForestClassifier(random_state=seed)
            line(f"Adult with numbers, {n}, seed {seed}", model, mixed_adult(data, n, seed))
            line(f"noisy classes, {n}, seed {seed}", model, noisy_classes(n, seed))


def of_numbers(_: Path, seeds: range, sizes: list[int]) -> None:
    """Default forests of regressors, as fitted and sanitised."""
    for n in sizes:
        for seed in seeds:
            for stripped in (False, True):
                label = f"{n} numbers, seed {seed}{', sanitised' if stripped else ''}"
                line(
                    label, RandomForestRegressor(random_state=seed), mixed_numbers(n, seed), stripped=stripped
                )


def changed_models(seed: int) -> Iterator[tuple[str, Any]]:
    """Classifiers with one thing changed, and other models of the family."""
    for trees in (10, 20, 50, 100, 200):
        yield f"{trees} trees", RandomForestClassifier(trees, random_state=seed)
    for leaf in (2, 5, 10):
        yield f"min_samples_leaf={leaf}", RandomForestClassifier(min_samples_leaf=leaf, random_state=seed)
    for depth in (4, 8):
        yield f"max_depth={depth}", RandomForestClassifier(max_depth=depth, random_state=seed)
    yield "max_samples=0.5", RandomForestClassifier(max_samples=0.5, random_state=seed)
    for weight in ("balanced", "balanced_subsample"):
        yield f"class_weight={weight}", RandomForestClassifier(class_weight=weight, random_state=seed)
    yield "bootstrap=False", RandomForestClassifier(bootstrap=False, random_state=seed)
    yield "extra trees", ExtraTreesClassifier(random_state=seed)
    yield "100 bagged trees", BaggingClassifier(n_estimators=100, random_state=seed)
    yield "one tree", DecisionTreeClassifier(random_state=seed)


def of_changes(data: Path, seeds: range, sizes: list[int]) -> None:
    """What stops it, on Adult."""
    for n in sizes:
        for seed in seeds:
            for label, model in changed_models(seed):
                line(f"Adult, {n}, seed {seed}: {label}", model, binary(data, "adult", n, seed))
            for label, model in (
                ("one regression tree", DecisionTreeRegressor(random_state=seed)),
                ("extra trees", ExtraTreesRegressor(random_state=seed)),
                ("gradient boosting", GradientBoostingRegressor(random_state=seed)),
                ("forest, min_samples_leaf=2", RandomForestRegressor(min_samples_leaf=2, random_state=seed)),
                ("forest, 10 trees", RandomForestRegressor(10, random_state=seed)),
            ):
                line(f"numbers, {n}, seed {seed}: {label}", model, mixed_numbers(n, seed))
            line(
                f"five columns of Friedman, {n}, seed {seed}",
                RandomForestRegressor(random_state=seed),
                make_friedman1(n, n_features=5, random_state=seed),
            )


def of_negative(_: Path, seeds: range, __: list[int]) -> None:
    """Tables of which leaves tell too little."""
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        for seed in seeds:
            line(
                f"{load.__name__}, seed {seed}",
                RandomForestClassifier(random_state=seed),
                load(return_X_y=True),
            )


def of_left(data: Path, seeds: range, sizes: list[int]) -> None:
    """What these attacks find in sanitised files."""
    for n in sizes:
        for seed in seeds:
            table = binary(data, "adult", n, seed)
            line(f"Adult, {n}, seed {seed}", RandomForestClassifier(random_state=seed), table, stripped=True)
            for label, model in (
                ("forest", RandomForestRegressor(random_state=seed)),
                ("extra trees", ExtraTreesRegressor(random_state=seed)),
                ("one tree", DecisionTreeRegressor(random_state=seed)),
                ("forest, min_samples_leaf=2", RandomForestRegressor(min_samples_leaf=2, random_state=seed)),
            ):
                line(f"numbers, {n}, seed {seed}: {label}", model, mixed_numbers(n, seed), stripped=True)


PARTS: dict[str, Callable[[Path, range, list[int]], None]] = {
    "binary": of_binary,
    "mixed": of_mixed,
    "numbers": of_numbers,
    "changes": of_changes,
    "negative": of_negative,
    "left": of_left,
}


def main() -> None:
    """Print the lines that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100])
    asked = parser.parse_args()
    figures = "CPU s | matched | narrowed | exact rows | in order | boxes | values | imputed | guessed"
    print(f"| table | outcome | {figures} |")
    print("|---|---|" + "---:|" * 9)
    for part in asked.only or PARTS:
        seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
        PARTS[part](asked.data, seeds, asked.sizes)


if __name__ == "__main__":
    main()
