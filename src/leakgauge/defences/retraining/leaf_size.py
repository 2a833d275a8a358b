"""Larger leaves: no answer rests on fewer than so many training records.

Source: cf. Yeom et al. 2018, section 5, for overfitting as what betrays members; k-anonymity of
a leaf's answer is the idea, though attacks with reference models see through it.

Cost: accuracy where classes differ in detail; training and answers become cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from leakgauge.defences.retraining.mitigation import Trial
from leakgauge.defences.retraining.settings import is_whole, stricter


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    """New values of `min_samples_leaf`: at least `strength` records."""
    records = int(strength)
    return stricter(
        blank, "min_samples_leaf", lambda _, old: records if is_whole(old) and old < records else None
    )


TRIALS = tuple(
    Trial(partial(changed_settings, strength=records), lambda new: f"Leaves of at least {new} records")
    for records in (5, 20)
)
