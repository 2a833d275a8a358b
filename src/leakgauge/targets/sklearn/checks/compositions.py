"""Checks of estimators that are made of named parts: pipelines, unions, column transformers, votes, stacks.

scikit-learn unpacks the lists of their parts wherever it needs a part, and a file may hold anything in
place of such a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.pipeline import FeatureUnion, Pipeline

from leakgauge.targets.pickles.checks import reject_unless

_IN_PLACE_OF_A_PART = ("drop", "passthrough")

# attributes that hold parts, and of how many items one is: name, part, and what columns it reads
_LISTS: Mapping[type[Any], tuple[tuple[str, int], ...]] = {
    Pipeline: (("steps", 2),),
    FeatureUnion: (("transformer_list", 2),),
    ColumnTransformer: (("transformers", 3), ("transformers_", 3)),
    VotingClassifier: (("estimators", 2),),
    StackingClassifier: (("estimators", 2),),
}


def check_named_parts(part: object) -> None:
    """See that the parts of a composition stand in a list, each with a name of its own.

    Other estimators pass.

    Raises
    ------
    MalformedPickleError
        otherwise.
    """
    for kind, lists in _LISTS.items():
        if isinstance(part, kind):
            for attribute, items in lists:
                # only what a fit leaves ends in an underscore, and a part of a model need not be fitted
                if attribute in vars(part) or not attribute.endswith("_"):
                    _check_list(vars(part).get(attribute), items)


def _check_list(parts: object, items: int) -> None:
    complaint = "a composition's parts"
    reject_unless(isinstance(parts, list | tuple) and parts, complaint)
    assert isinstance(parts, list | tuple)  # noqa: S101 (for the type checker alone)
    for each in parts:
        reject_unless(isinstance(each, list | tuple) and len(each) == items, complaint)
        reject_unless(isinstance(each[0], str), complaint)
        reject_unless(isinstance(each[1], BaseEstimator) or _is_placeholder(each[1]), complaint)
    reject_unless(len({each[0] for each in parts}) == len(parts), complaint)


def _is_placeholder(value: object) -> bool:
    return value is None or (isinstance(value, str) and value in _IN_PLACE_OF_A_PART)
