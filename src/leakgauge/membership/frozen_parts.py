"""Frozen parts of a model: which of them a reference model may be given as they are.

What is frozen is not trained again with a clone. A frozen classifier would carry
into every clone what the target knows of the records' labels, and all clones
would look like the target. A frozen scaler or projection learned from features
alone: what it took from the members is the same in every clone, trained on a
record or not, and tells none of them how any record is labelled.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.cross_decomposition._pls import _PLS, PLSSVD
from sklearn.ensemble import IsolationForest, RandomTreesEmbedding
from sklearn.feature_selection import SelectorMixin, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute._iterative import IterativeImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import get_tags

from leakgauge.targets.sklearn.model_graph import parts_of, type_name

_LEARN_FROM_FEATURES = (IterativeImputer, IsolationForest, RandomTreesEmbedding, VarianceThreshold)
"""These hold regressors, or are selectors, and read no label all the same."""
_MAY_READ_LABELS = (SelectorMixin, _PLS, PLSSVD, BaseSearchCV)
"""These read labels where they are given some, whatever their tags say."""


def frozen_in(model: Any) -> tuple[FrozenEstimator, ...]:
    """The frozen parts among the settings of a model, or the model itself, each once."""
    parts = (model, *model.get_params(deep=True).values())
    return tuple({id(part): part for part in parts if isinstance(part, FrozenEstimator)}.values())


def that_learned_from_labels(parts: Iterable[FrozenEstimator]) -> str | None:
    """The type of the first estimator inside these that learned, or may have learned, from labels."""
    for frozen in parts:
        for part in parts_of(frozen.estimator, closed=_LEARN_FROM_FEATURES):
            if not isinstance(part, FrozenEstimator) and _reads_labels(part):
                return type_name(part)
    return None


def _reads_labels(part: Any) -> bool:
    if isinstance(part, _LEARN_FROM_FEATURES) or not hasattr(part, "fit"):
        return False
    if isinstance(part, _MAY_READ_LABELS) or is_classifier(part) or is_regressor(part):
        return True
    return bool(get_tags(part).target_tags.required)
