"""What a fitted scikit-learn model knows of each column that it takes.

A CSV holds text alone, so its reader has to guess what a column was when the
model was trained: a postal code `01234` or the number 1234, the category "NA" or
no value. The model need not guess. Its encoders keep the values that they were
fitted on, its vectorisers read text, and nearly everything else reads numbers.

    Pipeline ─▶ ColumnTransformer ─▶ OneHotEncoder   columns 0, 3: these categories
                                  ├▶ "passthrough" ─▶ (the next step)
                                  └▶ "drop"          column 5: never read

The walk follows each input column until something changes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.feature_selection import SelectFromModel, SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._indexing import _get_column_indices

from leakgauge.targets.boosters.estimator import BoosterEstimator
from leakgauge.targets.input_columns import InputColumn, InputColumns, Kind, Selection
from leakgauge.targets.sklearn.model_graph import resamples

_DEEPEST = 40
"""Wrappers in wrappers; a crafted file can nest deeper than Python's stack."""

_Places: TypeAlias = tuple[int | None, ...]
"""For each column that a part is given, which column of the model's input it is; None for a derived one."""


def input_columns(estimator: object, n_columns: int) -> InputColumns:
    """What a fitted model knows of its `n_columns` input columns; nothing where it cannot be followed."""
    walk = _Walk([_Column() for _ in range(n_columns)])
    try:
        walk.visit(estimator, tuple(range(n_columns)))
    except Exception:  # noqa: BLE001 (a file may hold any attribute in any form)
        # what was not understood is left to the table
        return InputColumns(tuple(InputColumn() for _ in range(n_columns)))
    return InputColumns(tuple(column.known() for column in walk.columns), tuple(walk.selections))


def column_uses(estimator: object) -> dict[str, tuple[int, ...]]:
    """Which columns each part of a fitted model takes, by the part's path.

    Two fitted models with the same uses read their input alike. Only parts that choose columns
    appear: those of ColumnTransformers, and histogram boosting's categorical columns.
    """
    found: dict[str, tuple[int, ...]] = {}
    waiting: list[tuple[str, object, int]] = [("", estimator, 0)]
    while waiting:
        path, part, depth = waiting.pop()
        if depth > _DEEPEST:
            continue
        if isinstance(part, BaseHistGradientBoosting):
            mask = getattr(part, "is_categorical_", None)
            found[f"{path}categorical"] = () if mask is None else tuple(np.flatnonzero(mask).tolist())
        elif isinstance(part, BoosterEstimator):
            categories = enumerate(part.input_categories())
            found[f"{path}categorical"] = tuple(place for place, known in categories if known is not None)
        elif isinstance(part, ColumnTransformer):
            for name, transformer, columns in part.transformers_:
                found[f"{path}{name}"] = _indices(part, name, columns)
                waiting.append((f"{path}{name}/", transformer, depth + 1))
        elif isinstance(part, Pipeline):
            waiting += [(f"{path}{name}/", step, depth + 1) for name, step in part.steps]
        elif isinstance(part, FeatureUnion):
            waiting += [(f"{path}{name}/", step, depth + 1) for name, step in part.transformer_list]
        else:
            waiting += [(f"{path}{place}/", inner, depth + 1) for place, inner in enumerate(_inside(part))]
    return found


@dataclass(slots=True)
class _Column:
    """What has been found out about a column so far."""

    categories: list[Any] = field(default_factory=list)
    is_text: bool = False
    is_number: bool = False
    is_categorical_dtype: bool = False
    is_read: bool = False
    is_missing_none: bool = False

    def known(self) -> InputColumn:
        kind: Kind = "anything"
        if self.categories:
            kind = "categories"
        elif self.is_text:
            kind = "text"
        elif self.is_number:
            kind = "numbers"
        missing = [None] if self.is_missing_none and self.categories else []
        return InputColumn(
            kind, tuple(_distinct([*self.categories, *missing])), self.is_categorical_dtype, self.is_read
        )


def _distinct(values: Iterable[Any]) -> list[Any]:
    """The values, each once; 1, 1.0 and True are told apart, NaN is one value."""
    seen: dict[object, Any] = {}
    for value in values:
        is_nan = isinstance(value, float) and math.isnan(value)
        seen.setdefault("nan" if is_nan else (type(value), value), value)
    return list(seen.values())


@dataclass(slots=True)
class _Walk:
    """Notes, part by part, what each does with the columns that it is given."""

    columns: list[_Column]
    selections: list[Selection] = field(default_factory=list)
    depth: int = 0

    def visit(self, part: Any, places: _Places) -> _Places | None:
        """What comes out of `part`; None where that cannot be followed."""
        if part is None or (isinstance(part, str) and part == "passthrough"):
            return places
        if isinstance(part, str):
            return ()
        self.depth += 1
        try:
            if self.depth > _DEEPEST:
                self._note(places)
                return None
            return self._visit(part, places)
        finally:
            self.depth -= 1

    def _visit(self, part: Any, places: _Places) -> _Places | None:
        match part:
            case Pipeline():
                out: _Places | None = places
                for _name, step in part.steps:
                    if out is None:
                        return None
                    out = out if resamples(step) else self.visit(step, out)
                return out
            case ColumnTransformer():
                return self._column_transformer(part, places)
            case FeatureUnion():
                for _name, transformer in part.transformer_list:
                    self.visit(transformer, places)
                return None
            case BaseHistGradientBoosting():
                self._histogram_boosting(part, places)
                return None
            case BoosterEstimator():
                self._booster(part, places)
                return None
            case CountVectorizer() | HashingVectorizer():
                self._note(places, is_text=True)
                return None
            case SimpleImputer():
                return self._imputer(part, places)
            case MissingIndicator() | DummyClassifier():
                self._note(places)
                return None
            case FunctionTransformer(func=None):
                return places
            case BaseForest() | BaseGradientBoosting():  # hundreds of trees, all of which read the same
                self._note(places, is_number=True)
                return None
            case SelectorMixin():
                if isinstance(part, SelectFromModel):
                    self.visit(part.estimator_, places)
                else:
                    self._note(places, is_number=True)
                support = np.asarray(part.get_support())
                return tuple(place for place, kept in zip(places, support, strict=True) if kept)
        if isinstance(getattr(part, "categories_", None), list):
            return self._encoder(part, places)
        inside = _inside(part)
        if inside:
            for inner, given in zip(inside, _columns_given(part, inside, len(places)), strict=True):
                self.visit(inner, tuple(places[column] for column in given))
            return None
        self._note(places, is_number=True)
        return (None,) * len(places) if isinstance(part, OneToOneFeatureMixin) else None

    def _note(self, places: _Places, **facts: bool) -> None:
        for place in places:
            if place is not None:
                column = self.columns[place]
                column.is_read = True
                for name, value in facts.items():
                    if value:
                        setattr(column, name, True)

    def _column_transformer(self, part: Any, places: _Places) -> _Places | None:
        out: list[int | None] = []
        followed = True
        rules = {name: columns for name, _, columns in part.transformers}
        for name, transformer, columns in part.transformers_:
            given = tuple(places[index] for index in _indices(part, name, columns))
            rule = rules.get(name)
            if isinstance(rule, make_column_selector) and None not in places:
                shown = frozenset(place for place in places if place is not None)
                self.selections.append(
                    Selection(rule, frozenset(place for place in given if place is not None), shown)
                )
            if isinstance(transformer, str) and transformer == "drop":
                continue
            self._note(given)
            made = self.visit(transformer, given)
            followed = followed and made is not None
            out += made or ()
        return tuple(out) if followed else None

    def _histogram_boosting(self, part: Any, places: _Places) -> None:
        mask = getattr(part, "is_categorical_", None)
        preprocessor = getattr(part, "_preprocessor", None)
        if isinstance(preprocessor, ColumnTransformer):
            self.visit(preprocessor, places)
        else:
            self._note(places, is_number=True)
        by_dtype = isinstance(part.categorical_features, str) and part.categorical_features == "from_dtype"
        if by_dtype and mask is not None:
            self._note(
                tuple(place for place, chosen in zip(places, mask, strict=True) if chosen),
                is_categorical_dtype=True,
            )

    def _booster(self, part: BoosterEstimator, places: _Places) -> None:
        for place, categories in zip(places, part.input_categories(), strict=True):
            if categories is None:
                self._note((place,), is_number=True)
            elif part.reads_categories_as_text:
                self._note((place,), is_text=True)
            else:
                self._note((place,), is_categorical_dtype=True)
                if place is not None:
                    self.columns[place].categories += categories

    def _imputer(self, part: Any, places: _Places) -> _Places | None:
        """Imputers pass columns on as they are; only numbers have a mean."""
        kept = np.dtype(getattr(part, "_fit_dtype", np.dtype(object)))
        self._note(places, is_number=kept.kind in "biuf", is_missing_none=part.missing_values is None)
        whole = len(part.statistics_) == len(places) and not part.add_indicator
        dropped = not getattr(part, "keep_empty_features", False) and any(map(_is_nan, part.statistics_))
        return places if whole and not dropped else None

    def _encoder(self, part: Any, places: _Places) -> _Places | None:
        for place, categories in zip(places, part.categories_, strict=True):
            if place is not None:
                self.columns[place].categories += np.asarray(categories).tolist()
        self._note(places)
        return (None,) * len(places) if isinstance(part, OneToOneFeatureMixin) else None


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _indices(part: Any, name: str, columns: Any) -> tuple[int, ...]:
    """Positions of the columns that a part of a ColumnTransformer was given."""
    known = getattr(part, "_transformer_to_input_indices", {}).get(name)
    if known is None:  # models of before 1.0 keep the columns alone
        names = getattr(part, "feature_names_in_", None)
        frame = pd.DataFrame(columns=range(part.n_features_in_) if names is None else names)
        known = _get_column_indices(frame, columns)
    return tuple(int(index) for index in known)


def _inside(part: Any) -> list[Any]:
    """Fitted estimators inside a wrapper that are given its input as it is."""
    if isinstance(part, CalibratedClassifierCV):
        return [fitted.estimator for fitted in part.calibrated_classifiers_]
    if isinstance(part, FrozenEstimator):
        return [part.estimator]
    # ensembles keep, as `estimator_`, the unfitted one that theirs were made after
    for name in ("best_estimator_", "estimators_", "estimator_"):
        inner = vars(part).get(name) if hasattr(part, "__dict__") else None
        if isinstance(inner, list | tuple | np.ndarray):
            # a list is taken apart by hand: NumPy would take ensembles apart too, which have a length
            each = inner.ravel().tolist() if isinstance(inner, np.ndarray) else inner
            return [one for one in each if not isinstance(one, str)]
        if inner is not None:
            return [inner]
    return []


def _columns_given(part: Any, inside: Sequence[Any], n_columns: int) -> list[Sequence[int]]:
    """For each estimator inside a wrapper, which of the wrapper's columns it is given."""
    if isinstance(part, BaggingClassifier):
        return [np.asarray(columns).tolist() for columns in part.estimators_features_]
    return [range(n_columns)] * len(inside)
