"""Bundles for audits of class profiles, of people whose classes are known to the last parameter."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import numpy as np
import pandas as pd
from pydantic import JsonValue
from sklearn.base import ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from leakgauge.bundle import Limits, ProfilesBundle, open_bundle
from leakgauge.profiles.audit import audit_bundle
from leakgauge.progress import Silent
from leakgauge.report.model import ProfilesReport

CITIES = ["Oslo", "Lima", "Pune"]
SHARES = {"paid": [0.6, 0.3, 0.1], "default": [0.1, 0.3, 0.6]}
MEAN_AGES = {"paid": 45.0, "default": 33.0}
COLUMNS = ["age", "debt", "kids", "city", "shoes"]


def people(n: int, *, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """(n,) records and their classes: younger, more indebted and from Pune are those who default.

    Shoes and kids have nothing to do with it.
    """
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < 0.3, "default", "paid")
    defaults = y == "default"
    city = np.where(
        defaults, rng.choice(CITIES, n, p=SHARES["default"]), rng.choice(CITIES, n, p=SHARES["paid"])
    )
    frame = pd.DataFrame(
        {
            "age": np.where(defaults, MEAN_AGES["default"], MEAN_AGES["paid"]) + 9 * rng.normal(size=n),
            "debt": np.where(defaults, 20_000.0, 10_000.0) * rng.gamma(4.0, 0.25, n),
            "kids": rng.poisson(1.5, n),
            "city": city.astype(object),
            "shoes": 42 + 3 * rng.normal(size=n),
        }
    )
    return frame, y


def fitted(x: pd.DataFrame, y: np.ndarray, classifier: ClassifierMixin | None = None) -> Pipeline:
    """A model of such people, by default a logistic regression."""
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
        (StandardScaler(), ["age", "debt", "kids", "shoes"]),
    )
    classifier = LogisticRegression(max_iter=500) if classifier is None else classifier
    return make_pipeline(columns, classifier).fit(x, y)


def profiles_bundle(
    folder: Path,
    model: Any,
    auxiliary: pd.DataFrame,
    reference: tuple[pd.DataFrame, np.ndarray] | None = None,
    *,
    name: str = "auxiliary.csv",
    header: bool = True,
) -> Path:
    """A folder with the model, what the attacker has under `name`, and real records."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(model, bytes):
        (folder / "model.onnx").write_bytes(model)
    else:
        joblib.dump(model, folder / "model.joblib")
    auxiliary.to_csv(folder / name, index=False, header=header)
    if reference is not None:
        x, y = reference
        x.assign(label=y).to_csv(folder / "reference.csv", index=False, header=header)
    return folder


def profiled(bundle: Path, **parameters: JsonValue) -> ProfilesReport:
    """The report on a bundle, in this very process."""
    with TemporaryDirectory() as scratch:
        opened = open_bundle(bundle, Path(scratch) / "unpacked", limits=Limits())
        assert isinstance(opened, ProfilesBundle)
        report = audit_bundle(opened, {"query_budget": 1_000} | parameters, Silent()).report
    assert isinstance(report, ProfilesReport)
    return report
