"""A model of XGBoost whose parts were checked, and its document, written anew from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.boosters import ubjson
from leakgauge.targets.boosters.losses import OF_CURVATURE_1, Loss, NumberLoss
from leakgauge.targets.boosters.trees import Ints
from leakgauge.targets.boosters.xgboost_objectives import OBJECTIVES, Objective

DELETED: Final = 2**31 - 1
"""The feature of a node that pruning took out of its tree, and the parent of a root."""

Floats: TypeAlias = NDArray[np.float32]
Categories: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """One tree; all arrays are (n_nodes,) but those of categories.

    Attributes
    ----------
    left, right, parent, feature
        indices as XGBoost writes them; no child is −1.
    condition
        the threshold of an inner node, the answer of a leaf.
    cover
        sum of the training records' second derivatives in the node.
    weight
        the node's own best answer; of inner nodes without the learning rate.
    gain
        reduction of the loss by an inner node's question.
    category_start, category_count, category_nodes, categories
        for each node that asks for categories, which stretch of `categories` it sends to the right.
    """

    left: Ints
    right: Ints
    parent: Ints
    feature: Ints
    condition: Floats
    default_left: Ints
    by_category: Ints
    cover: Floats
    weight: Floats
    gain: Floats
    deleted: int
    category_nodes: Ints
    category_start: Ints
    category_count: Ints
    categories: Ints

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        """(n_nodes,) whether the node answers."""
        return self.left < 0

    def document(self, number: int, n_features: int) -> dict[str, object]:
        """The tree as XGBoost writes it."""
        return {
            "base_weights": self.weight,
            "categories": self.categories.astype(np.int32),
            "categories_nodes": self.category_nodes.astype(np.int32),
            "categories_segments": self.category_start,
            "categories_sizes": self.category_count,
            "default_left": self.default_left.astype(np.uint8),
            "id": number,
            "left_children": self.left.astype(np.int32),
            "loss_changes": self.gain,
            "parents": self.parent.astype(np.int32),
            "right_children": self.right.astype(np.int32),
            "split_conditions": self.condition,
            "split_indices": self.feature.astype(np.int32),
            "split_type": self.by_category.astype(np.uint8),
            "sum_hessian": self.cover,
            "tree_param": {
                "num_deleted": str(self.deleted),
                "num_feature": str(n_features),
                "num_nodes": str(len(self.left)),
                "size_leaf_vector": "1",
            },
        }

    def without_training(self) -> Tree:
        """The same questions and answers, with nothing else that training left in the file."""
        zeros = np.zeros_like(self.cover)
        return replace(self, cover=zeros, weight=np.where(self.is_leaf, self.weight, zeros), gain=zeros)


@dataclass(frozen=True, slots=True, eq=False)
class XGBoostModel:
    """A checked model.

    Attributes
    ----------
    n_classes
        at least 2; 0 of a regressor.
    objective
        one of `xgboost_objectives.OBJECTIVES`.
    own_setting
        of the objective, as the file writes it; None where it has none.
    base_score
        as the file writes it, a number or a list of them.
    feature_names, feature_types
        None where the file has none.
    class_of_tree
        (n_trees,) position of the class whose score a tree adds to; 0 for two classes.
    weight_drop
        (n_trees,) by what dart multiplies each tree; None for other boosters.
    categories
        for each feature its categories in the order of their codes, empty for numbers; None where
        the file does not hold them.
    best_iteration
        round after which the answers end, None for the last.
    config
        what the library was told when it trained the model, as far as the file tells; flat, by
        XGBoost's own names.
    """

    version: tuple[int, int, int]
    n_features: int
    n_classes: int
    objective: str
    base_score: str
    boost_from_average: str
    own_setting: str | None
    feature_names: tuple[str, ...] | None
    feature_types: tuple[str, ...] | None
    trees: tuple[Tree, ...]
    class_of_tree: Ints
    parallel: int
    weight_drop: Floats | None
    categories: tuple[Categories, ...] | None
    category_document: dict[str, object] | None
    best_iteration: int | None
    config: Mapping[str, str]

    @property
    def groups(self) -> int:
        """Scores that each round adds to."""
        return self.n_classes if self.objective.startswith("multi:") else 1

    @property
    def kind(self) -> Objective:
        """Its objective."""
        return OBJECTIVES[self.objective]

    @property
    def starting_scores(self) -> NDArray[np.float64]:
        """(n_scores,) scores before the first tree."""
        answers = np.array([float(part) for part in self.base_score.strip("[]").split(",")])
        return np.broadcast_to(self.kind.to_scores(answers), (self.groups,)).astype(np.float64)

    @property
    def covers_are_counts(self) -> bool:
        """Whether every training record adds 1 to the cover of its leaf."""
        loss = self.loss
        return isinstance(loss, NumberLoss) and loss.ones == 1.0 and loss.function in OF_CURVATURE_1

    @property
    def loss(self) -> Loss:
        """What boosting descended."""
        return self.kind.loss_with(self.own_setting, self.n_classes)

    @property
    def rounds(self) -> int:
        """Rounds of boosting in the file."""
        return len(self.trees) // (self.parallel * self.groups)

    def dumps(self) -> bytes:
        """The model in UBJSON, written from its checked parts alone."""
        return ubjson.dumps(self._document())

    def without_training(self) -> XGBoostModel:
        """The same model without what only training reads."""
        trees = tuple(tree.without_training() for tree in self.trees)
        return replace(self, trees=trees, config={})

    def _document(self) -> dict[str, object]:
        per_round = self.parallel * self.groups
        model: dict[str, object] = {
            "gbtree_model_param": {
                "num_parallel_tree": str(self.parallel),
                "num_trees": str(len(self.trees)),
            },
            "iteration_indptr": list(range(0, len(self.trees) + 1, per_round)),
            "tree_info": self.class_of_tree.tolist(),
            "trees": [tree.document(number, self.n_features) for number, tree in enumerate(self.trees)],
        }
        if self.category_document is not None:
            model["cats"] = self.category_document
        booster: dict[str, object] = {"model": model, "name": "gbtree"}
        if self.weight_drop is not None:
            booster = {"gbtree": booster, "name": "dart", "weight_drop": self.weight_drop.tolist()}
        is_multiple, own = self.objective.startswith("multi:"), self.kind.own
        objective: dict[str, object] = {"name": self.objective}
        if is_multiple:
            objective["softmax_multiclass_param"] = {"num_class": str(self.n_classes)}
        elif own is not None:
            objective[own.section] = {own.name: self.own_setting}
        best = {} if self.best_iteration is None else {"best_iteration": str(self.best_iteration)}
        return {
            "learner": {
                "attributes": best,
                "feature_names": list(self.feature_names or ()),
                "feature_types": list(self.feature_types or ()),
                "gradient_booster": booster,
                "learner_model_param": {
                    "base_score": self.base_score,
                    "boost_from_average": self.boost_from_average,
                    "num_class": str(self.n_classes if is_multiple else 0),
                    "num_feature": str(self.n_features),
                    "num_target": "1",
                },
                "objective": objective,
            },
            "version": list(self.version),
        }
