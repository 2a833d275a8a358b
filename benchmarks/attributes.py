"""Attribute inference: ours beside other tools, how much of each figure is imputation, and nothing to find.

    python benchmarks/attributes.py targets [--data FOLDER] [--seeds 10] [--first-seed 0]
    python benchmarks/attributes.py null [--data FOLDER] [--splits 200]
    python benchmarks/attributes.py speed [--data FOLDER]

`targets` trains default forests of scikit-learn on one part of each of the public tables of Mehnaz et al.
2022 (Adult, GSS and FiveThirtyEight; FOLDER holds `attributes_*.csv.gz`) and infers columns of members and of
as many other people. Beside ours stand `AttributeInferenceBlackBox`, `AttributeInferenceBaseline` (the
toolbox's own guess without the model) and `AttributeInferenceMembership` of the Adversarial Robustness
Toolbox, each with random forests and learning from half of the others (and, for membership, of the members),
and the categorical attack of SACRO-ML on the same records, wherever these are installed. Their figures are
shares of records named rightly: of the members, and of those others from which nothing was learned.

`null` trains forests on a third part, and audits them with two others of which they saw neither: whatever
is found there is a false positive. `speed` is the processor time of 10,000 + 10,000 records and three
columns.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier

from leakgauge.attributes.audit import Plan, infer
from leakgauge.attributes.records import Records
from leakgauge.exhaustion import Time
from leakgauge.progress import Silent
from leakgauge.report.model import AttributeInference, AttributeMeasured, Severity
from leakgauge.targets.input_columns import InputColumn
from leakgauge.targets.sklearn.target import SklearnTarget

SHOWN = (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL)
OF_SACRO = 150
"""Records of either side that SACRO-ML is asked about: it asks the model one by one."""
REFERENCE_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Table:
    """A public table: its file, its label, sensitive columns and how many members and others are taken."""

    file: str
    label: str
    sensitive: tuple[str, ...]
    size: int


TABLES = {
    "Adult": Table("attributes_Adult_35222.csv.gz", "income", ("marital", "sex", "race"), 1_000),
    "GSS": Table("attributes_GSS_15235.csv.gz", "hapmar", ("xmovie", "pornlaw", "divorce"), 1_000),
    "FiveThirtyEight": Table("attributes_fte_full.csv.gz", "steak_type", ("alcohol", "smoking"), 160),
}
DROPPED = ("response_id",)


@dataclass(frozen=True, slots=True)
class Split:
    """A table in numbers, whole ones for categories, cut into members, others and a third part."""

    x: pd.DataFrame
    y: np.ndarray
    size: int

    def model(self, part: int) -> Any:
        """A default forest of one of the parts."""
        rows = slice(part * self.size, (part + 1) * self.size)
        return RandomForestClassifier(random_state=0).fit(self.x.iloc[rows].to_numpy(), self.y[rows])


def split_of(folder: Path, table: Table, seed: int, size: int | None = None) -> Split:
    """A shuffled table."""
    frame = pd.read_csv(folder / table.file).drop(columns=list(DROPPED), errors="ignore")
    frame = frame.iloc[np.random.default_rng(seed).permutation(len(frame))].reset_index(drop=True)
    y, _ = pd.factorize(frame[table.label], sort=True)
    x = frame.drop(columns=table.label)
    for name in x:
        if not pd.api.types.is_numeric_dtype(x[name].dtype):
            x[name] = pd.factorize(x[name].astype(str), sort=True)[0]
    return Split(x.astype(float), y.astype(np.int64), size or table.size)


def ours(split: Split, model: Any, names: list[str] | None, seed: int) -> AttributeInference:
    """What our audit finds, the first part being the members and the second the others."""
    n = split.size
    x, y = split.x.iloc[: 2 * n].to_numpy(), split.y[: 2 * n]
    kinds = tuple(InputColumn(kind="categories") for _ in split.x)
    records = Records(x, y, np.arange(2 * n) < n, tuple(split.x), kinds)

    def retrained(rows: Any, asked: Any, labels: Any, of_copy: int) -> Any:
        copy = clone(model).set_params(random_state=of_copy).fit(x[rows], y[rows])
        place = {label: place for place, label in enumerate(copy.classes_)}
        column = np.array([place.get(label, -1) for label in labels])
        answers = copy.predict_proba(asked)[np.arange(len(labels)), column]
        return np.where(column >= 0, answers, 0.0)

    plan = Plan(names=names, retrained=retrained, missing="", rounds=REFERENCE_ROUNDS, shift=None, seed=seed)
    found = infer(records, SklearnTarget(model), plan, progress=Silent(), time=Time())
    if found is None:
        raise ValueError("no column was measured")
    return found


def of_art(split: Split, model: Any, name: str, seed: int) -> Iterator[tuple[str, float, float]]:
    """The toolbox's attacks: name, share right of the members, and of the others."""
    from art.attacks.inference.attribute_inference import (
        AttributeInferenceBaseline,
        AttributeInferenceBlackBox,
        AttributeInferenceMembership,
    )
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification.scikitlearn import ScikitlearnRandomForestClassifier

    n, place = split.size, list(split.x).index(name)
    x, y = split.x.to_numpy(dtype=np.float32), split.y
    members, known, others = np.arange(n), np.arange(n, n + n // 2), np.arange(n + n // 2, 2 * n)
    every = sorted(np.unique(x[: 2 * n, place]).tolist())
    # what learns from some of the others numbers the values that occur among them, and no more
    learnt = sorted(np.unique(x[known, place]).tolist())
    wrapped = ScikitlearnRandomForestClassifier(model)
    np.random.seed(seed)  # noqa: NPY002 -- the toolbox knows no other

    def shares(attack: Any, values: list[float], *, answers: bool, labels: bool) -> tuple[float, float]:
        right = []
        for rows in (members, others):
            more: dict[str, Any] = {"values": values}
            if answers:
                more["pred"] = wrapped.predict(x[rows]).argmax(axis=1).reshape(-1, 1)
            if labels:
                more["y"] = y[rows]
            told = attack.infer(np.delete(x[rows], place, axis=1), **more)
            right.append(float((np.ravel(told) == x[rows, place]).mean()))
        return right[0], right[1]

    black_box = AttributeInferenceBlackBox(wrapped, attack_feature=place, attack_model_type="rf")
    black_box.fit(x[known], y[known])
    yield "ART black box", *shares(black_box, learnt, answers=True, labels=True)
    baseline = AttributeInferenceBaseline(attack_feature=place, attack_model_type="rf")
    baseline.fit(x[known])
    yield "ART baseline", *shares(baseline, learnt, answers=False, labels=False)
    membership = MembershipInferenceBlackBox(wrapped, attack_model_type="rf")
    half = members[: n // 2]
    membership.fit(x[half], y[half], x[known], y[known])
    by_membership = AttributeInferenceMembership(wrapped, membership, attack_feature=place)
    yield "ART membership", *shares(by_membership, every, answers=False, labels=True)


def of_sacro(split: Split, model: Any, name: str) -> Iterator[tuple[str, float, float]]:
    """SACRO-ML's attack; it names nobody where no value has the highest confidence alone."""
    from sacroml.attacks import attribute_attack
    from sacroml.attacks.target import Target

    n, place = split.size, list(split.x).index(name)
    x, y, taken = split.x.to_numpy(), split.y, min(OF_SACRO, split.size)
    target = Target(
        model=model,
        X_train=x[:taken],
        y_train=y[:taken],
        X_test=x[n : n + taken],
        y_test=y[n : n + taken],
        X_train_orig=x[:taken],
        y_train_orig=y[:taken],
        X_test_orig=x[n : n + taken],
        y_test_orig=y[n : n + taken],
    )
    # a feature is found by its number among the columns, so all of them are named
    for number, column in enumerate(split.x):
        target.add_feature(str(column), [number], "int")
    shares = []
    for memberset in (True, False):
        right, _, _, _, records = attribute_attack._infer(target, place, 0.0, memberset)
        shares.append(right / records)
    yield "SACRO-ML", shares[0], shares[1]


def of_peers(split: Split, model: Any, name: str, seed: int) -> Iterator[tuple[str, float, float]]:
    """All other tools that are installed."""
    logging.disable(logging.WARNING)
    if importlib.util.find_spec("art") is not None:
        yield from of_art(split, model, name, seed)
    if importlib.util.find_spec("sacroml") is not None:
        yield from of_sacro(split, model, name)


def targets(folder: Path, seeds: range) -> None:
    """The table of attacks on the public tables, as a mean over seeds."""
    print("| table | column | attack | members | others | leakage |")
    print("|---|---|---|---|---|---|")
    for title, table in TABLES.items():
        found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
        for seed in seeds:
            split = split_of(folder, table, seed)
            model = split.model(0)
            for column in ours(split, model, list(table.sensitive), seed).columns:
                rows: list[tuple[str, float, float, float]] = []
                for attack in column.attacks:
                    if isinstance(attack, AttributeMeasured):
                        metrics = attack.metrics
                        if not rows:
                            guess = (metrics.members.imputation.value, metrics.non_members.imputation.value)
                            rows.append(("guess without the model", *guess, 0.0))
                        shares = (metrics.members.attack.value, metrics.non_members.attack.value)
                        rows.append((f"`{attack.name}`", *shares, metrics.leakage.value))
                rows += [
                    (name, inside, outside, np.nan)
                    for name, inside, outside in of_peers(split, model, column.name, seed)
                ]
                for name, *shares in rows:
                    found.setdefault((column.name, name), []).append(tuple(shares))
        for (column_name, name), runs in found.items():
            mean, error = np.mean(runs, axis=0), np.std(runs, axis=0)
            leaked = "" if np.isnan(mean[2]) else f"{mean[2]:+.3f} ± {error[2]:.3f}"
            shown = " | ".join(f"{mean[side]:.3f} ± {error[side]:.3f}" for side in (0, 1))
            print(f"| {title} | {column_name} | {name} | {shown} | {leaked} |", flush=True)


def null(folder: Path, splits: int, size: int = 300) -> None:
    """Alarms and intervals where the model saw neither side."""
    alarms, covered, balanced = 0, [], []
    for seed in range(splits):
        split = split_of(folder, TABLES["Adult"], seed, size)
        found = ours(split, split.model(2), ["marital", "sex"], seed)
        alarms += found.verdict.severity in SHOWN
        for column in found.columns:
            for attack in column.attacks:
                if isinstance(attack, AttributeMeasured):
                    one, mean = attack.metrics.leakage, attack.metrics.leakage_balanced
                    covered.append(one.low <= 0.0 <= one.high)
                    balanced += [] if mean is None else [mean.low <= 0.0 <= mean.high]
    print(
        f"{splits} splits of {size} + {size} records, two columns: alarms {alarms}, intervals that hold 0 "
        f"{np.mean(covered):.3f} of shares, {np.mean(balanced):.3f} of means over values"
    )


def speed(folder: Path) -> None:
    """Processor time of a large audit."""
    split = split_of(folder, TABLES["Adult"], 0, 10_000)
    model = split.model(0)
    started = time.process_time()
    ours(split, model, ["marital", "sex", "race"], 0)
    print(f"10,000 + 10,000 records, three columns: {time.process_time() - started:.0f} s of processor time")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("targets", "null", "speed"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--splits", type=int, default=200)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    match asked.what:
        case "targets":
            targets(asked.data, range(asked.first_seed, asked.first_seed + asked.seeds))
        case "null":
            null(asked.data, asked.splits)
        case "speed":
            speed(asked.data)


if __name__ == "__main__":
    main()
