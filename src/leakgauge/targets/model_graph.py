"""All parts of a fitted model, however deep they lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.interpolate import BSpline
from sklearn.base import BaseEstimator
from sklearn.calibration import _CalibratedClassifier
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

_PARTS = (BaseEstimator, TreePredictor, _BinMapper, _CalibratedClassifier)

# the ones that hold nothing; models keep them by the million
_SCALARS = (str, bytes, int, float, complex, type(None), np.generic)


def parts_of(model: object, *, closed: tuple[type, ...] = ()) -> list[Any]:
    """Every estimator and every helper object with attributes, each once, outermost first.

    Estimators of the kinds in `closed` are found and not looked into.
    """
    return [thing for thing in objects_of(model, closed=closed) if isinstance(thing, _PARTS)]


def objects_of(model: object, *, closed: tuple[type, ...] = ()) -> list[Any]:
    """Everything inside a model but plain numbers and text, each once, outermost first.

    Kept free of recursion: a crafted file can nest deeper than Python's stack.
    """
    seen: dict[int, object] = {}  # holds the objects, so that no number is given twice
    waiting: list[object] = [model]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, _SCALARS) or id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if not isinstance(thing, closed):
            waiting.extend(_inside(thing))
    return list(seen.values())


def _inside(thing: object) -> Iterable[object]:
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, list | tuple | set | frozenset):
        return thing
    if isinstance(thing, np.ndarray):
        return list(thing.ravel()) if thing.dtype == object else ()
    if isinstance(thing, type | BSpline):
        return ()
    if isinstance(thing, _PARTS) or type(thing).__module__.startswith("sklearn."):
        return list(getattr(thing, "__dict__", {}).values())
    return ()
