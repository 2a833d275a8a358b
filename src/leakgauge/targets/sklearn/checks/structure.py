"""What all estimators of scikit-learn share, checked: lists of named parts, labels, names of columns.

No compiled code is reached by these. But scikit-learn takes them apart where nobody expects that to fail,
and so does this package: a Pipeline whose steps are a number would end an audit as our own fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from leakgauge.targets.pickles.checks import an_array, reject_unless

# for each attribute that lists named parts, how many items an entry has
_NAMED: Mapping[str, tuple[int, ...]] = {
    "estimators": (2,),
    "steps": (2,),
    "transformer_list": (2,),
    "transformers": (3,),
    "transformers_": (3,),
}
_NO_PART = ("passthrough", "drop")


def check_structure(part: BaseEstimator) -> None:
    """Refuse an estimator whose parts, labels or columns are not listed as `fit` lists them.

    Raises
    ------
    MalformedPickleError
        for such a one.
    """
    attributes = vars(part)
    for name, lengths in _NAMED.items():
        if name in attributes:
            _check_named(attributes[name], lengths)
    if "steps" in attributes:
        reject_unless(attributes["steps"], "a Pipeline without steps")
    if attributes.get("classes_") is not None:
        _check_labels(attributes["classes_"])
    if "n_features_in_" in attributes:
        n_features = attributes["n_features_in_"]
        reject_unless(_is_count(n_features), "a number of columns")
    if "feature_names_in_" in attributes:
        names = an_array(attributes["feature_names_in_"], "names of columns", ndim=1)
        reject_unless(all(isinstance(name, str) for name in names), "names of columns")
        reject_unless(
            "n_features_in_" not in attributes or len(names) == attributes["n_features_in_"],
            "columns and their names differ",
        )


def _check_named(entries: Any, lengths: tuple[int, ...]) -> None:
    reject_unless(isinstance(entries, list | tuple), "named parts must be a list")
    for entry in entries:
        reject_unless(isinstance(entry, list | tuple) and len(entry) in lengths, "a named part")
        name, estimator = entry[:2]
        reject_unless(isinstance(name, str), "a part's name")
        absent = estimator is None or (isinstance(estimator, str) and estimator in _NO_PART)
        reject_unless(absent or isinstance(estimator, BaseEstimator), "a named part")


def _check_labels(labels: Any) -> None:
    several = labels if isinstance(labels, list) else [labels]
    for known in several:
        table = an_array(known, "labels must be an array", ndim=1)
        reject_unless(table.dtype.kind in "biufOSU", "labels of an unusual kind")


def _is_count(number: Any) -> bool:
    whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    return whole and 0 <= number < 2**31
