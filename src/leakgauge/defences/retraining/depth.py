"""Shallower trees: an answer depends on so many questions at most.

Source: cf. Yeom et al. 2018, section 5, for overfitting as what betrays members.

Cost: accuracy where it takes many questions to tell classes apart; training and answers become
cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leakgauge.defences.retraining.mitigation import Trial
from leakgauge.defences.retraining.settings import is_whole, stricter

TRIED_LEVELS = 8


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    """New values of `max_depth`: at most `strength`; None means without end."""
    levels = int(strength)
    return stricter(
        blank, "max_depth", lambda _, old: levels if old is None or (is_whole(old) and old > levels) else None
    )


def tried_settings(blank: Any) -> Mapping[str, Any]:
    """New values of `max_depth`: eight levels, or two thirds of those that there are where that is less."""

    def shallower(_: Any, old: Any) -> int | None:
        if old is None:
            return TRIED_LEVELS
        return min(TRIED_LEVELS, old * 2 // 3) if is_whole(old) and old > 1 else None

    return stricter(blank, "max_depth", shallower)


TRIALS = (Trial(tried_settings, lambda new: f"Trees at most {new} deep"),)
