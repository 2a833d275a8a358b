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
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline

from leakgauge.targets.stand_in import stands_for

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


def resamples(step: object) -> bool:
    """Whether a step of a Pipeline is a sampler of imbalanced-learn, which takes no part in answers."""
    return hasattr(type(step), "fit_resample")


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
    kind = stands_for(type(thing))
    known = [
        base
        for base in kind.__mro__
        if base.__module__.startswith("sklearn.")
        and issubclass(base, _PARTS)
        and base.__module__ != "sklearn.base"  # whatever other libraries derive theirs from
    ]
    return (known[0] if known and kind.__module__.startswith("leakgauge.") else kind).__name__


def reads_documents(model: Any) -> bool:
    """Whether the model was fitted on a list of documents, and not on a table of columns."""
    for _ in range(100):  # Pipelines in Pipelines
        if model is None or isinstance(model, CountVectorizer | HashingVectorizer):
            return model is not None
        model = _first_reader(model)
    return False


def _first_reader(model: Any) -> Any:
    """The part that a model hands its input to as it is; `None` where there is none."""
    if isinstance(model, Pipeline):
        return next((step for _name, step in model.steps if step not in (None, "passthrough")), None)
    if isinstance(model, FeatureUnion):
        return model.transformer_list[0][1] if model.transformer_list else None
    attributes = getattr(model, "__dict__", {})
    for name in ("best_estimator_", "estimator_", "estimators_", "calibrated_classifiers_", "estimator"):
        inner = attributes.get(name)
        if isinstance(inner, list):
            inner = inner[0] if inner else None
        if isinstance(inner, _PARTS):
            return inner
    return None
