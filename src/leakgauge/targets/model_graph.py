"""All parts of a fitted model, however deep they lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.calibration import _CalibratedClassifier
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

_PARTS = (BaseEstimator, TreePredictor, _BinMapper, _CalibratedClassifier)


def parts_of(model: object) -> list[Any]:
    """Every estimator and every helper object with attributes, each once, outermost first.

    Kept free of recursion: a crafted file can nest deeper than Python's stack.
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
