"""Tables with text, an ID and a date: no alarm on null data, and no report that depends on row order."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases import audited
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from leakgauge.report.model import MembershipReport, Severity

N = 300
TEXT = ["city", "zip", "plan"]
NUMBERS = ["age", "income", "visits"]


def customers(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    frame = pd.DataFrame(
        {
            "customer": [f"C{number:06d}" for number in rng.permutation(10**6)[:n]],
            "signup": days.strftime("%Y-%m-%d").astype(object),
            "city": rng.choice(["Bern", "Basel", "Chur", "NA"], n),
            "zip": [f"{number:05d}" for number in 251 * rng.integers(0, 40, n)],
            "plan": rng.choice(["basic", "plus", "pro"], n),
            "age": rng.integers(18, 90, n),
            "income": rng.lognormal(10, 0.5, n).round(2),
            "visits": rng.poisson(4, n),
        }
    )
    score = (frame.age - 50) / 15 + 1.2 * (frame.plan == "pro") + rng.logistic(size=n)
    return frame.assign(churned=np.where(score > 0, "yes", "no"))


def pipeline(*, reads_all: bool, leaf: int = 1, trees: int = 40) -> Pipeline:
    parts: list[Any] = [("text", OneHotEncoder(handle_unknown="ignore"), TEXT), ("n", "passthrough", NUMBERS)]
    if reads_all:
        other = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        parts.append(("ids", other, ["customer", "signup"]))
    forest = RandomForestClassifier(trees, min_samples_leaf=leaf, random_state=0)
    return make_pipeline(ColumnTransformer(parts), forest)


def bundle(folder: Path, model: Any, members: pd.DataFrame, others: pd.DataFrame, **to_csv: Any) -> Path:
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    members.to_csv(folder / "train_mia.csv", **to_csv)
    others.to_csv(folder / "test_mia.csv", **to_csv)
    return folder


def fitted(frame: pd.DataFrame, **settings: Any) -> Pipeline:
    return pipeline(**settings).fit(frame.drop(columns="churned"), frame.churned)


def without_rows(report: MembershipReport) -> MembershipReport:
    """The report but for the digests of the files and the numbers of rows, which any order changes."""
    return dataclasses.replace(report, inputs={}, records=())


@pytest.mark.slow
def test_the_order_of_rows_changes_no_figure(tmp_path: Path) -> None:
    members, others = customers(N, 0), customers(N, 1)
    model = fitted(members, reads_all=True)
    attacks = ["gap", "loss", "learned_rf", "learned_gb", "label_only", "rmia", "lira", "bootstrap_replay"]
    reports = [
        audited(
            bundle(
                tmp_path / str(seed),
                model,
                members.sample(frac=1, random_state=seed),
                others.sample(frac=1, random_state=seed),
                index=False,
            ),
            attacks=attacks,
            proportions=[50],
            max_records=400,
        )
        for seed in (1, 2)
    ]
    assert without_rows(reports[0]) == without_rows(reports[1])
    assert reports[0].records != reports[1].records


def test_a_default_forest_in_a_pipeline_is_critical_at_the_first_try(tmp_path: Path) -> None:
    members, others = customers(600, 2), customers(600, 3)
    model = fitted(members, reads_all=False, trees=100)
    report = audited(bundle(tmp_path / "bundle", model, members, others), reference_models=16)
    assert report.target.train_accuracy.value == 1.0
    assert report.verdict.severity is Severity.CRITICAL
    assert not {"tables_differ", "does_not_fit_members"} & {notice.code for notice in report.warnings}


@pytest.mark.slow
def test_null_splits_raise_no_alarm(tmp_path: Path) -> None:
    """40 models that saw neither table: at most 5 % told "tables differ", at most 5 % more than low."""
    differ, alarms = [], []
    for seed in range(40):
        model = fitted(customers(N, 1_000 + seed), reads_all=bool(seed % 2), leaf=10)
        report = audited(
            bundle(tmp_path / str(seed), model, customers(N, 2_000 + seed), customers(N, 3_000 + seed)),
            attacks=["gap", "loss", "learned_rf", "learned_gb", "label_only", "rmia", "lira"],
            proportions=[90],
            seed=seed,
        )
        differ.append(any(notice.code == "tables_differ" for notice in report.warnings))
        alarms.append(report.verdict.severity not in (Severity.LOW, Severity.INCONCLUSIVE))
    assert np.mean(differ) <= 0.05
    assert np.mean(alarms) <= 0.05
