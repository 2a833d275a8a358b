"""Trees of XGBoost's documents, with everything checked that its compiled code takes for granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.trees import Ints, check_walk, real_numbers, whole_numbers
from leakgauge.targets.boosters.xgboost_fields import LIBRARY, count, damaged, mapping
from leakgauge.targets.boosters.xgboost_model import DELETED, Floats, Tree

_LARGEST_CATEGORY: Final = 2**24


def read_tree(value: object, number: int, n_features: int) -> Tree:
    """The checked tree of a document.

    Parameters
    ----------
    number
        its place in the file, for messages.

    Raises
    ------
    UnsupportedModel
        `damaged_booster`, or `unsupported_booster` for one tree for all classes.
    """
    return _Fields(mapping(value, f"tree {number}"), number).tree(n_features)


@dataclass(frozen=True, slots=True)
class _Fields:
    """A tree as it stands in a document."""

    fields: dict[str, Any]
    number: int

    def refuse(self, what: str) -> UnsupportedModel:
        """The error for what is wrong with this tree."""
        return damaged(f"tree {self.number} {what}")

    def whole(self, key: str, n: int | None = None) -> Ints:
        """(n,) whole numbers."""
        found = whole_numbers(self.fields.get(key), refuse=self.refuse, what=f"has no {key}")
        self._check_length(found, key, n)
        return found

    def marks(self, key: str, n: int) -> Ints:
        """(n,) zeros and ones; all zeros where an early version wrote none."""
        if key not in self.fields:
            return np.zeros(n, dtype=np.int64)
        found = self.whole(key, n)
        if np.any((found != 0) & (found != 1)):
            raise self.refuse(f"has {key} other than 0 and 1")
        return found

    def real(self, key: str, n: int) -> Floats:
        """(n,) 32-bit numbers."""
        found = real_numbers(self.fields.get(key), refuse=self.refuse, what=f"has no {key}")
        self._check_length(found, key, n)
        with np.errstate(over="ignore"):
            return found.astype(np.float32)

    def _check_length(self, found: Any, key: str, n: int | None) -> None:
        if n is not None and len(found) != n:
            raise self.refuse(f"has too many or too few {key}")

    def tree(self, n_features: int) -> Tree:
        """The tree, checked."""
        left = self.whole("left_children")
        n = len(left)
        right, parent, feature = (
            self.whole(key, n) for key in ("right_children", "parents", "split_indices")
        )
        deleted = self._deleted(n, n_features)
        reached = check_walk(left, right, refuse=self.refuse)
        if not np.all(feature[~reached] == DELETED) or int((~reached).sum()) != deleted:
            raise self.refuse("has nodes that no walk reaches")
        inner = reached & (left >= 0)
        if np.any(feature[inner] < 0) or np.any(feature[inner] >= n_features):
            raise self.refuse("asks for a feature that is not there")
        below = np.concatenate([left[inner], right[inner]])
        if np.any(parent[below] != np.tile(np.flatnonzero(inner), 2)) or parent[0] not in (DELETED, -1):
            raise self.refuse("has children that name other parents")
        condition = self.real("split_conditions", n)
        if not np.all(np.isfinite(condition[reached & (left < 0)])):
            raise self.refuse("has a leaf without a number")
        by_category = self.marks("split_type", n)
        return Tree(
            left=np.where(left < 0, -1, left),
            right=np.where(right < 0, -1, right),
            parent=np.where((parent < 0) | (parent >= n), DELETED, parent),
            feature=feature,
            condition=condition,
            default_left=self.marks("default_left", n),
            by_category=by_category,
            cover=self.real("sum_hessian", n),
            weight=self.real("base_weights", n),
            gain=self.real("loss_changes", n),
            deleted=deleted,
            **_sets_of_categories(self.fields, by_category, refuse=self.refuse),
        )

    def _deleted(self, n: int, n_features: int) -> int:
        """How many nodes pruning took out, as the tree states it beside its sizes."""
        stated = mapping(self.fields.get("tree_param"), f"tree_param of tree {self.number}")
        if stated.get("size_leaf_vector", "1") not in ("0", "1"):
            raise refusals.unsupported(
                LIBRARY,
                'The XGBoost model has one tree for all classes (multi_strategy="multi_output_tree")',
                'Train it with multi_strategy="one_output_per_tree", which is the default.',
            )
        nodes, features = (count(stated.get(key), key, most=DELETED) for key in ("num_nodes", "num_feature"))
        if nodes != n or features not in (0, n_features):
            raise self.refuse("has other nodes or features than it states")
        return count(stated.get("num_deleted", "0"), "num_deleted", most=DELETED)


def _sets_of_categories(tree: dict[str, Any], by_category: Ints, *, refuse: Any) -> dict[str, Ints]:
    """The sets of categories that a tree's nodes ask for."""
    keys = ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    nodes, starts, counts, categories = (
        whole_numbers(tree.get(key, []), refuse=refuse, what=f"has no {key}") for key in keys
    )
    if not np.array_equal(nodes, np.flatnonzero(by_category)):
        raise refuse("has sets of categories for other nodes")
    if len(starts) != len(nodes) or len(counts) != len(nodes):
        raise refuse("has too many or too few sets of categories")
    # each set ends where the next begins, so that no category is read twice
    ends = np.cumsum(counts)
    if np.any(counts <= 0) or np.any(starts != ends - counts) or int(counts.sum()) != len(categories):
        raise refuse("has sets of categories that lie outside of it")
    if np.any(categories < 0) or np.any(categories >= _LARGEST_CATEGORY):
        raise refuse("has a category out of range")
    return {
        "category_nodes": nodes,
        "category_start": starts,
        "category_count": counts,
        "categories": categories,
    }
