"""What rebuilding a table would take, told from a few numbers before any memory is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.reconstruction.trees import trees_of

MOST_BYTES = 1 << 30
"""Memory that a reconstruction may fill."""
WORK_A_SECOND = 2.5e9
"""Multiplications of message passing in a second, about."""
LEAST_SWEEPS = 40
"""Sweeps that a table of some hundred rows takes at least, and for which there must be time."""
MOST_DEPTH_SUM = 50_000_000
"""Pairs of a row and a question on its way, in all trees of a regressor."""

_PER_NODE = 200
"""Bytes that `StoredTree` and the lists of its leaves take, with room for sorting them."""
_SCALING = 24


def check_effort(estimator: Any, *, seconds: float) -> None:
    """Decline what would take too much memory or time.

    Parameters
    ----------
    seconds
        how long message passing may go on.

    Raises
    ------
    Unsuited
        for such a model, or one without trees; the numbers are in the message.
    """
    nodes, n_trees, rows = 0, 0, 0
    memory, work, deep = 0.0, 0.0, 0.0
    n_columns = int(getattr(estimator, "n_features_in_", 0))
    classifies = is_classifier(estimator)
    for tree, _ in trees_of(estimator):
        held = tree.tree_
        leaves = (held.node_count + 1) // 2
        nodes, n_trees = nodes + held.node_count, n_trees + 1
        rows = max(rows, int(held.n_node_samples[0]))
        memory += _PER_NODE * held.node_count
        if classifies:
            # one test for each question at most, and at most two segments
            in_bag, tests = int(held.n_node_samples[0]), min(held.node_count, leaves * n_columns)
            memory += 4.0 * in_bag * (held.node_count + leaves) + 8.0 * tests * leaves
            memory += 4.0 * leaves * in_bag  # a row has a cell for each threshold of the forest
            work += in_bag * leaves * (2.0 * min(tests, _columns_of(held)) + _SCALING)
        else:
            memory += 4.0 * 8.0 * held.node_count * n_columns
            deep += leaves * min(held.max_depth, leaves)
    needed = LEAST_SWEEPS * work / WORK_A_SECOND
    if memory > MOST_BYTES or needed > seconds or deep > MOST_DEPTH_SUM:
        raise Unsuited(
            f"The file holds {n_trees:,} trees of {nodes:,} nodes in all, grown on up to {rows:,} different "
            f"rows each. To rebuild their table would take {memory / (1 << 30):,.1f} GiB of memory and "
            f"{needed:,.0f} seconds or more, which is more than it may take."
        )


def _columns_of(held: Any) -> int:
    """Tests that the places of a tree can differ in: few where its columns have few thresholds."""
    inner = held.children_left >= 0
    keys = np.stack([held.feature[inner].astype(np.float64), held.threshold[inner]], axis=1)
    return 2 * len(np.unique(keys, axis=0)) + 1
