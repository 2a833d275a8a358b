"""All parts of a fitted model, however deep they lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.calibration import _CalibratedClassifier
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.pipeline import Pipeline

_PARTS = (BaseEstimator, TreePredictor, _BinMapper, _CalibratedClassifier)


def parts_of(model: object, *, closed: tuple[type, ...] = ()) -> list[Any]:
    """Every estimator and every helper object with attributes, each once, outermost first.

    Estimators of the kinds in `closed` are found and not looked into. Kept free of
    recursion: a crafted file can nest deeper than Python's stack.
    """
    found: list[Any] = []
    seen: dict[int, object] = {}  # holds the objects, so that no number is given twice
    waiting: list[object] = [model]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if isinstance(thing, _PARTS):
            found.append(thing)
        if not isinstance(thing, closed):
            waiting.extend(_inside(thing))
    return found


def _inside(thing: object) -> Iterable[object]:
    if isinstance(thing, _PARTS):
        return list(vars(thing).values())
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, list | tuple):
        return thing
    if isinstance(thing, np.ndarray) and thing.dtype == object:
        return list(thing.ravel())
    return ()


def type_name(thing: Any) -> str:
    """What an estimator is, such as `Pipeline(StandardScaler → SVC)`."""
    steps = vars(thing).get("steps") if isinstance(thing, Pipeline) else None
    # a crafted file may give a Pipeline anything for steps
    if not isinstance(steps, list) or not all(isinstance(step, tuple) and step for step in steps):
        return _class_name(thing)
    return f"Pipeline({' → '.join(_class_name(step[-1]) for step in steps)})"


def _class_name(thing: Any) -> str:
    """scikit-learn's name for it, also where a subclass stands in for an earlier version."""
    if isinstance(thing, str) or thing is None:
        return "passthrough"
    known = [kind for kind in type(thing).__mro__ if kind.__module__.startswith("sklearn.")]
    return (known[0] if known else type(thing)).__name__
