"""What the compiled code of scikit-learn's predictors trusts: trees, neighbours, support vectors.

A contract a family. Each says what the code below it would read or write
unchecked, and refuses a part where that does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import VALID_METRICS, BallTree, KDTree
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import TREE_LEAF, Tree

from leakgauge.errors import UnsafeModel
from leakgauge.targets.boosters.estimator import BoosterEstimator
from leakgauge.targets.pickles.checks import an_array, refused_setting, reject_unless
from leakgauge.targets.pickles.trees import check_children
from leakgauge.targets.sklearn.checks.contracts import Array, Contract, Rule, Sizes

_METRICS = frozenset(name for names in VALID_METRICS.values() for name in names) - {"precomputed", "pyfunc"}


# --- trees, forests, boosting -----------------------------------------------------------------------


def _check_tree(part: Any) -> None:
    reject_unless(type(part.tree_) is Tree, "a tree estimator holds no tree")
    tree = part.tree_
    reject_unless(tree.n_features == part.n_features_in_, "a tree and its estimator differ in features")
    # a tree out of a pickle was checked when it was made; one out of a skops file is checked here
    internal = tree.children_left != TREE_LEAF
    check_children(tree.children_left, tree.children_right, tree.feature, internal, tree.n_features)


def _check_forest(part: Any) -> None:
    _check_trees(part.estimators_, part.n_features_in_)


def _check_trees(trees: Any, n_features: object) -> None:
    reject_unless(type(trees) is list and trees, "a forest needs trees")
    for tree in trees:
        reject_unless(
            isinstance(tree, BaseDecisionTree) and hasattr(tree, "tree_"), "a forest of other things"
        )
        reject_unless(tree.n_features_in_ == n_features, "a forest and its trees differ in features")
        reject_unless(tree.tree_.n_outputs == trees[0].tree_.n_outputs, "trees differ in outputs")


def _check_stages(part: Any) -> None:
    stages = an_array(part.estimators_, "gradient boosting needs stages of trees", ndim=2)
    reject_unless(stages.shape[1] == part.n_trees_per_iteration_, "stages and classes differ")
    _check_trees(list(stages.ravel()), part.n_features_in_)
    for tree in stages.ravel():
        reject_unless(tree.tree_.value.shape[1:] == (1, 1), "a stage must be a regression tree")
    if hasattr(part, "classes_"):
        n_classes = len(part.classes_)
        reject_unless(stages.shape[1] == (1 if n_classes == 2 else n_classes), "stages and classes differ")


def _check_first_guess(part: Any) -> None:
    first = vars(part).get("init_")
    if hasattr(part, "classes_") and isinstance(first, BaseEstimator):
        reject_unless(len(first.classes_) == len(part.classes_), "first guess and classes differ")


# --- histogram gradient boosting ----------------------------------------------------------------------


def _check_not_in_fit(part: Any) -> None:
    # where it is left on, rows are taken for bins: walked as bytes, with other sets of categories
    reject_unless("_in_fit" not in vars(part), "boosting that was saved while it was fitted")


def _check_bins(part: Any) -> None:
    mapper = part._bin_mapper
    reject_unless(type(mapper) is _BinMapper, "boosting needs bins")
    thresholds = mapper.bin_thresholds_
    reject_unless(type(thresholds) is list, "bins are a list, one array a feature")
    for of_feature in thresholds:
        reject_unless(
            an_array(of_feature, "a feature's bins", ndim=1).dtype.kind in "fiu", "a feature's bins"
        )
    categorical = an_array(mapper.is_categorical_, "which features are categories", ndim=1)
    reject_unless(categorical.dtype.kind in "bu", "which features are categories")
    reject_unless(len(thresholds) == part._n_features == len(categorical), "bins and features differ")
    if part._preprocessor is None:
        reject_unless(part.n_features_in_ == part._n_features, "columns and trees differ")


def _check_iterations(part: Any) -> None:
    categorical = part._bin_mapper.is_categorical_ != 0
    reject_unless(type(part._predictors) is list, "boosting needs iterations")
    for iteration in part._predictors:
        reject_unless(len(iteration) == part.n_trees_per_iteration_, "iterations and classes differ")
        for predictor in iteration:
            _check_predictor(predictor, categorical)


def _check_predictor(predictor: Any, categorical: Any) -> None:
    reject_unless(type(predictor) is TreePredictor, "an iteration needs trees")
    nodes = an_array(predictor.nodes, "a tree needs nodes", ndim=1)
    reject_unless(len(nodes) > 0, "a tree needs nodes")
    internal = nodes["is_leaf"] == 0
    check_children(nodes["left"], nodes["right"], nodes["feature_idx"], internal, len(categorical))
    by_category = internal & (nodes["is_categorical"] != 0)
    reject_unless(np.all(categorical[nodes["feature_idx"][by_category]]), "a tree's categories")
    for sets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        table = an_array(sets, "a tree's categories", ndim=2)
        reject_unless(table.shape[1:] == (8,), "a tree's categories")
        reject_unless(np.all(nodes["bitset_idx"][by_category] < len(table)), "a tree's categories")


def _check_baseline(part: Any) -> None:
    baseline = part._baseline_prediction
    reject_unless(isinstance(baseline, np.ndarray | np.floating), "a first guess must be numbers")
    reject_unless(np.size(baseline) in (1, part.n_trees_per_iteration_), "first guess and classes differ")


# --- boosters of other libraries ----------------------------------------------------------------------


def _check_was_read_here(part: Any) -> None:
    reject_unless(isinstance(part, BoosterEstimator), "a booster that was not read here")


# --- votes --------------------------------------------------------------------------------------------


def _check_votes(part: Any) -> None:
    reject_unless(type(part.estimators_) is list and part.estimators_, "a vote needs parts")
    if isinstance(part.voting, str) and part.voting == "soft":
        return
    classes = an_array(part.classes_, "classes must be an array", ndim=1)
    for voter in part.estimators_:
        labels = getattr(voter, "classes_", None)
        if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu":
            reject_unless(np.all((labels >= 0) & (labels < len(classes))), "a vote for an unknown class")


# --- neighbours ---------------------------------------------------------------------------------------


def _check_number_of_rows(part: Any) -> None:
    rows = part._fit_X
    reject_unless(isinstance(rows, np.ndarray) or sparse.issparse(rows), "neighbours need rows")
    reject_unless(rows.ndim == 2 and rows.shape[0] > 0, "neighbours need rows")
    reject_unless(part.n_samples_fit_ == rows.shape[0], "neighbours and their number differ")


def _check_search_tree(part: Any) -> None:
    tree = vars(part).get("_tree")
    if tree is not None:
        reject_unless(isinstance(tree, KDTree | BallTree), "an unknown search tree")
        reject_unless(np.asarray(tree.data).shape == part._fit_X.shape, "neighbours and search tree differ")
    reject_unless(
        (tree is None) == (part._fit_method not in ("kd_tree", "ball_tree")), "an unknown search tree"
    )


def _check_metric(part: Any) -> None:
    # some ways of asking take the settings, others what `fit` made of them
    for name in (part.metric, part.effective_metric_):
        check_metric_name(part, name)
    for settings in (part.metric_params, part.effective_metric_params_):
        check_metric_settings(settings)
        for key, ndim in (("w", 1), ("V", 1), ("VI", 2)):
            value = (settings or {}).get(key)
            fits = value is None or np.shape(value) == (part.n_features_in_,) * ndim
            reject_unless(fits, "a metric's settings")


def check_metric_name(part: Any, name: object) -> None:
    """Refuse a metric that is not built in.

    Raises
    ------
    UnsafeModel
        `refused_settings` for distances that were computed before.
    MalformedPickleError
        for another one.
    """
    if isinstance(name, str) and name == "precomputed":
        raise _distances(part, "metric")
    reject_unless(isinstance(name, str) and name in _METRICS, "a metric that is not built in")


def check_metric_settings(settings: Any) -> None:
    """Refuse settings that no metric has: compiled code takes some for norms of the rows, unseen.

    Raises
    ------
    MalformedPickleError
        for them.
    """
    reject_unless(settings is None or type(settings) is dict, "a metric's settings")
    for key, value in (settings or {}).items():
        if key == "p":
            reject_unless(isinstance(value, int | float | np.number), "a metric's power")
        else:
            reject_unless(key in ("w", "V", "VI"), "a metric's settings")


def _check_labels_of_neighbours(part: Any) -> None:
    if "classes_" not in vars(part):
        return
    several = part.outputs_2d_
    labels = an_array(part._y, "neighbours need labels", ndim=2 if several else 1)
    reject_unless(
        labels.dtype.kind in "iu" and len(labels) == part._fit_X.shape[0], "neighbours and labels differ"
    )
    columns = labels.T if several else [labels]
    classes = part.classes_ if several else [part.classes_]
    reject_unless(isinstance(classes, list) and len(classes) == len(columns), "labels and classes differ")
    for known, column in zip(classes, columns, strict=True):
        known = an_array(known, "classes must be an array", ndim=1)
        reject_unless(np.all((column >= 0) & (column < len(known))), "neighbours of unknown classes")


# --- support vectors ----------------------------------------------------------------------------------


def _check_kernel(part: Any) -> None:
    if part.kernel == "precomputed":
        raise _distances(part, "kernel")
    reject_unless(isinstance(part.kernel, str), "a kernel that is not built in")


def _check_way_of_fitting(part: Any) -> None:
    reject_unless(part._impl == type(part)._impl, "support vectors of another kind")


def _check_counts(part: Any) -> None:
    counts = an_array(part._n_support, "support vectors need counts", ndim=1)
    if hasattr(part, "classes_"):
        reject_unless(np.all(counts >= 0), "a negative number of support vectors")
        reject_unless(
            int(counts.sum(dtype=np.int64)) == len(part.support_), "vectors and their counts differ"
        )


def _check_sparse(part: Any) -> None:
    vectors, coefficients = part.support_vectors_, part._dual_coef_
    reject_unless(
        bool(part._sparse) == sparse.issparse(vectors) == sparse.issparse(coefficients), "a mixed table"
    )
    if sparse.issparse(coefficients):
        # libsvm reads them as if every place were stored
        reject_unless(
            coefficients.nnz == coefficients.shape[0] * coefficients.shape[1], "missing coefficients"
        )


def _check_shape_on_fitting(part: Any) -> None:
    reject_unless(part.shape_fit_[1] == part.n_features_in_, "vectors and features differ")


def _check_probabilities(part: Any) -> None:
    # a model that says it has probabilities is read from both tables, also where they are empty
    said = vars(part).get("_effective_probability", part.probability)
    sizes = {np.size(part._probA), np.size(part._probB)}
    reject_unless(len(sizes) == 1, "probabilities and classes differ")
    reject_unless(sizes != {0} or said in (False, "deprecated"), "a model of probabilities without them")


def _sizes_of_support_vectors(part: Any) -> Sizes:
    n_classes = len(part.classes_) if hasattr(part, "classes_") else 2
    reject_unless(n_classes >= 2, "support vectors of one class")
    return {
        "features": part.n_features_in_,
        "vectors": len(an_array(part.support_, "support vectors need rows", ndim=1)),
        "classes": n_classes,
        "classes less one": n_classes - 1,
        "pairs": n_classes * (n_classes - 1) // 2,
    }


def _distances(part: Any, setting: str) -> UnsafeModel:
    return refused_setting(
        part,
        f'{setting}="precomputed"',
        "whose rows are values between a record and every record of the training data",
        f"Fit it with a {setting} that has a name, on the records themselves.",
    )


BOOSTER = Contract(
    "Another library's own walk over its trees, which `targets.boosters` has read and checked.",
    rules=(Rule("booster", "was read there", _check_was_read_here),),
)
"""Of classifiers that no file fills with attributes."""
CONTRACTS: Mapping[str, Contract] = {
    "tree": Contract(
        "A walk goes from child to child and reads features by number.",
        fitted="tree_",
        rules=(
            Rule(
                "tree_",
                "children come after their parents, features are those of the estimator",
                _check_tree,
            ),
        ),
    ),
    "forest": Contract(
        "All trees walk the same rows.",
        fitted="estimators_",
        rules=(Rule("estimators_", "trees of the forest's features, answering in one shape", _check_forest),),
    ),
    "gradient_boosting": Contract(
        "Each stage adds its leaves to the first guess in place, as wide as there are stages.",
        fitted="estimators_",
        rules=(
            Rule("estimators_", "regression trees, one a class or one for two classes", _check_stages),
            # how wide it answers is looked at when it does: `sklearn.guarded`
            Rule("init_", "knows the classes of the model", _check_first_guess),
        ),
    ),
    "hist_gradient_boosting": Contract(
        "A walk reads features by number, and looks categories up in bit sets, by number again.",
        fitted="_predictors",
        rules=(
            # how wide its preparation answers is looked at when it does: `sklearn.guarded`
            Rule("_in_fit", "absent", _check_not_in_fit),
            Rule("_bin_mapper", "bins and kinds of each feature", _check_bins),
            Rule("_predictors", "nodes in order, features and bit sets in range", _check_iterations),
            Rule("_baseline_prediction", "as wide as an iteration", _check_baseline),
        ),
    ),
    "votes": Contract(
        "Counting votes makes room for the largest, and one more overflows for the largest number of all.",
        fitted="estimators_",
        rules=(
            # what a part answers in the end is looked at when it does: `sklearn.guarded`
            Rule("estimators_", "votes for positions among the classes", _check_votes),
        ),
    ),
    "neighbours": Contract(
        "Searches copy rows by number; votes add to the columns that the labels of neighbours name.",
        fitted="_fit_X",
        sizes=lambda part: {"rows": part.n_samples_fit_, "features": part.n_features_in_},
        arrays=(Array("_fit_X", ("rows", "features"), "biuf", may_be_sparse=True),),
        rules=(
            Rule("n_samples_fit_", "the number of rows", _check_number_of_rows),
            Rule("_tree", "of the same rows, where there is one", _check_search_tree),
            Rule("metric", "built in, with settings of the rows' width", _check_metric),
            Rule("_y", "positions among the classes, for each output", _check_labels_of_neighbours),
        ),
    ),
    "support_vectors": Contract(
        "libsvm copies vectors, coefficients and counts by the sizes that the model states.",
        fitted="support_",
        sizes=_sizes_of_support_vectors,
        arrays=(
            Array("support_", ("vectors",), "iu"),
            Array("support_vectors_", ("vectors", "features"), may_be_sparse=True),
            Array("_dual_coef_", ("classes less one", "vectors"), may_be_sparse=True),
            Array("_intercept_", ("pairs",)),
            Array("_n_support", ("classes",), "iu"),
            Array("_probA", ("pairs",), may_be_empty=True),
            Array("_probB", ("pairs",), may_be_empty=True),
        ),
        rules=(
            Rule("kernel", "built in", _check_kernel),
            Rule("_impl", "the class's own", _check_way_of_fitting),
            Rule("shape_fit_", "as many columns as features", _check_shape_on_fitting),
            Rule("_n_support", "adds up to the vectors", _check_counts),
            Rule("_sparse", "said of vectors and coefficients, each stored in full", _check_sparse),
            Rule("_probA", "there for a model of probabilities", _check_probabilities),
        ),
    ),
}
