"""Takes out of a model what training left in it and no prediction reads: in its trees, and its own data."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import AdaBoostClassifier
from sklearn.ensemble._bagging import BaseBagging
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import TREE_LEAF, Tree

from leakgauge.targets.boosters.estimator import BoosterEstimator
from leakgauge.targets.sklearn.kept_data import KeptData, kept_data_of
from leakgauge.targets.sklearn.model_graph import parts_of, resamples

_OUT_OF_BAG = ("oob_score_", "oob_decision_function_", "oob_prediction_")

FORGOTTEN: tuple[tuple[type, tuple[str, ...]], ...] = (
    (BaseDecisionTree, ()),
    (BaseForest, ("_n_samples", "_n_samples_bootstrap", "_sample_weight", *_OUT_OF_BAG)),
    (BaseBagging, ("_seeds", "_n_samples", "_max_samples", "_sample_weight", *_OUT_OF_BAG)),
    (BaseGradientBoosting, ("_rng", "train_score_", "oob_improvement_", "oob_scores_", "oob_score_")),
    (
        BaseHistGradientBoosting,
        ("_random_seed", "_feature_subsample_rng", "train_score_", "validation_score_"),
    ),
    (AdaBoostClassifier, ("estimator_errors_",)),
)
"""Attributes of each kind of model that are read in training or in looking back on it alone."""

TREE_MODELS = tuple(kind for kind, _ in FORGOTTEN)


def strip(model: Any) -> tuple[str, ...]:
    """Strip the model in place; what was taken out, in words, empty when there was nothing.

    Of trees, seeds become None, node counts 1, impurities, gains and the values of inner
    nodes 0; leaves keep their values, which are the model's answers. Training data that no answer needs goes.
    """
    found: dict[str, None] = {}
    part: Any
    for part in parts_of(model):
        if resamples(part):  # it was forgotten when the file was read
            found["what the sampler kept of its training records"] = None
        if isinstance(part, TreePredictor):
            part.nodes = _blank_predictor(part.nodes)
            found["node counts, gains and inner values of histogram trees"] = None
        for row in kept_data_of(part):
            if not row.answers_need_it:
                if not isinstance(part, BoosterEstimator):
                    _forget(part, row.attribute)
                found[f"training data: {row.holds} in {row.attribute} of {_kind_name(part)}"] = None
        if isinstance(part, BoosterEstimator) and part.is_read:
            vars(part).update(vars(part.without_training()))
            found[f"{part.library}’s {part.sums_kept}, gains and inner values of trees"] = None
        for kind, attributes in FORGOTTEN:
            if not isinstance(part, kind):
                continue
            kept: dict[str, Any] = vars(part)
            if kept.get("random_state") is not None:
                kept["random_state"] = None
                found["seeds"] = None
            for attribute in attributes:
                if kept.pop(attribute, None) is not None:
                    found[f"{attribute} of {_kind_name(part)}"] = None
        if isinstance(part, BaseDecisionTree) and "tree_" in vars(part):
            part.tree_ = _blank_tree(part.tree_)
            found["node counts, impurities and inner values of trees"] = None
    return tuple(found)


def remaining(model: Any) -> tuple[str, ...]:
    """What the stripped model still leaks through its answers, as sentences."""
    found: dict[str, None] = {}
    for part in parts_of(model):
        if isinstance(part, BoosterEstimator) and part.is_read and part.tells_by_answering is not None:
            found[part.tells_by_answering] = None
        if isinstance(part, BaseGradientBoosting | BaseHistGradientBoosting | BoosterEstimator):
            found[
                "The leaf values of gradient boosting, which its answers are made of, are themselves "
                "equations about the training data; fit it anew with subsample=0.5 before stripping."
            ] = None
        elif isinstance(part, BaseForest | BaseBagging | BaseDecisionTree):
            found[
                "The leaves of trees still tell which classes or numbers were trained in them; larger leaves "
                "(min_samples_leaf) tell less."
            ] = None
        for row in kept_data_of(part):
            found[_stays(part, row)] = None
    return tuple(found)


def _stays(part: Any, row: KeptData) -> str:
    """The sentence on training data that answers need."""
    if row.holds == "records":
        kept = vars(part)[row.attribute]
        size = f", {kept.shape[0]:,} of them" if hasattr(kept, "shape") else ""
        return (
            f"The {_kind_name(part)} answers from training records that it keeps in its file "
            f"({row.attribute}{size}); they cannot be taken out. {row.remedy}"
        )
    return (
        f"The {_kind_name(part)} keeps {row.holds} of the training table ({row.attribute}), and its answers "
        f"need them. {row.remedy}"
    )


def _forget(part: Any, attribute: str) -> None:
    kept = vars(part)
    if attribute == "bin_thresholds_":  # only the codes of categories are looked up there
        categorical = part.is_categorical_
        kept[attribute] = [
            known if categorical[place] else np.zeros(0) for place, known in enumerate(kept[attribute])
        ]
    else:
        del kept[attribute]


def _blank_tree(tree: Any) -> Any:
    """A tree with the same leaves at the ends of the same questions, and nothing else."""
    state = tree.__getstate__()
    nodes, values = state["nodes"].copy(), state["values"].copy()
    inner = nodes["left_child"] != TREE_LEAF
    nodes["impurity"] = 0.0
    # ones and not zeros: feature importances divide by the root's weight
    nodes["n_node_samples"] = 1
    nodes["weighted_n_node_samples"] = 1.0
    values[inner] = 0.0
    classes = np.atleast_1d(tree.n_classes).astype(np.intp)
    blank = Tree(tree.n_features, classes, tree.n_outputs)
    blank.__setstate__(state | {"nodes": nodes, "values": values})
    return blank


def _blank_predictor(nodes: Any) -> Any:
    blank = nodes.copy()
    blank["count"] = 1
    blank["gain"] = 0.0
    blank["value"][blank["is_leaf"] == 0] = 0.0
    return blank


def _kind_name(part: object) -> str:
    return type(part).__name__
