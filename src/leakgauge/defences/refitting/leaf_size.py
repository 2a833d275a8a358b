"""Larger leaves: no answer rests on fewer than so many training records.

Source: cf. Yeom et al. 2018, section 5, for overfitting as what betrays members; k-anonymity of
a leaf's answer is the idea, though attacks with reference models see through it.

Cost: accuracy where classes differ in detail; training and answers become cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leakgauge.defences.refitting.settings import New, is_whole, stricter


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    """New values of `min_samples_leaf`: at least `strength` records."""
    return stricter(blank, "min_samples_leaf", at_least(int(strength)))


def at_least(records: int) -> New:
    """The rule for one leaf size."""
    return lambda _, old: records if is_whole(old) and old < records else None
