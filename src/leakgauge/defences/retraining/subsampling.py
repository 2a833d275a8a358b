"""Each tree sees a share of the rows only, so that a record is unknown to most trees.

Source: cf. Papernot et al. 2017, "Semi-supervised Knowledge Transfer for Deep Learning from
Private Training Data", for answers by vote of models that share no records; here shares overlap
and nothing is proven.

Cost: accuracy where a tree needs many rows; training becomes cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from leakgauge.defences.retraining.mitigation import Trial
from leakgauge.defences.retraining.settings import is_number, is_whole, stricter


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    """New values of `subsample` (boosting) and `max_samples` (bootstrapped forests), a share of the rows."""
    return of_stages(blank, strength) | of_trees(blank, strength)


def of_stages(blank: Any, share: float) -> dict[str, Any]:
    """New values of `subsample`."""
    return stricter(blank, "subsample", lambda _, old: share if is_number(old) and old > share else None)


def of_trees(blank: Any, share: float) -> dict[str, Any]:
    """New values of `max_samples`, where None and 1.0 mean as many rows as there are."""

    def new(owner: Any, old: Any) -> float | None:
        if not getattr(owner, "bootstrap", False) or is_whole(old):
            return None
        return share if old is None or (isinstance(old, float) and old > share) else None

    return stricter(blank, "max_samples", new)


def _title(share: float) -> str:
    return f"{100 * share:.0f} % of the rows for a tree"


TRIALS = (Trial(partial(of_stages, share=0.5), _title), Trial(partial(of_trees, share=0.3), _title))
