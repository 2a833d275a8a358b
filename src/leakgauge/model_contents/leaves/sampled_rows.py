"""The rows of a training table, each told by how often it was drawn for each tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.protocol import IntArray

MOST_DRAWS = 4
"""A row drawn more often is taken as drawn this often; in a bootstrap 0.4 % of the rows are."""
MOST_COUNTED = 255
"""Draws of a row in one tree that are counted; no bootstrap of scikit-learn's comes near."""
GROUPS = 128
"""Neighbourhoods of which each gives one of the largest values."""

Float32: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of the training table, each told by its draws.

    Attributes
    ----------
    draws
        (n_rows, n_trees) how often each row entered each tree, at most `MOST_COUNTED`.
    """

    draws: NDArray[np.uint8]

    @classmethod
    def of(cls, draws: Iterable[IntArray], *, n_trees: int, n_rows: int) -> Rows:
        """The table for n_trees times (n_rows,) draws, one tree after the other."""
        table = np.empty((n_rows, n_trees), dtype=np.uint8)
        for tree, of_tree in enumerate(draws):
            table[:, tree] = np.minimum(of_tree, MOST_COUNTED)
        return cls(table)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.draws)

    def drawn(self, n_trees: int) -> Float32:
        """(MOST_DRAWS * n_trees, n_rows) one block per number of draws, 1, 2, ..., of the first trees.

        It is 1.0 where the row entered the tree that often; in the last block, that often or more.
        """
        capped = np.minimum(self.draws[:, :n_trees], MOST_DRAWS).T
        blocks = [(capped == times).astype(np.float32) for times in range(1, MOST_DRAWS + 1)]
        return np.concatenate(blocks)


def largest(values: Float32, kept: int) -> IntArray:
    """(k, kept) places of the largest of (k, n) values in each row, but for those beside a larger one.

    The largest of each of `GROUPS` neighbourhoods are found first: to order all would take longer than to
    compute them.
    """
    beside = values.shape[1] // GROUPS
    grouped = values[:, : beside * GROUPS].reshape(len(values), GROUPS, -1)
    places = np.tile(np.arange(beside * GROUPS, values.shape[1]), (len(values), 1))
    if beside:
        of_groups = grouped.argmax(axis=2) + np.arange(GROUPS) * beside
        places = np.concatenate([of_groups, places], axis=1)
    best = np.argpartition(np.take_along_axis(values, places, axis=1), -kept, axis=1)[:, -kept:]
    return np.take_along_axis(places, best, axis=1)
