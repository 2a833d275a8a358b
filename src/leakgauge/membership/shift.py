"""Do the two tables differ in distribution?

If a classifier that never asks the target can tell the tables apart, then an
attack can too, and what it scores is no leak of the target. The warning comes
from that classifier's own out-of-fold area under the ROC curve (a two-sample
test by classification: Lopez-Paz & Oquab 2017). Pictures are looked at in coarse fields.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold

from leakgauge.estimates import Estimate, area_estimate
from leakgauge.membership.pool import Pool
from leakgauge.pictures.picture import Pictures
from leakgauge.targets.protocol import FloatArray

LARGEST_SAMPLE = 5_000
MOST_FIELDS = 8
"""Fields that a picture is cut into, along each of its sides."""
DIFFERENT_FROM = 0.55
"""The tables count as different when the interval's lower end lies above this area."""


def distribution_shift(pool: Pool, *, rng: np.random.Generator) -> Estimate:
    """Area under the ROC curve of a forest that tells the tables apart from features and label alone."""
    numbers = _fields(pool.x) if pool.holds_pictures else _numbers(pool.x)
    features = np.column_stack([numbers, pool.y])
    member = pool.member
    if len(member) > LARGEST_SAMPLE:
        chosen = np.sort(rng.choice(len(member), LARGEST_SAMPLE, replace=False))
        features, member = features[chosen], member[chosen]
    scores = np.empty(len(member))
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=int(rng.integers(2**31)))
    for train, test in folds.split(features, member):
        forest = RandomForestClassifier(
            n_estimators=50, min_samples_leaf=5, random_state=int(rng.integers(2**31))
        ).fit(features[train], member[train])
        scores[test] = forest.predict_proba(features[test])[:, 1]
    return area_estimate(scores, member, rng=rng)


def _fields(x: Pictures) -> FloatArray:
    """(n, fields * channels) mean brightness of each field of (n, height, width, channels) pictures."""
    height, width = x.shape[1:3]
    rows, columns = (
        np.linspace(0, side, min(side, MOST_FIELDS), endpoint=False).astype(np.int64)
        for side in (height, width)
    )
    sums = np.add.reduceat(
        np.add.reduceat(x, rows, axis=1, dtype=np.float64), columns, axis=2, dtype=np.float64
    )
    pixels = np.diff(rows, append=height)[:, None] * np.diff(columns, append=width)
    means: FloatArray = (sums / pixels[..., None]).reshape(len(x), -1)
    return means


def _numbers(x: Any) -> FloatArray:
    """(n, features) as numbers; text becomes its place in the sorted list of values, missing becomes NaN."""
    frame = x if isinstance(x, pd.DataFrame) else pd.DataFrame(x)
    columns = []
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(column):
            codes = pd.factorize(column, sort=False)[0].astype(np.float64)
            column = pd.Series(np.where(codes < 0, np.nan, codes))
        columns.append(column.to_numpy(dtype=np.float64))
    return np.column_stack(columns)
