"""Shallower trees: an answer depends on so many questions at most.

Source: cf. Yeom et al. 2018, section 5, for overfitting as what betrays members.

Cost: accuracy where it takes many questions to tell classes apart; training and answers become
cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leakgauge.defences.refitting.settings import New, is_whole, stricter


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    """New values of `max_depth`: at most `strength`."""
    return stricter(blank, "max_depth", at_most(int(strength)))


def at_most(levels: int) -> New:
    """The rule for one depth; None means without end."""
    return lambda _, old: levels if old is None or (is_whole(old) and old > levels) else None
