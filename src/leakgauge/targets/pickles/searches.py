"""What a search over settings keeps: the distributions that it samples from, and scorers of earlier versions.

SciPy's distributions are made by name from their numbers, never from the state
in the file: it holds functions of the distribution itself, templates of source
text and a random generator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.stats
from sklearn.metrics._scorer import _Scorer

from leakgauge.targets.pickles.allow_list import CONSTRUCTORS, DISTRIBUTIONS, Pair
from leakgauge.targets.pickles.arrays import Constructor
from leakgauge.targets.pickles.checks import a_mapping, arguments_of, reject_unless
from leakgauge.targets.pickles.virtual_machine import Deferred

FROZEN_DISTRIBUTIONS = frozenset(
    pair for pair in CONSTRUCTORS if pair[0] == "scipy.stats._distn_infrastructure"
)
"""SciPy's classes of a distribution with its numbers."""


def _by_name(pair: Pair) -> Any:
    name = pair[1].removesuffix("_gen")
    return getattr(scipy.stats, name)


NAMED_DISTRIBUTIONS: tuple[Any, ...] = tuple(_by_name(pair) for pair in sorted(DISTRIBUTIONS))
"""The distributions that a file may name."""


def _distribution(named: Any) -> Callable[[object], object]:
    def construct(arguments: object) -> object:
        arguments_of(arguments, least=0)
        return Deferred(lambda _state, _file: named)

    return construct


def _frozen(arguments: object) -> object:
    arguments_of(arguments, least=0)
    return Deferred(lambda state, _file: _finish_frozen(state))


def _finish_frozen(state: object) -> object:
    saved = a_mapping(state, "a distribution's state must be a mapping")
    named: Any = saved.get("dist")
    reject_unless(any(named is known for known in NAMED_DISTRIBUTIONS), "a distribution without a name")
    numbers: Any = saved.get("args")
    reject_unless(type(numbers) is tuple, "a distribution's numbers")
    settings = a_mapping(saved.get("kwds"), "a distribution's settings must be a mapping")
    reject_unless(all(type(name) is str for name in settings), "a distribution's settings need names")
    for value in [*numbers, *settings.values()]:
        reject_unless(isinstance(value, int | float | np.number), "a distribution's numbers")
    return named(*numbers, **settings)


def _scorer(response_method: str | tuple[str, ...]) -> Callable[[object], object]:
    """A scorer of before 1.4, whose class said which method of the estimator it asks."""

    def construct(arguments: object) -> object:
        arguments_of(arguments, least=0)
        return Deferred(lambda state, _file: _finish_scorer(state, response_method))

    return construct


def _finish_scorer(state: object, response_method: str | tuple[str, ...]) -> object:
    saved = a_mapping(state, "a scorer's state must be a mapping")
    scorer = _Scorer.__new__(_Scorer)
    vars(scorer).update(
        _score_func=saved.get("_score_func"),
        _sign=saved.get("_sign"),
        _kwargs=a_mapping(saved.get("_kwargs"), "a scorer's settings must be a mapping"),
        _response_method=response_method,
    )
    return scorer


SEARCH_CONSTRUCTORS: Mapping[Pair, Constructor] = {
    **{pair: Constructor(_distribution(_by_name(pair))) for pair in DISTRIBUTIONS},
    **{pair: Constructor(_frozen) for pair in FROZEN_DISTRIBUTIONS},
    ("sklearn.metrics._scorer", "_PredictScorer"): Constructor(_scorer("predict")),
    ("sklearn.metrics._scorer", "_ProbaScorer"): Constructor(_scorer("predict_proba")),
    ("sklearn.metrics._scorer", "_ThresholdScorer"): Constructor(
        _scorer(("decision_function", "predict_proba"))
    ),
}
"""All that searches over settings add to a pickle."""
