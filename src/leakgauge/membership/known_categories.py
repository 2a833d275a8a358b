"""Clones that know the categories which the target knows.

An encoder that refuses unknown values learns its categories from the records that
it is fitted on. A clone sees half of them, so a rare city would end it when it is
asked about the other half. The target answers about all of them, so its categories
hold every value there is; with these the clone's columns are the target's, too.
"""

from __future__ import annotations

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder


def keep_categories(blank: Any, fitted: Any) -> None:
    """Give encoders of an untrained clone, in place, the categories of the target's.

    Only encoders that refuse unknown values are touched: others find what they need in any half.

    Parameters
    ----------
    blank
        an untrained clone of `fitted`.
    """
    for path, part in blank.get_params(deep=True).items():
        refuses = isinstance(part, OneHotEncoder | OrdinalEncoder) and part.handle_unknown == "error"
        if refuses and isinstance(part.categories, str):
            trained = _at(fitted, path.split("__"))
            if trained is not None and hasattr(trained, "categories_"):
                part.set_params(categories=list(trained.categories_))


def _at(fitted: Any, path: list[str]) -> Any:
    """The fitted part that a clone's parameter stands for; None where ensembles hold several."""
    part = fitted
    for name in path:
        match part:
            case Pipeline():
                part = part.named_steps.get(name)
            case ColumnTransformer():
                part = part.named_transformers_.get(name)
            case FeatureUnion():
                part = dict(part.transformer_list).get(name)
            case VotingClassifier():
                part = part.named_estimators_.get(name)
            case _:
                part = getattr(part, f"{name}_", None)
    return part
