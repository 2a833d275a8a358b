"""Parts of XGBoost's documents by their kinds, and the refusal of what is of another kind."""

from __future__ import annotations

import re
from typing import Any, Final

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.boosters import refusals

LIBRARY: Final = "XGBoost"


def damaged(what: str) -> UnsupportedModel:
    """The error for a file that contradicts itself in this."""
    return refusals.damaged(LIBRARY, what)


def mapping(value: object, what: str) -> dict[str, Any]:
    """The value, when it is a mapping."""
    if not isinstance(value, dict):
        raise damaged(f"{what} is no mapping")
    return value


def texts(value: object, what: str) -> tuple[str, ...]:
    """The value, when it is a list of texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise damaged(f"{what} are no texts")
    return tuple(value)


def count(value: object, what: str, *, most: int) -> int:
    """A whole number from 0 to `most`, which XGBoost writes as text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value) and int(value) <= most:
        return int(value)
    raise damaged(f"{what} is no number up to {most:,}")
