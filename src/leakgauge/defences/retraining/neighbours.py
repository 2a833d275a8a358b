"""More neighbours: a training record is one voice among many, also in its own place.

Source: cf. Yeom et al. 2018, section 5, for overfitting as what betrays members.

Cost: accuracy where classes lie close together; answers become dearer.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from leakgauge.defences.retraining.mitigation import Trial
from leakgauge.defences.retraining.settings import is_whole, stricter


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    """New values of `n_neighbors`: `strength` times as many."""
    return stricter(
        blank, "n_neighbors", lambda _, old: old * int(strength) if is_whole(old) and old > 0 else None
    )


TRIALS = (Trial(partial(changed_settings, strength=5), lambda new: f"{new} neighbours"),)
