"""What a fitted estimator in the caller's memory holds of rows that are there too."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_regressor

from leakgauge.errors import BadBundle, UnsupportedModel
from leakgauge.model_contents.find import TrainingTable, contents_of
from leakgauge.model_contents.rebuilt import with_rebuilt
from leakgauge.progress import Progress
from leakgauge.report.model import ModelContents
from leakgauge.targets.protocol import LabelArray


def contents_of_estimator(
    model: Any, x: Any, y: Any, progress: Progress, *, include_values: bool
) -> ModelContents:
    """What the estimator holds of the rows; see `contents_of`.

    Raises
    ------
    UnsupportedModel
        `contents_unread` for anything but an estimator of scikit-learn's kind.
    BadBundle
        `labels_differ` for more or fewer labels than rows.
    """
    if not isinstance(model, BaseEstimator):
        raise UnsupportedModel(
            "contents_unread",
            f"A {type(model).__name__} is no estimator of scikit-learn, and no list says what it keeps.",
            hint="Pass the fitted estimator or Pipeline itself.",
        )
    if x is None:
        found = contents_of(model, None, progress, include_values=include_values)
        return with_rebuilt(found, model, None, progress)
    rows = x if hasattr(x, "shape") else np.asarray(x, dtype=object if _holds_text(x) else None)
    table = TrainingTable(rows, None if y is None else _labels(model, np.asarray(y)))
    if table.y is not None and len(table.y) != len(table):
        raise BadBundle(
            "labels_differ",
            f"There are {len(table):,} rows and {len(table.y):,} labels.",
            hint="Pass the label of every row, in the same order.",
        )
    found = contents_of(model, table, progress, include_values=include_values)
    return with_rebuilt(found, model, table, progress)


def _holds_text(x: Any) -> bool:
    return len(x) > 0 and isinstance(x[0], str)


def _labels(model: Any, y: Any) -> LabelArray:
    """(n,) numbers for a regressor, else positions of the classes in order."""
    if is_regressor(model):
        return np.asarray(y, dtype=np.float64).reshape(len(y), -1)[:, 0]
    return np.asarray(np.unique(y, return_inverse=True)[1], dtype=np.int64)
