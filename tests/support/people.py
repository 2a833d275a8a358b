"""Tables of people with a sensitive column, and audits of models of them without a bundle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from leakgauge.attributes.audit import Plan, infer
from leakgauge.attributes.records import Records
from leakgauge.estimates import Estimate
from leakgauge.exhaustion import Time
from leakgauge.progress import Silent
from leakgauge.report.model import AttributeInference, AttributeMeasured
from leakgauge.targets.input_columns import InputColumn
from leakgauge.targets.sklearn.target import SklearnTarget


def people(n: int, *, seed: int) -> pd.DataFrame:
    """`n` people: `smoker` hangs together with age and little else, `y` with all of it and with chance."""
    rng = np.random.default_rng(seed)
    age = rng.normal(45.0, 15.0, n)
    smoker = rng.random(n) < 1.0 / (1.0 + np.exp((age - 40.0) / 15.0))
    job = rng.choice(["nurse", "clerk", "driver"], n, p=[0.5, 0.3, 0.2])
    exercise, weight = rng.normal(size=n), rng.normal(80.0, 12.0, n)
    risk = 1.2 * smoker + (age - 45.0) / 20.0 - 0.5 * exercise + (weight - 80.0) / 30.0 + rng.logistic(size=n)
    return pd.DataFrame(
        {
            "age": age.round(1),
            "smoker": np.where(smoker, "yes", "no"),
            "job": job,
            "exercise": exercise.round(3),
            "weight": weight.round(1),
            "y": (risk > 0.5).astype(int),
        }
    )


def forest(**settings: Any) -> Any:
    """A forest of tables with texts among their columns."""
    encoder = make_column_transformer(
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            make_column_selector(dtype_exclude="number"),
        ),
        remainder="passthrough",
    )
    return make_pipeline(
        encoder, RandomForestClassifier(**{"n_estimators": 40, "random_state": 0} | settings)
    )


def features(table: pd.DataFrame) -> pd.DataFrame:
    """The table without its label."""
    return table.drop(columns="y")


def inferred(
    model: Any,
    members: pd.DataFrame,
    others: pd.DataFrame,
    *,
    names: list[str] | None,
    seed: int = 0,
    shift: Estimate | None = None,
    retrains: bool = True,
    group: bool = False,
) -> AttributeInference | None:
    """What attribute inference finds in a fitted `model` of tables with the label `y`."""
    both = pd.concat([members, others], ignore_index=True)
    x, y = features(both), both.y.to_numpy(dtype=np.int64)
    records = Records(
        x,
        y,
        np.arange(len(both)) < len(members),
        tuple(x.columns),
        tuple(InputColumn() for _ in x.columns),
        x.job.to_numpy(dtype=np.str_) if group else None,
    )

    def retrained(rows: Any, rows_x: Any, rows_y: Any, rows_seed: int) -> Any:
        copy = clone(model).fit(x.iloc[rows], y[rows])
        return copy.predict_proba(rows_x)[np.arange(len(rows_y)), rows_y]

    plan = Plan(
        names=names,
        retrained=retrained if retrains else None,
        missing="there are none",
        rounds=1,
        shift=shift,
        seed=seed,
    )
    return infer(records, SklearnTarget(model), plan, progress=Silent(), time=Time())


def measured(found: AttributeInference, column: str) -> dict[str, AttributeMeasured]:
    """The attacks on a column that ran, by name."""
    (one,) = (one for one in found.columns if one.name == column)
    return {attack.name: attack for attack in one.attacks if isinstance(attack, AttributeMeasured)}
