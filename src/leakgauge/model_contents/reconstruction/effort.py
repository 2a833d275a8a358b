"""What rebuilding a table would take, told from a few numbers before any memory is taken.

Time is counted in work and not by a clock, so that the same file gives the same table on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from leakgauge.attacks.row import Unsuited
from leakgauge.model_contents.reconstruction.trees import trees_of
from leakgauge.targets.protocol import FloatArray

SECONDS, SECONDS_IN_AUDITS = 300.0, 20.0
"""What rebuilding a table may take, about, unless told otherwise; and as one part of an audit."""
MOST_BYTES = 1 << 30
"""Memory that a reconstruction may fill."""
WORK_A_SECOND = 2.5e9
"""Multiplications of message passing in a second, about."""
LEAST_SWEEPS, MOST_SWEEPS = 40, 400
"""Sweeps that a table of some hundred rows takes at least, for which there must be time; and at most."""

_PER_NODE = 200
"""Bytes that `StoredTree` and the lists of its leaves take, with room for sorting them."""
_SCALING = 24
_PER_CELL, _PER_TREE = 10.0, 2.5e6
"""Multiplications that a belief about a row's value, and a tree of whatever size, cost besides in a sweep."""


def sweeps_within(estimator: Any, *, seconds: float) -> int:
    """How many sweeps of message passing there is time for, `MOST_SWEEPS` at most.

    Parameters
    ----------
    seconds
        how long message passing may go on, about.

    Raises
    ------
    Unsuited
        for a model that would take too much memory, or more time for `LEAST_SWEEPS`; the numbers are in the
        message.
    """
    nodes, n_trees, rows, in_bags = 0, 0, 0, 0
    memory, work = 0.0, 0.0
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
            in_bags += in_bag
            memory += 4.0 * in_bag * (held.node_count + leaves) + 8.0 * tests * leaves
            # a row has a cell for each threshold of the forest: what is believed, and what speaks against it
            memory += 12.0 * leaves * in_bag
            work += in_bag * leaves * (2.0 * min(tests, _columns_of(held)) + _SCALING)
        else:
            memory += 4.0 * 8.0 * held.node_count * n_columns
    if classifies and memory <= MOST_BYTES:
        work += n_trees * _PER_TREE + in_bags * _cells_of(estimator) * _PER_CELL
    needed = LEAST_SWEEPS * work / WORK_A_SECOND
    if memory > MOST_BYTES or needed > seconds:
        more = (
            " `leakgauge contents` gives it more time." if memory <= MOST_BYTES and needed <= SECONDS else ""
        )
        raise Unsuited(
            f"The file holds {n_trees:,} trees of {nodes:,} nodes in all, grown on up to {rows:,} different "
            f"rows each. To rebuild their table would take {memory / (1 << 30):,.1f} GiB of memory and "
            f"{needed:,.0f} seconds or more; it may take {MOST_BYTES >> 30} GiB and {seconds:,.0f} seconds "
            f"here.{more}"
        )
    return MOST_SWEEPS if work == 0.0 else min(MOST_SWEEPS, int(seconds * WORK_A_SECOND / work))


def _columns_of(held: Any) -> int:
    """Tests that the places of a tree can differ in: few where its columns have few thresholds."""
    return 2 * len(np.unique(_questions_of(held), axis=0)) + 1


def _cells_of(estimator: Any) -> int:
    """Intervals that the thresholds of all trees cut their columns into."""
    questions = [_questions_of(tree.tree_) for tree, _ in trees_of(estimator)]
    return len(np.unique(np.concatenate(questions), axis=0)) + int(estimator.n_features_in_)


def _questions_of(held: Any) -> FloatArray:
    """(n_questions, 2) column and threshold of each node that asks."""
    inner = held.children_left >= 0
    return np.stack([held.feature[inner].astype(np.float64), held.threshold[inner]], axis=1)
