"""What each estimator of scikit-learn keeps of the table that it was fitted on, attribute by attribute.

One row a kind of keeping. That the list is whole is held by a test over all estimators: each is fitted
on a table that occurs nowhere else, and every attribute in which a value of it is found again stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator

from leakgauge.targets.boosters.estimator import BoosterEstimator

Holds: TypeAlias = Literal["records", "targets", "labels", "values", "tokens"]
"""Whole rows; what they were fitted to, numbers or classes; single values; words."""


@dataclass(frozen=True, slots=True)
class KeptData:
    """A row of the list.

    Attributes
    ----------
    estimators
        their names.
    attribute
        where the data lies.
    holds
        what it is.
    remedy
        what to do about it.
    answers_need_it
        False where the attribute can go from the file, and no answer changes.
    """

    estimators: frozenset[str]
    attribute: str
    holds: Holds
    remedy: str
    answers_need_it: bool = True


def _rows(names: str, attributes: str, holds: Holds, remedy: str, *, needed: bool = True) -> list[KeptData]:
    estimators = frozenset(names.split())
    return [KeptData(estimators, attribute, holds, remedy, needed) for attribute in attributes.split()]


_OTHER_MODEL: Final = (
    "It answers from these records. Offer answers and not the file, or fit a model that keeps no records."
)
_FEWER_VECTORS: Final = (
    "Support vectors are training records. Offer answers and not the file, or fit LinearSVC or LinearSVR, "
    "which keep coefficients alone."
)
_CENTRES: Final = (
    "Use means instead of records as centres (KMeans with enough records to each), or offer labels alone."
)
_ALONE: Final = "A centre of one record is that record: use larger clusters."
_GROUP: Final = (
    "Let rare categories be one (min_frequency=20 of OneHotEncoder and OrdinalEncoder); "
    "leave identifiers out."
)
_NOT_NEEDED: Final = "No answer needs it: `leakgauge sanitize` takes it out."
_LARGER_LEAVES: Final = "Larger leaves (min_samples_leaf=5) hold means of several records' numbers."

KEPT_DATA: Final[tuple[KeptData, ...]] = (
    *_rows(
        "KNeighborsClassifier KNeighborsRegressor KNeighborsTransformer RadiusNeighborsClassifier "
        "RadiusNeighborsRegressor RadiusNeighborsTransformer NearestNeighbors LocalOutlierFactor KNNImputer",
        "_fit_X",
        "records",
        _OTHER_MODEL,
    ),
    *_rows(
        "KNeighborsClassifier KNeighborsRegressor KNeighborsTransformer RadiusNeighborsClassifier "
        "RadiusNeighborsRegressor RadiusNeighborsTransformer NearestNeighbors LocalOutlierFactor",
        "_tree",
        "records",
        _OTHER_MODEL,
    ),
    *_rows("KNeighborsRegressor RadiusNeighborsRegressor", "_y", "targets", _OTHER_MODEL),
    *_rows("KNeighborsClassifier RadiusNeighborsClassifier", "_y", "labels", _OTHER_MODEL),
    *_rows("KernelDensity", "tree_", "records", _OTHER_MODEL),
    *_rows(
        "GaussianProcessRegressor _BinaryGaussianProcessClassifierLaplace",
        "X_train_",
        "records",
        _OTHER_MODEL,
    ),
    *_rows(
        "GaussianProcessRegressor",
        "y_train_",
        "targets",
        f"{_NOT_NEEDED} alpha_ and X_train_ give it back.",
        needed=False,
    ),
    *_rows("_BinaryGaussianProcessClassifierLaplace", "y_train_", "labels", _OTHER_MODEL),
    *_rows("KernelPCA KernelRidge", "X_fit_", "records", _OTHER_MODEL),
    *_rows("LabelPropagation LabelSpreading", "X_", "records", _OTHER_MODEL),
    *_rows("LabelPropagation LabelSpreading", "label_distributions_", "labels", _OTHER_MODEL),
    *_rows(
        "LabelPropagation LabelSpreading SelfTrainingClassifier",
        "transduction_",
        "labels",
        _NOT_NEEDED,
        needed=False,
    ),
    *_rows("CCA PLSCanonical PLSRegression", "_y_scores y_scores_", "targets", _NOT_NEEDED, needed=False),
    *_rows("Nystroem", "components_", "records", "Fit RBFSampler, whose components are random."),
    *_rows("SVC SVR NuSVC NuSVR OneClassSVM", "support_vectors_", "records", _FEWER_VECTORS),
    *_rows("HDBSCAN", "_raw_data", "records", _CENTRES),
    *_rows("DBSCAN", "components_", "records", _CENTRES),
    *_rows("AffinityPropagation", "cluster_centers_", "records", _CENTRES),
    *_rows(
        "QuantileTransformer",
        "quantiles_",
        "values",
        "Use fewer quantiles (n_quantiles=20), or PowerTransformer.",
    ),
    *_rows(
        "IsotonicRegression",
        "X_thresholds_ X_min_ X_max_",
        "values",
        'Calibrate with method="sigmoid", which keeps two numbers.',
    ),
    *_rows(
        "IsotonicRegression",
        "y_thresholds_",
        "targets",
        'Calibrate with method="sigmoid", which keeps two numbers.',
    ),
    *_rows("OneHotEncoder OrdinalEncoder TargetEncoder", "categories_", "values", _GROUP),
    *_rows(
        "TargetEncoder",
        "encodings_",
        "targets",
        "Smooth more (smooth=20): a category of one record keeps its target.",
    ),
    *_rows(
        "CountVectorizer TfidfVectorizer DictVectorizer",
        "vocabulary_",
        "tokens",
        "Leave out rare words (min_df=5), or use HashingVectorizer, which keeps none.",
    ),
    *_rows("DictVectorizer", "feature_names_", "tokens", "Use FeatureHasher, which keeps none."),
    *_rows("CountVectorizer TfidfVectorizer", "stop_words_", "tokens", _NOT_NEEDED, needed=False),
    *_rows("DecisionTreeRegressor ExtraTreeRegressor", "tree_", "targets", _LARGER_LEAVES),
    *_rows(
        "RandomForestClassifier ExtraTreesClassifier", "_sample_weight", "labels", _NOT_NEEDED, needed=False
    ),
    *_rows("GaussianProcessRegressor", "alpha_", "targets", _OTHER_MODEL),
    *_rows("Birch", "root_ dummy_leaf_ subcluster_centers_", "values", _ALONE),
    *_rows("KMeans MiniBatchKMeans BisectingKMeans MeanShift", "cluster_centers_", "values", _ALONE),
    *_rows(
        "KBinsDiscretizer",
        "bin_edges_",
        "values",
        "Its outer edges are the least and the largest value: clip the columns before.",
    ),
    *_rows("_BinMapper", "bin_thresholds_", "values", _NOT_NEEDED, needed=False),
    *_rows(
        "HistGradientBoostingClassifier HistGradientBoostingRegressor",
        "_predictors",
        "values",
        "Fewer bins (max_bins=32) split at fewer of the table's values.",
    ),
    *_rows("MinMaxScaler", "data_min_ data_max_", "values", "Fit StandardScaler, which keeps means."),
    *_rows("MaxAbsScaler", "max_abs_ scale_", "values", "Fit StandardScaler, which keeps means."),
)
"""All that scikit-learn keeps word for word; sums and means of many records stand nowhere here."""


OF_BOOSTERS: Final[tuple[KeptData, ...]] = (
    *_rows(
        "XGBoost",
        "thresholds",
        "values",
        "XGBoost splits at values of the table: fewer bins (max_bin=32) are fewer of them, and "
        'tree_method="exact" splits between them.',
    ),
    *_rows(
        "XGBoost LightGBM CatBoost",
        "categories",
        "values",
        "Let rare categories be one; leave identifiers out.",
    ),
    *_rows("LightGBM", "feature_infos", "values", _NOT_NEEDED, needed=False),
)
"""The same of boosting libraries, by what was read of their files."""


def may_keep_more_than_it_needs(part: Any) -> bool:
    """Whether estimators of its kind keep data that no answer needs."""
    return any(
        not row.answers_need_it and not row.estimators.isdisjoint(_names_of(part)) for row in KEPT_DATA
    )


def kept_data_of(part: Any) -> Iterator[KeptData]:
    """The rows of the list about a fitted estimator's own attributes that hold something."""
    if isinstance(part, BoosterEstimator):
        yield from _kept_by_booster(part)
    if isinstance(part, BoosterEstimator) or not isinstance(part, BaseEstimator):
        return
    names = _names_of(part)
    for row in KEPT_DATA:
        kept = vars(part).get(row.attribute)
        if kept is not None and not row.estimators.isdisjoint(names) and _is_data(part, row):
            yield row


def _is_data(part: Any, row: KeptData) -> bool:
    """Whether what lies in an attribute is data, in this form of the estimator."""
    if row.holds == "records":  # else they are kernel values or distances
        return "precomputed" not in (getattr(part, name, None) for name in ("kernel", "metric", "affinity"))
    if row.attribute == "_sample_weight":  # weights that were given tell no labels
        return getattr(part, "class_weight", None) is not None
    if row.attribute == "cluster_centers_":
        return _has_a_cluster_of_one(part)
    return row.attribute != "bin_thresholds_" or _has_bins(part)


def _has_a_cluster_of_one(part: Any) -> bool:
    """Whether some centre may be a single record; so it may where the file does not tell the clusters."""
    labels = getattr(part, "labels_", None)
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        return True
    return bool((np.unique(labels, return_counts=True)[1] == 1).any())


def _has_bins(part: Any) -> bool:
    """Whether the bins of some column of numbers were not taken out."""
    return any(
        len(known) and not categorical
        for known, categorical in zip(part.bin_thresholds_, part.is_categorical_, strict=False)
    )


def _kept_by_booster(part: BoosterEstimator) -> Iterator[KeptData]:
    if not part.is_read:
        return
    held = {
        "thresholds": part.thresholds().size,
        "categories": any(part.input_categories()),
        "feature_infos": part.kept_ranges().size,
    }
    yield from (row for row in OF_BOOSTERS if part.library in row.estimators and held[row.attribute])


def _names_of(part: Any) -> frozenset[str]:
    """The names of its class in scikit-learn, and of those that it derives from."""
    return frozenset(kind.__name__ for kind in type(part).__mro__ if kind.__module__.startswith("sklearn."))
