"""Do the two tables differ in distribution?

If a classifier that never asks the target can tell the tables apart, then an
attack can too, and what it scores is no leak of the target. The warning comes
from that classifier's own out-of-fold area under the ROC curve (a two-sample
test by classification: Lopez-Paz & Oquab 2017), and it names the columns that do so
alone. Images are looked at in coarse fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold

from leakgauge.estimates import Estimate, area_estimate, for_cross_fitting
from leakgauge.images.image import Images
from leakgauge.membership.pool import Pool
from leakgauge.progress import Progress, Share
from leakgauge.report.model import Notice
from leakgauge.tables.labels import named
from leakgauge.targets.protocol import BoolArray, FloatArray

LARGEST_SAMPLE = 5_000
TREES = 50
"""Of each forest."""
ROWS = 1_000
"""That a tree is grown on at most. More of them tell tables apart no better, and take three times as long."""
FOLDS = 5
"""Into which the pool is cut: each forest is tested on records of the fold that it did not see."""
MOST_FIELDS = 8
"""Fields that an image is cut into, along each of its sides."""
MOST_COLUMNS_TRIED = 20
"""Columns that are looked at alone, those first that the forest of all of them used most."""
DIFFERENT_FROM = 0.55
"""The tables count as different when the interval's lower end lies above this area."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How well a classifier tells the tables apart without the target.

    Attributes
    ----------
    area
        area under its ROC curve, from features and label together.
    by_column
        columns that tell them apart alone, as messages name them, with their areas, largest first.
    """

    area: Estimate
    by_column: tuple[tuple[str, float], ...] = ()

    def notice(self) -> Notice:
        """What a reader must know of it."""
        columns = ", ".join(f"{name} (AUC {area:.2f})" for name, area in self.by_column)
        which = f"What tells them apart: {columns}. " if columns else "No column alone tells them apart. "
        return Notice(
            "tables_differ",
            "A classifier that never queries the model tells members and non-members apart (AUC "
            f"{self.area.value:.2f}, {self.area.low:.2f} to {self.area.high:.2f}). {which}Both should "
            "come from one source, split at random; as they are, every attack looks better than it is.",
        )


def distribution_shift(pool: Pool, *, rng: np.random.Generator, progress: Progress) -> Shift | None:
    """What tells the tables apart without the target; None where nothing does.

    Only what the target reads takes part: an ID that every part of the model leaves out may
    count the members first, and no attack on the model gains by it. Of records of which answers alone are
    known, that is the label.
    """
    if pool.holds_images:
        names = ["the images"]
        features = _fields(pool.x)
        owner = np.zeros(features.shape[1], dtype=np.int64)
    elif pool.answers_only:
        names, features, owner = [], np.empty((len(pool), 0)), np.empty(0, dtype=np.int64)
    else:
        names, features = _numbers(pool)
        owner = np.arange(features.shape[1])
    # the order of numbers is all that trees read of them, whatever their size
    labels = rankdata(pool.y) if pool.holds_numbers else pool.y
    features = np.column_stack([features, labels])
    names, owner = [*names, "the label"], np.append(owner, len(names))
    member = pool.member
    if len(member) > LARGEST_SAMPLE:
        chosen = np.sort(rng.choice(len(member), LARGEST_SAMPLE, replace=False))
        features, member = features[chosen], member[chosen]
    area, importance = _distinguished(features, member, rng, Share(progress, 0.0, 0.5))
    if area.low <= DIFFERENT_FROM:
        return None
    total = np.bincount(owner, weights=importance)
    found = []
    tried = np.argsort(-total, kind="stable")[:MOST_COLUMNS_TRIED]
    for number, column in enumerate(tried):
        share = Share(progress, 0.5 + 0.5 * number / len(tried), 0.5 + 0.5 * (number + 1) / len(tried))
        alone, _ = _distinguished(features[:, owner == column], member, rng, share)
        if alone.low > DIFFERENT_FROM:
            found.append((names[column], alone.value))
    return Shift(area, tuple(sorted(found, key=lambda one: -one[1])))


def _distinguished(
    features: FloatArray, member: BoolArray, rng: np.random.Generator, progress: Progress
) -> tuple[Estimate, FloatArray]:
    """Out-of-fold area under the ROC curve of forests, and (d,) how much they used each feature."""
    scores, importance = np.empty(len(member)), np.zeros(features.shape[1])
    folds = StratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=int(rng.integers(2**31)))
    for number, (train, test) in enumerate(folds.split(features, member)):
        progress.report("comparing members and non-members", number / FOLDS)
        forest = RandomForestClassifier(
            n_estimators=TREES,
            min_samples_leaf=5,
            max_samples=min(ROWS, len(train)),
            random_state=int(rng.integers(2**31)),
        ).fit(features[train], member[train])
        scores[test] = forest.predict_proba(features[test])[:, 1]
        importance += forest.feature_importances_
    return for_cross_fitting(area_estimate(scores, member), FOLDS), importance


def _fields(x: Images) -> FloatArray:
    """(n, fields * channels) mean brightness of each field of (n, height, width, channels) images."""
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


def _numbers(pool: Pool) -> tuple[list[str], FloatArray]:
    """Columns that the target reads, as messages name them, and (n, d) what they hold as numbers.

    Text becomes its place in the sorted list of values, which no order of rows can change; missing
    becomes NaN.
    """
    frame = pool.x if isinstance(pool.x, pd.DataFrame) else pd.DataFrame(pool.x)
    if pool.is_read is not None:
        frame = frame.loc[:, pool.is_read]
    columns = []
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(column):
            column = pd.to_numeric(column.astype(object), errors="coerce") if _is_number(column) else column
        if not pd.api.types.is_numeric_dtype(column):
            text = column.astype(object).where(column.notna(), None)
            codes = pd.factorize(text.map(str, na_action="ignore"), sort=True)[0].astype(np.float64)
            column = pd.Series(np.where(codes < 0, np.nan, codes))
        columns.append(column.to_numpy(dtype=np.float64, na_value=np.nan))
    return [named(column) for column in frame.columns], np.column_stack([np.empty((len(frame), 0)), *columns])


def _is_number(column: pd.Series[Any]) -> bool:
    """Whether a column of objects holds numbers, as arrays of several types make them, and nothing else."""
    return pd.api.types.infer_dtype(column, skipna=True) in (
        "integer",
        "floating",
        "mixed-integer-float",
        "boolean",
    )
