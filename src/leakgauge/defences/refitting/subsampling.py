"""Each tree sees a share of the rows only, so that a record is unknown to most trees.

Source: cf. Papernot et al. 2017, "Semi-supervised Knowledge Transfer for Deep Learning from
Private Training Data", for answers by vote of models that share no records; here shares overlap
and nothing is proven.

Cost: accuracy where a tree needs many rows; training becomes cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leakgauge.defences.refitting.settings import New, is_number, is_whole, stricter


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    """New values of `subsample` (boosting) and `max_samples` (bootstrapped forests), a share of the rows."""
    return stricter(blank, "subsample", share_of_stages(strength)) | stricter(
        blank, "max_samples", share_of_trees(strength)
    )


def share_of_stages(share: float) -> New:
    """The rule for boosting."""
    return lambda _, old: share if is_number(old) and old > share else None


def share_of_trees(share: float) -> New:
    """The rule for forests and bagging, where None and 1.0 mean as many rows as there are."""

    def new(owner: Any, old: Any) -> float | None:
        if not getattr(owner, "bootstrap", False) or is_whole(old):
            return None
        return share if old is None or (isinstance(old, float) and old > share) else None

    return new
