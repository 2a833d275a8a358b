"""What model files hold of their training table, as fitted and sanitised; writes results/model_contents.md.

python benchmarks/model_contents.py
"""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

from leakgauge.defences.sanitize import sanitize
from leakgauge.errors import UnsupportedModel
from leakgauge.model_contents.find import TrainingTable, contents_of
from leakgauge.progress import Silent
from leakgauge.report.model import ModelContents
from leakgauge.targets.sklearn.reading import load_model

RESULTS = Path(__file__).parent / "results" / "model_contents.md"
RECORDS = 300


def _table() -> tuple[Any, Any, Any]:
    pixels, digit = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    x = pixels[:RECORDS, 20:28] + random.random((RECORDS, 8))
    return x, (digit[:RECORDS] > 4).astype(int), x @ np.arange(8.0) + random.normal(size=RECORDS)


MODELS: dict[str, tuple[Any, bool]] = {
    "nearest neighbours": (KNeighborsClassifier(), False),
    "nearest neighbours behind a scaler": (make_pipeline(StandardScaler(), KNeighborsClassifier()), False),
    "five calibrated copies of nearest neighbours": (
        CalibratedClassifierCV(KNeighborsClassifier(), cv=5),
        False,
    ),
    "support vectors": (SVC(), False),
    "label spreading": (LabelSpreading(kernel="knn"), False),
    "Gaussian process": (GaussianProcessRegressor(), True),
    "partial least squares": (PLSRegression(1), True),
    "forest, balanced classes": (RandomForestClassifier(20, class_weight="balanced", random_state=0), False),
    "regression tree": (DecisionTreeRegressor(random_state=0), True),
    "regression forest": (RandomForestRegressor(20, random_state=0), True),
    "histogram boosting": (HistGradientBoostingClassifier(max_iter=20), False),
    "quantiles before a forest": (
        make_pipeline(QuantileTransformer(n_quantiles=RECORDS), RandomForestClassifier(20, random_state=0)),
        False,
    ),
}
"""Each, and whether it predicts numbers."""


def _found(contents: ModelContents) -> list[str]:
    most = dict.fromkeys(("labels", "targets", "values"), 0)
    for field in contents.fields:
        if field.holds in most:
            most[field.holds] = max(most[field.holds], field.found or 0)
    return [f"{contents.records}", *(str(number) for number in most.values())]


def _sanitised(model: Any) -> Any:
    """The model without what its answers do not need; itself where they need all."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "model.pkl"
        source.write_bytes(pickle.dumps(model))
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        try:
            source.write_bytes(sanitize(source, scratch, Silent()).content)
        except UnsupportedModel:
            return model
        return load_model(source).estimator


def main() -> None:
    """Measure and write."""
    x, classes, numbers = _table()
    lines = [
        "| model | records, as fitted | labels | targets | values "
        "| records, sanitised | labels | targets | values |",
        "|---|" + "---:|" * 8,
    ]
    for name, (model, of_numbers) in MODELS.items():
        y = numbers if of_numbers else classes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y)
        table = TrainingTable(x, y)
        cells = [*_found(contents_of(model, table)), *_found(contents_of(_sanitised(model), table))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    RESULTS.write_text("# What model files hold\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
