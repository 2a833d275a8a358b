"""Checks that the parts of a model fit each other before any of it is asked.

scikit-learn's compiled code believes what `fit` left behind. A file can say
anything: a forest of 4 features with trees that read the 1,000th, neighbours of
classes that do not exist, support vectors that are not there. Such a model must
be refused here, since asking it would end the process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import BallTree, KDTree
from sklearn.neighbors._base import NeighborsBase
from sklearn.svm._base import BaseLibSVM
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import TREE_LEAF, Tree

from leakgauge.targets.model_graph import parts_of
from leakgauge.targets.pickle_checks import an_array, reject_unless
from leakgauge.targets.pickle_trees import check_children


def check(model: object) -> None:
    """Check every part of a model.

    Raises
    ------
    MalformedPickleError
        when two parts contradict each other.
    """
    for part in parts_of(model):
        attributes = vars(part)
        if isinstance(part, BaseDecisionTree) and "tree_" in attributes:
            _check_tree(part)
        elif isinstance(part, BaseForest) and "estimators_" in attributes:
            _check_trees(part.estimators_, part.n_features_in_)
        elif isinstance(part, BaseGradientBoosting) and "estimators_" in attributes:
            _check_gradient_boosting(part)
        elif isinstance(part, BaseHistGradientBoosting) and "_predictors" in attributes:
            _check_hist_gradient_boosting(part)
        elif isinstance(part, NeighborsBase) and "_fit_X" in attributes:
            _check_neighbours(part)
        elif isinstance(part, BaseLibSVM) and "support_" in attributes:
            _check_support_vectors(part)


def _check_tree(part: Any) -> None:
    reject_unless(type(part.tree_) is Tree, "a tree estimator holds no tree")
    tree = part.tree_
    reject_unless(tree.n_features == part.n_features_in_, "a tree and its estimator differ in features")
    # a tree out of a pickle was checked when it was made; one out of a skops file is checked here
    internal = tree.children_left != TREE_LEAF
    check_children(tree.children_left, tree.children_right, tree.feature, internal, tree.n_features)


def _check_trees(trees: Any, n_features: object) -> None:
    reject_unless(type(trees) is list and trees, "a forest needs trees")
    for tree in trees:
        reject_unless(
            isinstance(tree, BaseDecisionTree) and hasattr(tree, "tree_"), "a forest of other things"
        )
        reject_unless(tree.n_features_in_ == n_features, "a forest and its trees differ in features")
        reject_unless(tree.tree_.n_outputs == trees[0].tree_.n_outputs, "trees differ in outputs")


def _check_gradient_boosting(part: Any) -> None:
    stages = an_array(part.estimators_, "gradient boosting needs stages of trees", ndim=2)
    reject_unless(stages.shape[1] == part.n_trees_per_iteration_, "stages and classes differ")
    _check_trees(list(stages.ravel()), part.n_features_in_)
    for tree in stages.ravel():
        reject_unless(tree.tree_.value.shape[1:] == (1, 1), "a stage must be a regression tree")
    first = vars(part).get("init_")
    # the stages add to this estimator's output in place
    if isinstance(first, BaseEstimator) and hasattr(part, "classes_"):
        reject_unless(
            len(getattr(first, "classes_", ())) == len(part.classes_), "first guess and classes differ"
        )
        prior = getattr(first, "class_prior_", part.classes_)
        reject_unless(len(prior) == len(part.classes_), "first guess and classes differ")


def _check_hist_gradient_boosting(part: Any) -> None:
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
    baseline = np.asarray(part._baseline_prediction)
    reject_unless(baseline.size in (1, part.n_trees_per_iteration_), "first guess and classes differ")
    reject_unless(
        all(len(iteration) == part.n_trees_per_iteration_ for iteration in part._predictors),
        "iterations and classes differ",
    )


def _check_neighbours(part: Any) -> None:
    rows = part._fit_X
    reject_unless(isinstance(rows, np.ndarray) or sparse.issparse(rows), "neighbours need rows")
    reject_unless(rows.ndim == 2 and rows.shape[1] == part.n_features_in_, "neighbours and features differ")
    reject_unless(part.n_samples_fit_ == rows.shape[0], "neighbours and their number differ")
    tree = vars(part).get("_tree")
    if tree is not None:
        reject_unless(isinstance(tree, KDTree | BallTree), "an unknown search tree")
        reject_unless(np.asarray(tree.data).shape == rows.shape, "neighbours and search tree differ")
    reject_unless(
        (tree is None) == (part._fit_method not in ("kd_tree", "ball_tree")), "an unknown search tree"
    )
    if "_y" in vars(part) and hasattr(part, "classes_") and isinstance(part.classes_, np.ndarray):
        labels = np.asarray(part._y)
        reject_unless(len(labels) == rows.shape[0], "neighbours and labels differ")
        inside = (labels >= 0) & (labels < len(part.classes_))
        reject_unless(labels.dtype.kind in "iu" and np.all(inside), "neighbours of unknown classes")


def _check_support_vectors(part: Any) -> None:
    vectors, coefficients = part.support_vectors_, part._dual_coef_
    counts = an_array(part._n_support, "support vectors need counts", ndim=1)
    is_classifier = hasattr(part, "classes_")
    n_classes = len(part.classes_) if is_classifier else 2
    pairs = n_classes * (n_classes - 1) // 2
    reject_unless(not callable(part.kernel) and part.kernel != "precomputed", "a kernel that is not built in")
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
