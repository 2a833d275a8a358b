"""The parts of a model, each with the rows of the table as they reach it.

    Pipeline ─▶ ColumnTransformer ─▶ StandardScaler     columns 0, 1 of the table
             │                    └▶ OneHotEncoder      column 2 of the table
             └▶ KNeighborsClassifier                    what the ColumnTransformer gives

A part keeps its training rows as they reached it: behind a StandardScaler, say, scaled. So the table
goes the same way, and is compared there.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble._bagging import BaseBagging
from sklearn.ensemble._stacking import _BaseStacking
from sklearn.feature_selection import RFE
from sklearn.impute._iterative import IterativeImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import _safe_indexing

from leakgauge.targets.sklearn.model_graph import resamples

_DEEPEST = 40
"""Parts in parts; a crafted file can nest deeper than Python's stack."""


_FAILURES = (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)
"""What parts raise that cannot take the rows: memory that ran out, say, is not among it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A part of a model.

    Attributes
    ----------
    path
        where it lies in the model, such as `steps[1].estimators_[0]`; empty for the model itself.
    part
        the estimator.
    x
        rows of the table as they reach it; None without a table, or where they cannot be followed.
    as_given
        whether these are the rows of the table itself, and no step computed them.
    all_columns
        whether all columns reach it.
    """

    path: str
    part: Any
    x: Any
    as_given: bool = True
    all_columns: bool = True


def reached(model: Any, x: Any) -> Iterator[Reached]:
    """Every estimator in a fitted model, or in a container of models, each once, outermost first.

    `x` is None without a table.
    """
    seen: set[int] = set()
    waiting = [(Reached("", model, x), 0)]
    while waiting:
        found, depth = waiting.pop()
        if id(found.part) in seen or depth > _DEEPEST:
            continue
        seen.add(id(found.part))
        if isinstance(found.part, BaseEstimator):
            yield found
        waiting.extend((child, depth + 1) for child in _followed(found)[::-1])


def _followed(found: Reached) -> list[Reached]:
    """The parts inside a part; those whose rows are known first, so that they are seen with them."""
    known: list[Reached] = []
    # a part that cannot take the rows hands on none; what it holds is listed still
    with suppress(*_FAILURES), _asked_quietly():
        for path, part, x, as_given in _with_rows(found.part, found.x):
            if isinstance(part, BaseEstimator):
                whole = found.all_columns and (not as_given or np.shape(x)[1:] == np.shape(found.x)[1:])
                path = _joined(found.path, path)
                known.append(Reached(path, part, x, found.as_given and as_given, whole))
    inside = _estimators_in(found.part)
    # a Pipeline fitted its steps alone on what reached it, and what else it holds are templates
    x = None if isinstance(found.part, Pipeline | ColumnTransformer) else found.x
    return known + [replace(found, path=_joined(found.path, path), part=part, x=x) for path, part in inside]


@contextmanager
def _asked_quietly() -> Iterator[None]:
    """Steps are asked in this very thread, as whoever sent them set nothing here, and remark on nothing."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), parallel_config(backend="sequential"):
        warnings.simplefilter("ignore")
        yield


def _joined(path: str, more: str) -> str:
    return f"{path}.{more}" if path else more


def _with_rows(part: Any, x: Any) -> Iterator[tuple[str, Any, Any, bool]]:
    """Parts that get other rows than the part around them: path, part, rows, and whether unchanged."""
    if x is None:
        return
    if isinstance(part, Pipeline):
        yield from _steps(part, x)
    elif isinstance(part, ColumnTransformer):
        for place, (_name, transformer, columns) in enumerate(part.transformers_):
            if isinstance(transformer, BaseEstimator):
                yield f"transformers_[{place}]", transformer, _safe_indexing(x, columns, axis=1), True
    elif isinstance(part, FeatureUnion):
        for place, (_name, transformer) in enumerate(part.transformer_list):
            yield f"transformer_list[{place}]", transformer, x, True
    elif isinstance(part, BaseBagging):
        for place, (inner, columns) in enumerate(
            zip(part.estimators_, part.estimators_features_, strict=True)
        ):
            yield f"estimators_[{place}]", inner, _safe_indexing(x, columns, axis=1), True
    elif isinstance(part, RFE):
        yield "estimator_", part.estimator_, _safe_indexing(x, part.support_, axis=1), True
    elif isinstance(part, _BaseStacking):
        for place, inner in enumerate(part.estimators_):
            yield f"estimators_[{place}]", inner, x, True
        # with passthrough the rows stand beside the answers, which were those of models of other folds
        rows = (x, True) if part.passthrough else (part.transform(x), False)
        yield "final_estimator_", part.final_estimator_, *rows
    elif isinstance(part, IterativeImputer):
        filled = part.transform(x)
        for place, triplet in enumerate(part.imputation_sequence_):
            inner = triplet.estimator
            yield f"imputation_sequence_[{place}]", inner, filled[:, triplet.neighbor_feat_idx], False


def _steps(pipeline: Any, x: Any) -> Iterator[tuple[str, Any, Any, bool]]:
    as_given = True
    for place, (_name, step) in enumerate(pipeline.steps):
        if step is None or step == "passthrough":
            continue
        yield f"steps[{place}]", step, x, as_given
        if not resamples(step) and place < len(pipeline.steps) - 1:
            x, as_given = step.transform(x), False


def _estimators_in(part: Any) -> list[tuple[str, Any]]:
    """Estimators inside a part, or inside a container of them, without those inside these."""
    found: list[tuple[str, Any]] = []
    waiting: deque[tuple[str, object]] = deque(
        vars(part).items() if isinstance(part, BaseEstimator) else [("", part)]
    )
    # what a TransformedTargetRegressor transforms is targets, not rows
    left_out = "transformer_" if isinstance(part, TransformedTargetRegressor) else ""
    while waiting:
        path, thing = waiting.popleft()
        if isinstance(thing, BaseEstimator):
            if path != left_out:
                found.append((path, thing))
        elif isinstance(thing, dict):
            waiting.extend(
                _objects(
                    (f"{path}[{key!r}]" if isinstance(key, str) else path, value)
                    for key, value in thing.items()
                )
            )
        elif isinstance(thing, list | tuple) or (isinstance(thing, np.ndarray) and thing.dtype == object):
            items = thing.ravel().tolist() if isinstance(thing, np.ndarray) else thing
            # of a named part, such as (name, estimator, columns), the place in its list says enough
            named = isinstance(thing, tuple) and bool(thing) and isinstance(thing[0], str)
            waiting.extend(
                _objects((path if named else f"{path}[{place}]", value) for place, value in enumerate(items))
            )
        elif type(thing).__module__ == "sklearn.calibration":
            waiting.extend((f"{path}.{name}", value) for name, value in vars(thing).items())
    return found


def _objects(named: Iterable[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    """Without plain numbers and texts; models keep them by the million."""
    return (
        (path, thing)
        for path, thing in named
        if not isinstance(thing, str | bytes | int | float | np.generic)
    )
