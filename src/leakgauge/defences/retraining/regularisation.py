"""Stronger regularisation: no coefficient follows a few training records.

Source: cf. Yeom et al. 2018, section 5, for overfitting as what betrays members.

Cost: accuracy where classes depend on many features a little.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from leakgauge.defences.retraining.mitigation import Trial
from leakgauge.defences.retraining.settings import is_number, stricter


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    """New values of `C`, the inverse of the penalty: divided by `strength`."""
    return stricter(blank, "C", lambda _, old: old / strength if is_number(old) and old > 0 else None)


TRIALS = (
    Trial(partial(changed_settings, strength=10), lambda new: f"Ten times the regularisation ({new:g})"),
)
