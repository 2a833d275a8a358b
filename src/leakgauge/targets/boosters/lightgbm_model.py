"""A model of LightGBM whose parts were checked, and its text, written anew from them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.boosters.lightgbm_objectives import BINARY, MULTICLASS, REGRESSIONS, Regression
from leakgauge.targets.boosters.losses import Floats
from leakgauge.targets.boosters.trees import Ints

_NUMBER: Final = r"(-?[0-9]{1,30}(?:\.[0-9]{0,30})?(?:e[-+]?[0-9]{1,3})?)"
_RANGE: Final = re.compile(rf"\[{_NUMBER}:{_NUMBER}\]")
_NO_RANGE: Final = "none"
"""How LightGBM writes the range of a feature of which it knows none."""


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """One tree: (n_leaves,) arrays of its leaves, (n_leaves − 1,) arrays of its inner nodes.

    Attributes
    ----------
    left, right
        children of inner nodes: the number of an inner node, or −1 − the number of a leaf.
    decision
        bits of each question: 1 for categories, 2 for missing values to the left, 4 and 8 for what
        counts as missing.
    threshold
        of a question by categories the number of its set.
    category_ends
        (n_sets + 1,) where each set of categories begins in `category_bits`, and the last one ends.
    category_bits
        (n_words,) sets of categories, 32 to a number.
    leaf_weight, leaf_count
        sum of the training records' second derivatives, and their number.
    inner_value, inner_weight, inner_count
        the same of inner nodes, and what they would answer.
    shrinkage
        learning rate of its round; 1 where a constant was added to its answers.
    """

    feature: Ints
    gain: Floats
    threshold: Floats
    decision: Ints
    left: Ints
    right: Ints
    leaf_value: Floats
    leaf_weight: Floats
    leaf_count: Ints
    inner_value: Floats
    inner_weight: Floats
    inner_count: Ints
    category_ends: Ints
    category_bits: Ints
    shrinkage: float

    @property
    def sets(self) -> int:
        """Number of its sets of categories."""
        return max(len(self.category_ends) - 1, 0)

    def without_training(self) -> Tree:
        """The same questions and answers, with nothing else that training left in the file."""
        inner, leaves = np.zeros(len(self.gain)), np.zeros(len(self.leaf_value))
        return replace(
            self,
            gain=inner,
            leaf_weight=leaves,
            leaf_count=leaves.astype(np.int64),
            inner_value=inner,
            inner_weight=inner,
            inner_count=inner.astype(np.int64),
        )

    def text(self, number: int) -> str:
        """The tree as LightGBM writes it."""
        lines = {
            "num_leaves": str(len(self.leaf_value)),
            "num_cat": str(self.sets),
            "split_feature": _joined(self.feature),
            "split_gain": _joined(self.gain),
            "threshold": _joined(self.threshold),
            "decision_type": _joined(self.decision),
            "left_child": _joined(self.left),
            "right_child": _joined(self.right),
            "leaf_value": _joined(self.leaf_value),
            "leaf_weight": _joined(self.leaf_weight),
            "leaf_count": _joined(self.leaf_count),
            "internal_value": _joined(self.inner_value),
            "internal_weight": _joined(self.inner_weight),
            "internal_count": _joined(self.inner_count),
        }
        if self.sets:
            lines["cat_boundaries"] = _joined(self.category_ends)
            lines["cat_threshold"] = _joined(self.category_bits)
        lines |= {"is_linear": "0", "shrinkage": _number(self.shrinkage)}
        body = "".join(f"{key}={value}\n" for key, value in lines.items())
        return f"Tree={number}\n{body}\n\n"


@dataclass(frozen=True, slots=True, eq=False)
class LightGBMModel:
    """A checked model.

    Attributes
    ----------
    version
        of the format, such as `v4`.
    objective
        its name, and of a regression all that the file says of it.
    n_classes
        at least 2; 0 of a regressor.
    sharpness
        by what the score of two classes is multiplied before the logistic function.
    feature_names
        None where the file gives those that LightGBM makes up.
    feature_infos
        range or categories of each feature, as the file writes them.
    averages
        whether answers are means over the trees, as of random forests.
    categories
        for each of `categorical` its categories in the order of their codes; None where training had no
        columns of pandas' categories.
    categorical
        features that training took for categories of pandas.
    config
        what the library was told when it trained the model; empty where the file does not say.
    """

    version: str
    n_features: int
    objective: str
    n_classes: int
    sharpness: float
    feature_names: tuple[str, ...] | None
    feature_infos: tuple[str, ...]
    averages: bool
    trees: tuple[Tree, ...]
    categories: tuple[tuple[Any, ...], ...] | None
    categorical: tuple[int, ...]
    config: Mapping[str, str]

    @property
    def groups(self) -> int:
        """Scores that each round adds to."""
        return self.n_classes if self.objective == MULTICLASS else 1

    @property
    def regression(self) -> Regression | None:
        """Its objective where that is of numbers."""
        return REGRESSIONS.get(self.objective)

    @property
    def rounds(self) -> int:
        """Rounds of boosting in the file."""
        return len(self.trees) // self.groups

    def without_training(self) -> LightGBMModel:
        """The same model without what only training reads."""
        bare = tuple(tree.without_training() for tree in self.trees)
        return replace(self, trees=bare, feature_infos=(_NO_RANGE,) * self.n_features, config={})

    def kept_ranges(self) -> Floats:
        """(k,) the least and the greatest value of each feature of numbers, as far as the file has them."""
        ranges = [_RANGE.fullmatch(info) for info in self.feature_infos]
        return np.array([float(end) for found in ranges if found for end in found.groups()])

    def dumps(self) -> str:
        """The model as LightGBM writes it, made of its checked parts alone."""
        trees = [tree.text(number) for number, tree in enumerate(self.trees)]
        names = self.feature_names or tuple(f"Column_{place}" for place in range(self.n_features))
        words = {
            BINARY: f"{BINARY} sigmoid:{_number(self.sharpness)}",
            MULTICLASS: f"{MULTICLASS} num_class:{self.n_classes}",
        }
        head = [
            "tree",
            f"version={self.version}",
            f"num_class={self.groups}",
            f"num_tree_per_iteration={self.groups}",
            "label_index=0",
            f"max_feature_idx={self.n_features - 1}",
            f"objective={words.get(self.objective, self.objective)}",
            *(["average_output"] if self.averages else []),
            f"feature_names={' '.join(names)}",
            f"feature_infos={' '.join(self.feature_infos)}",
            f"tree_sizes={' '.join(str(len(tree)) for tree in trees)}",
        ]
        categories = json.dumps(self.categories)
        # a column with a single category looks like a number elsewhere
        places = ",".join(map(str, self.categorical))
        columns = f"[categorical_feature: {places}]\n" if places else ""
        return (
            "\n".join(head)
            + "\n\n"
            + "".join(trees)
            + "end of trees\n\nfeature_importances:\n\n"
            + f"parameters:\n{columns}\nend of parameters\n\npandas_categorical:{categories}\n"
        )


def _joined(numbers: NDArray[Any]) -> str:
    return " ".join(map(_number, numbers.tolist()))


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.17g}"
