"""A mitigation that is not Leakgauge's: all of it is this file and `ROW`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from leakgauge.defences.output.protocol import Strength
from leakgauge.defences.retraining.mitigation import Mitigation, Trial
from leakgauge.defences.retraining.settings import stricter


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    return stricter(blank, "max_leaf_nodes", lambda _, old: int(strength) if old is None else None)


ROW = Mitigation(
    "fewer_leaves",
    "Fewer leaves",
    "Accuracy.",
    "none",
    Strength("leaves", 10, 2, 99, whole=True),
    changed_settings=changed_settings,
    trials=(Trial(partial(changed_settings, strength=10), lambda new: f"Trees of {new} leaves"),),
)
