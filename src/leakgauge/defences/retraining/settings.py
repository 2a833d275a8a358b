"""Settings of the models inside a model, and the values that a mitigation would give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator, is_classifier, is_regressor

New = Callable[[Any, Any], Any]
"""From the owner of a setting and its value to the new value; None where it is as strict already."""


def settings_of(blank: Any, setting: str) -> list[tuple[str, Any, Any]]:
    """Full name, owner and value of `setting` in every classifier that is or is inside `blank`.

    Of a regressor, in every regressor. A step that prepares the data is neither and is left alone, whatever
    its settings are called.
    """
    predicts = is_regressor if is_regressor(blank) else is_classifier
    every = blank.get_params(deep=True)
    found = []
    for name in sorted(every):
        owner_name, _, last = name.rpartition("__")
        owner = every[owner_name] if owner_name else blank
        if last == setting and isinstance(owner, BaseEstimator) and predicts(owner):
            found.append((name, owner, every[name]))
    return found


def stricter(blank: Any, setting: str, new: New) -> dict[str, Any]:
    """New values by full name, for every such model whose setting is not as strict already."""
    return {
        name: value
        for name, owner, old in settings_of(blank, setting)
        if (value := new(owner, old)) is not None
    }


def is_whole(value: Any) -> bool:
    """Whether it is a whole number; a bool is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether it is a number; a bool is none."""
    return is_whole(value) or isinstance(value, float)
