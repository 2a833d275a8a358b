"""A random forest as attack model.

Source: Shokri et al. 2017, section 5.3, with a forest (Breiman 2001) in place of
the network. Leaves hold at least ten records: a forest grown to purity
memorises the noise in who was a member and does worse on unseen records. Of many
records each tree is grown on a part, for the same reason (subagging: Bühlmann &
Yu 2002): on large tables that is no worse, and takes half the time.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from leakgauge.membership.held_out import fold_by_fold, learned
from leakgauge.targets.protocol import BoolArray, FloatArray

TREES = 40
FEWEST_ROWS, MOST_ROWS = 1_000, 4_000
"""Between these each tree is grown on half of the known records, on all of them where there are no more."""


def fit_and_score(known: FloatArray, member: BoolArray, unknown: FloatArray, *, seed: int) -> FloatArray:
    """(m,) probability of membership; see `FoldModel`."""
    rows = min(max(len(known) // 2, FEWEST_ROWS), MOST_ROWS, len(known))
    forest = RandomForestClassifier(
        n_estimators=TREES, min_samples_leaf=10, max_samples=rows, random_state=seed
    )
    forest.fit(known.astype(np.float32), member)
    probability: FloatArray = forest.predict_proba(unknown.astype(np.float32))[:, 1]
    return probability


attack_model = fold_by_fold(fit_and_score)
score = learned(attack_model)
