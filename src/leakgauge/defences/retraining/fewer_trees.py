"""Fewer trees: boosting stops earlier, and a vote has fewer voters.

Source: cf. Yeom et al. 2018, section 5, for overfitting as what betrays members; of boosting this is
early stopping at a fixed stage.

Cost: accuracy where further trees still correct errors; training and answers become cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier

from leakgauge.defences.retraining.mitigation import Trial
from leakgauge.defences.retraining.settings import is_whole, stricter

LEAST_TREES = 2
"""With fewer left, the model would be one of another kind."""


def changed_settings(blank: Any, strength: float) -> Mapping[str, Any]:
    """New values of `n_estimators`, and of `max_iter` in histogram boosting: that share of them."""
    return of_ensembles(blank, strength) | of_histogram_boosting(blank, strength)


def of_ensembles(blank: Any, share: float) -> dict[str, Any]:
    """New values of `n_estimators`."""
    return stricter(blank, "n_estimators", lambda _, old: _share_of(old, share))


def of_histogram_boosting(blank: Any, share: float) -> dict[str, Any]:
    """New values of `max_iter`, which in other classifiers is no number of trees."""
    return stricter(
        blank,
        "max_iter",
        lambda owner, old: (
            _share_of(old, share) if isinstance(owner, HistGradientBoostingClassifier) else None
        ),
    )


def _share_of(old: Any, share: float) -> int | None:
    return int(old * share) if is_whole(old) and int(old * share) >= LEAST_TREES else None


TRIALS = (
    Trial(partial(of_ensembles, share=0.25), lambda new: f"Only {new} trees"),
    Trial(partial(of_histogram_boosting, share=0.25), lambda new: f"Only {new} trees a class"),
)
