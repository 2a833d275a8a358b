"""Settings that a file states: plain values by known names, and numbers in texts, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Final

import numpy as np

from leakgauge.targets.boosters import refusals

_DEEPEST: Final = 3
_LONGEST: Final = 10_000
_LONGEST_NUMBER: Final = 39
"""Characters of a number in a text."""


def plain_settings(state: object, known: Collection[str], *, library: str) -> dict[str, Any]:
    """The settings of `known` names in an estimator's state.

    Random generators, which no clone shares with the target, become None.

    Raises
    ------
    UnsupportedModel
        `unsupported_booster` for a setting that is a function or an object.
    """
    if not isinstance(state, dict):
        return {}
    found: dict[str, Any] = {}
    for name in known:
        value = state.get(name)
        if isinstance(value, np.random.RandomState | np.random.Generator):
            value = None
        if name in state:
            found[name] = plain(value)
            if value is not None and found[name] is None:
                raise refusals.unsupported(
                    library,
                    f"The {library} model has a function or an object as its {name}; code of a model "
                    "file is never run",
                    "Train it with a setting that has a name.",
                )
    return found


def plain(value: Any, *, depth: int = 0) -> Any:
    """A number, truth value, text, or a list or mapping of such; None for anything else."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, bool | int | float | str):
        return value
    if depth >= _DEEPEST or not isinstance(value, list | tuple | dict) or len(value) > _LONGEST:
        return None
    if isinstance(value, dict):
        return {
            str(key): plain(item, depth=depth + 1)
            for key, item in value.items()
            if isinstance(key, str | int)
        }
    items = [plain(item, depth=depth + 1) for item in value]
    return tuple(items) if isinstance(value, tuple) else items


def number_in(text: str | None) -> float | None:
    """The finite number that a text holds; None for anything else."""
    try:
        number = float(text) if text is not None and len(text) <= _LONGEST_NUMBER else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
