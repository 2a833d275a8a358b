"""Standard changes that make a classifier keep less of its training data, as far as it has the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from leakgauge.defences.refitting import leaf_size, subsampling
from leakgauge.defences.refitting.settings import New, is_number, is_whole, stricter
from leakgauge.targets.protocol import Gives

DECIMALS = 1
"""Decimals that rounded answers keep."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is done otherwise.

    Attributes
    ----------
    name
        the setting and its new value, as a scikit-learn user writes it.
    title
        the same in words.
    settings
        new values by the names of `get_params`; empty where training stays as it is.
    decimals
        decimals that the answers are rounded to, None for all.
    """

    name: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    decimals: int | None = None

    def apply(self, blank: Any) -> Any:
        """An untrained copy of `blank` with the new settings."""
        return clone(blank).set_params(**self.settings)


AS_IT_IS = Change("as it is", "As it is")
ROUNDED = Change(f"{DECIMALS} decimal", "Answers to one decimal", decimals=DECIMALS)
ROUNDED_SCORES = replace(ROUNDED, title="Answers as a softmax of the scores, to one decimal")


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a setting is changed: `new` gives None where its value is at least as strict already."""

    setting: str
    new: New
    title: Callable[[Any], str]


def _shallower(owner: Any, old: Any) -> Any:  # noqa: ARG001 -- the rules' signature
    if old is None:
        return 8
    return min(8, old * 2 // 3) if is_whole(old) and old > 1 else None


def _a_quarter(owner: Any, old: Any) -> Any:  # noqa: ARG001 -- the rules' signature
    return old // 4 if is_whole(old) and old >= 8 else None


def _a_quarter_of_the_stages(owner: Any, old: Any) -> Any:
    return _a_quarter(owner, old) if isinstance(owner, HistGradientBoostingClassifier) else None


def _a_tenth(owner: Any, old: Any) -> Any:  # noqa: ARG001 -- the rules' signature
    return old / 10 if is_number(old) and old > 0 else None


def _five_times(owner: Any, old: Any) -> Any:  # noqa: ARG001 -- the rules' signature
    return old * 5 if is_whole(old) and old > 0 else None


_RULES = (
    _Rule("min_samples_leaf", leaf_size.at_least(5), lambda new: f"Leaves of at least {new} records"),
    _Rule("min_samples_leaf", leaf_size.at_least(20), lambda new: f"Leaves of at least {new} records"),
    _Rule("max_depth", _shallower, lambda new: f"Trees at most {new} deep"),
    _Rule(
        "subsample", subsampling.share_of_stages(0.5), lambda new: f"{100 * new:.0f} % of the rows for a tree"
    ),
    _Rule(
        "max_samples",
        subsampling.share_of_trees(0.3),
        lambda new: f"{100 * new:.0f} % of the rows for a tree",
    ),
    _Rule("n_estimators", _a_quarter, lambda new: f"Only {new} trees"),
    _Rule("max_iter", _a_quarter_of_the_stages, lambda new: f"Only {new} trees a class"),
    _Rule("C", _a_tenth, lambda new: f"Ten times the regularisation ({new:g})"),
    _Rule("n_neighbors", _five_times, lambda new: f"{new} neighbours"),
)


def changes_of(blank: Any, *, gives: Gives = "probabilities") -> tuple[Change, ...]:
    """Changes that the untrained classifier `blank` has the settings for; the last rounds its answers.

    A setting is changed in every classifier inside the model at once (in a
    Pipeline, a vote, a calibration), never in a step that prepares its data.
    """
    found = []
    for rule in _RULES:
        settings = stricter(blank, rule.setting, rule.new)
        if settings:
            new = next(iter(settings.values()))
            found.append(Change(f"{rule.setting}={new:g}", rule.title(new), settings))
    return (*found, ROUNDED_SCORES if gives == "scores" else ROUNDED)
