"""Settings of earlier scikit-learn versions, as today's takes them.

A fitted model of an earlier version answers whatever its settings are called;
to be trained again, it needs settings that are still known.
"""

from __future__ import annotations

import inspect
from typing import Any

from sklearn.base import BaseEstimator

_SAME_AS_DEFAULT = {
    ("loss", "auto"),  # until 1.0, HistGradientBoostingClassifier
    ("eta0", 0.0),  # until 1.7, SGDClassifier, where its schedule does not use it
}
_MEANT: dict[tuple[str, str | float], str] = {("max_features", "auto"): "sqrt"}  # until 1.2, of classifiers
_UNDECIDED = "warn"
"""What stood where a default was about to change; today's default is what it was about to change to."""


def modernise(model: Any) -> None:
    """Change the settings of an untrained model, and of all estimators in it, to what is known today."""
    parts = [
        model,
        *(part for part in model.get_params(deep=True).values() if isinstance(part, BaseEstimator)),
    ]
    for part in parts:
        for name, parameter in inspect.signature(type(part).__init__).parameters.items():
            value = getattr(part, name, None)
            if not isinstance(value, str | float):
                continue
            if (name, value) in _MEANT:
                part.set_params(**{name: _MEANT[name, value]})
            elif value == _UNDECIDED or (name, value) in _SAME_AS_DEFAULT:
                part.set_params(**{name: parameter.default})
