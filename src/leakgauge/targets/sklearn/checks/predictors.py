"""What the compiled code of scikit-learn's predictors trusts, checked: trees, neighbours, support vectors.

One function a family. Each says what the code below it would read or write
unchecked, and refuses a part where that does not hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import VALID_METRICS, BallTree, KDTree
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import TREE_LEAF, Tree

from leakgauge.errors import UnsafeModel
from leakgauge.targets.boosters.classifier import BoosterClassifier
from leakgauge.targets.pickles.checks import an_array, refused_setting, reject_unless
from leakgauge.targets.pickles.trees import check_children
from leakgauge.targets.sklearn.model_graph import parts_of

_METRICS = frozenset(name for names in VALID_METRICS.values() for name in names) - {"precomputed", "pyfunc"}


def check_tree(part: Any) -> None:
    """`Tree.predict` walks from child to child and reads features by number, without looking at bounds."""
    if "tree_" not in vars(part):
        return
    reject_unless(type(part.tree_) is Tree, "a tree estimator holds no tree")
    tree = part.tree_
    reject_unless(tree.n_features == part.n_features_in_, "a tree and its estimator differ in features")
    # a tree out of a pickle was checked when it was made; one out of a skops file is checked here
    internal = tree.children_left != TREE_LEAF
    check_children(tree.children_left, tree.children_right, tree.feature, internal, tree.n_features)


def check_forest(part: Any) -> None:
    """All trees of a forest read the same rows."""
    if "estimators_" in vars(part):
        check_trees(part.estimators_, part.n_features_in_)


def check_trees(trees: Any, n_features: object) -> None:
    """The trees of one ensemble must expect its features, and answer in one shape."""
    reject_unless(type(trees) is list and trees, "a forest needs trees")
    for tree in trees:
        reject_unless(
            isinstance(tree, BaseDecisionTree) and hasattr(tree, "tree_"), "a forest of other things"
        )
        reject_unless(tree.n_features_in_ == n_features, "a forest and its trees differ in features")
        reject_unless(tree.tree_.n_outputs == trees[0].tree_.n_outputs, "trees differ in outputs")


def check_gradient_boosting(part: Any) -> None:
    """`predict_stages` adds each stage's leaves to the first guess in place, as wide as there are stages."""
    if "estimators_" not in vars(part):
        return
    stages = an_array(part.estimators_, "gradient boosting needs stages of trees", ndim=2)
    reject_unless(stages.shape[1] == part.n_trees_per_iteration_, "stages and classes differ")
    check_trees(list(stages.ravel()), part.n_features_in_)
    for tree in stages.ravel():
        reject_unless(tree.tree_.value.shape[1:] == (1, 1), "a stage must be a regression tree")
    if hasattr(part, "classes_"):
        n_classes = len(part.classes_)
        reject_unless(stages.shape[1] == (1 if n_classes == 2 else n_classes), "stages and classes differ")
    first = vars(part).get("init_")  # `guarded_sklearn` looks at what it answers
    if hasattr(part, "classes_") and isinstance(first, BaseEstimator):
        reject_unless(len(first.classes_) == len(part.classes_), "first guess and classes differ")
    if any(isinstance(inner, FrozenEstimator) for inner in parts_of(vars(part).get("init"))):
        raise refused_setting(
            part,
            "a frozen first guess (init=)",
            "whose answers compiled code takes for granted on fitting reference models",
            "Fit it with an init that is not frozen, or without one.",
        )


def check_hist_gradient_boosting(part: Any) -> None:
    """`predict_from_raw_data` walks nodes, reads features by number and looks categories up in bit sets."""
    if "_predictors" not in vars(part):
        return
    mapper = part._bin_mapper
    n_features = len(mapper.bin_thresholds_)
    reject_unless(n_features == part._n_features == len(mapper.is_categorical_), "bins and features differ")
    categorical = np.asarray(mapper.is_categorical_, dtype=bool)
    for predictor in (predictor for iteration in part._predictors for predictor in iteration):
        reject_unless(isinstance(predictor, TreePredictor), "an iteration needs trees")
        nodes = an_array(predictor.nodes, "a tree needs nodes", ndim=1)
        reject_unless(len(nodes) > 0, "a tree needs nodes")
        internal = nodes["is_leaf"] == 0
        check_children(nodes["left"], nodes["right"], nodes["feature_idx"], internal, n_features)
        by_category = internal & (nodes["is_categorical"] != 0)
        sets = an_array(predictor.raw_left_cat_bitsets, "a tree's categories", ndim=2)
        reject_unless(sets.shape[1:] == (8,), "a tree's categories")
        reject_unless(np.all(nodes["bitset_idx"][by_category] < len(sets)), "a tree's categories")
        reject_unless(np.all(categorical[nodes["feature_idx"][by_category]]), "a tree's categories")
    if part._preprocessor is not None:
        reject_unless(_kept_columns(part._preprocessor) == n_features, "columns and trees differ")
    else:
        reject_unless(part.n_features_in_ == n_features, "columns and trees differ")
    baseline = np.asarray(part._baseline_prediction)
    reject_unless(baseline.size in (1, part.n_trees_per_iteration_), "first guess and classes differ")
    reject_unless(
        all(len(iteration) == part.n_trees_per_iteration_ for iteration in part._predictors),
        "iterations and classes differ",
    )


def _kept_columns(preparation: Any) -> int:
    """How many columns come out of what histogram gradient boosting prepares its input with."""
    reject_unless(type(preparation) is ColumnTransformer, "an unusual preparation of categories")
    total = 0
    for _name, transformer, columns in preparation.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        # both keep every column they are given
        if type(transformer) is FunctionTransformer:
            reject_unless(callable(transformer.func), "an unusual preparation of categories")
        else:
            reject_unless(type(transformer) is OrdinalEncoder, "an unusual preparation of categories")
        chosen = np.asarray(columns)
        reject_unless(chosen.ndim == 1 and chosen.dtype.kind in "biuUO", "columns by mask, number or name")
        total += int(chosen.sum()) if chosen.dtype == bool else len(chosen)
    return total


def check_booster(part: Any) -> None:
    """A library's own walk over trees, which were checked when they were read, if they were."""
    reject_unless(isinstance(part, BoosterClassifier), "a booster that was not read here")


def check_neighbours(part: Any) -> None:
    """Searches copy rows by number; votes add to the columns that the labels of neighbours name."""
    if "_fit_X" not in vars(part):
        return
    rows = part._fit_X
    reject_unless(isinstance(rows, np.ndarray) or sparse.issparse(rows), "neighbours need rows")
    reject_unless(rows.ndim == 2 and rows.shape[1] == part.n_features_in_, "neighbours and features differ")
    reject_unless(rows.dtype.kind in "biuf", "neighbours need numbers")
    reject_unless(part.n_samples_fit_ == rows.shape[0], "neighbours and their number differ")
    tree = vars(part).get("_tree")
    if tree is not None:
        reject_unless(isinstance(tree, KDTree | BallTree), "an unknown search tree")
        reject_unless(np.asarray(tree.data).shape == rows.shape, "neighbours and search tree differ")
    reject_unless(
        (tree is None) == (part._fit_method not in ("kd_tree", "ball_tree")), "an unknown search tree"
    )
    _check_metric(part, rows.shape[1])
    if "classes_" in vars(part):
        _check_labels_of_neighbours(part, rows.shape[0])


def _check_metric(part: Any, n_features: int) -> None:
    # some ways of asking take the parameters, others what `fit` made of them
    for name in (part.metric, part.effective_metric_):
        if name == "precomputed":
            raise _distances(part, "metric")
        reject_unless(isinstance(name, str) and name in _METRICS, "a metric that is not built in")
    shapes = {"w": (n_features,), "V": (n_features,), "VI": (n_features, n_features)}
    for settings in (part.metric_params, part.effective_metric_params_):
        reject_unless(settings is None or type(settings) is dict, "a metric's settings")
        for key, value in (settings or {}).items():
            if key == "p":
                reject_unless(isinstance(value, int | float | np.number), "a metric's power")
            elif value is not None or key not in shapes:
                reject_unless(key in shapes and np.shape(value) == shapes[key], "a metric's settings")


def _check_labels_of_neighbours(part: Any, n_rows: int) -> None:
    several = part.outputs_2d_
    labels = an_array(part._y, "neighbours need labels", ndim=2 if several else 1)
    reject_unless(labels.dtype.kind in "iu" and len(labels) == n_rows, "neighbours and labels differ")
    columns = labels.T if several else [labels]
    classes = part.classes_ if several else [part.classes_]
    reject_unless(isinstance(classes, list) and len(classes) == len(columns), "labels and classes differ")
    for known, column in zip(classes, columns, strict=True):
        known = an_array(known, "classes must be an array", ndim=1)
        reject_unless(np.all((column >= 0) & (column < len(known))), "neighbours of unknown classes")


def check_support_vectors(part: Any) -> None:
    """The code of libsvm copies vectors, coefficients and counts by the sizes that the model states."""
    if "support_" not in vars(part):
        return
    vectors, coefficients = part.support_vectors_, part._dual_coef_
    counts = an_array(part._n_support, "support vectors need counts", ndim=1)
    is_classifier = hasattr(part, "classes_")
    n_classes = len(part.classes_) if is_classifier else 2
    pairs = n_classes * (n_classes - 1) // 2
    if part.kernel == "precomputed":
        raise _distances(part, "kernel")
    reject_unless(not callable(part.kernel), "a kernel that is not built in")
    reject_unless(part._impl == type(part)._impl, "support vectors of another kind")
    reject_unless(vectors.ndim == 2 and coefficients.ndim == 2, "support vectors are tables")
    n_vectors = vectors.shape[0]
    reject_unless(
        vectors.shape[1] == part.shape_fit_[1] == part.n_features_in_, "vectors and features differ"
    )
    reject_unless(coefficients.shape == (n_classes - 1, n_vectors), "vectors and coefficients differ")
    reject_unless(np.shape(part.support_) == (n_vectors,), "vectors and their rows differ")
    reject_unless(np.all(counts >= 0), "a negative number of support vectors")
    if is_classifier:
        reject_unless(
            len(counts) == n_classes and int(counts.sum()) == n_vectors, "vectors and classes differ"
        )
    reject_unless(np.shape(part._intercept_) == (pairs,), "intercepts and classes differ")
    for table in (part._probA, part._probB):
        reject_unless(np.size(table) in (0, pairs), "probabilities and classes differ")
    reject_unless(np.size(part._probA) == np.size(part._probB), "probabilities and classes differ")
    reject_unless(
        bool(part._sparse) == sparse.issparse(vectors) == sparse.issparse(coefficients), "a mixed table"
    )
    if sparse.issparse(coefficients):
        # libsvm reads them as if every place were stored
        reject_unless(
            coefficients.nnz == coefficients.shape[0] * coefficients.shape[1], "missing coefficients"
        )


def _distances(part: Any, setting: str) -> UnsafeModel:
    return refused_setting(
        part,
        f'{setting}="precomputed"',
        "whose rows are values between a record and every record of the training data",
        f"Fit it with a {setting} that has a name, on the records themselves.",
    )
