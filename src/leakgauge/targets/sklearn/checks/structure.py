"""What all estimators of scikit-learn share, checked: labels, number and names of columns.

No compiled code is reached by these. But scikit-learn and this package take them apart where nobody expects
that to fail: names of columns that are a number would end an audit as our own fault.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from leakgauge.targets.pickles.checks import an_array, reject_unless
from leakgauge.targets.sklearn.checks.transformers import check_plain_values


def check_structure(part: BaseEstimator) -> None:
    """Refuse an estimator whose labels or columns are not kept as `fit` keeps them.

    Raises
    ------
    MalformedPickleError
        for such a one.
    """
    attributes = vars(part)
    if attributes.get("classes_") is not None:
        _check_labels(attributes["classes_"])
    # before 1.0 some estimators said None
    n_features = attributes.get("n_features_in_")
    reject_unless(n_features is None or _is_count(n_features), "a number of columns")
    if "feature_names_in_" in attributes:
        names = an_array(attributes["feature_names_in_"], "names of columns", ndim=1)
        reject_unless(all(isinstance(name, str) for name in names), "names of columns")
        reject_unless(n_features in (None, len(names)), "columns and their names differ")


def _check_labels(labels: Any) -> None:
    several = labels if isinstance(labels, list) else [labels]
    for known in several:
        table = an_array(known, "labels must be an array", ndim=1)
        reject_unless(table.dtype.kind in "biufOSU", "labels of an unusual kind")
        check_plain_values(table)


def _is_count(number: Any) -> bool:
    whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    return whole and 0 <= number < 2**31
