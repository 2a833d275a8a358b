"""scikit-learn's compiled parts of a model: decision trees, and the search trees of nearest neighbours.

Their `__setstate__` copies arrays into C structures unseen, and prediction walks
those without looking at bounds: one child that points outside of the array ends
the process, one that points back never ends. So all indices are checked first,
and the object is made only when its whole state has arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import DistanceMetric
from sklearn.neighbors import BallTree, KDTree
from sklearn.tree._tree import NODE_DTYPE, Tree

from leakgauge.targets.pickles.allow_list import Pair
from leakgauge.targets.pickles.arrays import Constructor
from leakgauge.targets.pickles.checks import a_mapping, an_array, arguments_of, reject_unless
from leakgauge.targets.pickles.virtual_machine import Deferred, MalformedPickleError

_LEAF = -1
# how many classes times outputs a tree may have: bounds what its constructor allocates
_MOST_VALUES = 1_000_000


def check_children(
    left: NDArray[Any],
    right: NDArray[Any],
    feature: NDArray[Any],
    internal: NDArray[np.bool_],
    n_features: int,
) -> None:
    """Check that a walk down a tree stays inside its arrays and ends.

    scikit-learn numbers children after their parents, in every way that it grows trees.

    Parameters
    ----------
    left, right, feature
        (n_nodes,) integers.
    internal
        (n_nodes,) True where a node has children.
    n_features
        number of features that the tree may ask for.

    Raises
    ------
    MalformedPickleError
        for a child or feature out of range.
    """
    nodes = np.flatnonzero(internal)
    for child in (left[internal].astype(np.int64), right[internal].astype(np.int64)):
        reject_unless(
            np.all(child > nodes) and np.all(child < len(internal)), "a tree's child is out of range"
        )
    asked = feature[internal].astype(np.int64)
    reject_unless(np.all(asked >= 0) and np.all(asked < n_features), "a tree's feature is out of range")


def _depth(left: NDArray[np.int64], right: NDArray[np.int64]) -> int:
    depth, level = 0, np.zeros(1, dtype=np.int64)
    while True:
        level = level[left[level] != _LEAF]
        if not len(level):
            return depth
        level = np.unique(np.concatenate([left[level], right[level]]))
        depth += 1


def _tree(arguments: object) -> object:
    n_features, n_classes, n_outputs = arguments_of(arguments, least=3)
    reject_unless(type(n_features) is int and 0 < n_features < 2**31, "a tree's number of features")
    classes = an_array(n_classes, "a tree's classes", ndim=1)
    reject_unless(classes.dtype.kind in "iu" and len(classes) == n_outputs > 0, "a tree's outputs")
    reject_unless(np.all((classes > 0) & (classes <= _MOST_VALUES // len(classes))), "a tree's classes")
    classes = classes.astype(np.intp)
    return Deferred(lambda state, _file: _finish_tree(n_features, classes, state))


def _finish_tree(n_features: int, n_classes: NDArray[np.intp], state: object) -> Tree:
    saved = a_mapping(state, "a tree's state must be a mapping")
    nodes = _today_nodes(an_array(saved.get("nodes"), "a tree needs nodes", ndim=1))
    values = an_array(saved.get("values"), "a tree needs values", ndim=3)
    shape = (len(nodes), len(n_classes), int(n_classes.max()))
    reject_unless(len(nodes) and values.shape == shape, "a tree's values do not fit its nodes")
    reject_unless(saved.get("node_count") == len(nodes), "a tree's node count does not fit its nodes")
    left, right = nodes["left_child"], nodes["right_child"]
    check_children(left, right, nodes["feature"], left != _LEAF, n_features)
    tree = Tree(n_features, n_classes, len(n_classes))
    tree.__setstate__(
        {
            # a path is written into as many places as this says
            "max_depth": _depth(left, right),
            "node_count": len(nodes),
            "nodes": nodes,
            "values": np.ascontiguousarray(values, dtype=np.float64),
        }
    )
    return tree


def _today_nodes(saved: NDArray[Any]) -> NDArray[Any]:
    names = set(saved.dtype.names or ())
    # where missing values go is stored since 1.3; models before refuse them, so that it is never asked
    reject_unless(
        names | {"missing_go_to_left"} == set(NODE_DTYPE.names), "a tree's nodes have unknown fields"
    )
    nodes = np.zeros(len(saved), dtype=NODE_DTYPE)
    for name in names:
        nodes[name] = saved[name]
    return nodes


# (name for DistanceMetric.get_metric, the parameter that the vector or matrix of the state holds)
_METRICS: Mapping[str, tuple[str, str | None]] = {
    "BrayCurtisDistance64": ("braycurtis", None),
    "CanberraDistance64": ("canberra", None),
    "ChebyshevDistance64": ("chebyshev", None),
    "DiceDistance64": ("dice", None),
    "EuclideanDistance64": ("euclidean", None),
    "HammingDistance64": ("hamming", None),
    "HaversineDistance64": ("haversine", None),
    "JaccardDistance64": ("jaccard", None),
    "MahalanobisDistance64": ("mahalanobis", "VI"),
    "ManhattanDistance64": ("manhattan", None),
    "MinkowskiDistance64": ("minkowski", "w"),
    "RogersTanimotoDistance64": ("rogerstanimoto", None),
    "RussellRaoDistance64": ("russellrao", None),
    "SEuclideanDistance64": ("seuclidean", "V"),
    "SokalMichenerDistance64": ("sokalmichener", None),
    "SokalSneathDistance64": ("sokalsneath", None),
}


def _new_object(arguments: object) -> object:
    (kind,) = arguments_of(arguments, least=1)
    name = kind.__name__ if isinstance(kind, type) else ""
    if kind in (KDTree, BallTree):
        return Deferred(lambda state, _file: _finish_search_tree(kind, state))
    if name in _METRICS:
        return Deferred(lambda state, _file: _finish_metric(name, state))
    raise MalformedPickleError("an unknown search tree")


def _finish_metric(name: str, state: object) -> DistanceMetric:
    power, vector, matrix = arguments_of(state, least=3)
    reject_unless(isinstance(power, float | int), "a metric's power must be a number")
    vector = an_array(vector, "a metric's vector must be a vector", ndim=1)
    metric, parameter = _METRICS[name]
    settings: dict[str, object] = {"p": float(power)} if metric == "minkowski" else {}
    if parameter == "VI":
        table = an_array(matrix, "a metric's matrix must be a matrix", ndim=2)
        return DistanceMetric.get_metric(metric, VI=np.ascontiguousarray(table, dtype=np.float64))
    # one number or none is what scikit-learn writes for "no weights"
    if parameter is not None and (parameter == "V" or len(vector) > 1):
        settings[parameter] = vector.astype(np.float64)
    return DistanceMetric.get_metric(metric, **settings)


def _finish_search_tree(kind: Any, state: object) -> Any:
    parts = arguments_of(state, least=13)
    data = an_array(parts[0], "a search tree's data", ndim=2)
    order = an_array(parts[1], "a search tree's order", ndim=1)
    nodes = an_array(parts[2], "a search tree's nodes", ndim=1)
    bounds = an_array(parts[3], "a search tree's bounds", ndim=3)
    reject_unless(all(type(count) is int for count in parts[4:11]), "a search tree's counts")
    metric, weights = parts[11:]
    reject_unless(data.dtype == np.float64 and data.size > 0, "a search tree's data")
    n_rows, n_features = data.shape
    reject_unless(order.dtype == np.intp and np.array_equal(np.sort(order), np.arange(n_rows)), "its order")
    reject_unless(
        {"idx_start", "idx_end", "is_leaf"} <= set(nodes.dtype.names or ()), "a search tree's nodes"
    )
    reject_unless(parts[6] == len(nodes) > 0, "a search tree's number of nodes")
    start, end, leaf = nodes["idx_start"], nodes["idx_end"], nodes["is_leaf"]
    reject_unless(np.all((start >= 0) & (start <= end) & (end <= n_rows)), "a search tree's rows")
    # the children of node i are 2i + 1 and 2i + 2
    childless = 2 * np.arange(len(nodes)) + 2 >= len(nodes)
    reject_unless(np.all(leaf[childless] != 0), "a search tree's leaves")
    sides = 2 if kind is KDTree else 1
    reject_unless(bounds.shape == (sides, len(nodes), n_features) and bounds.dtype == np.float64, "bounds")
    reject_unless(isinstance(metric, DistanceMetric), "a search tree needs a metric")
    vector = metric.__getstate__()[1]
    reject_unless(len(vector) <= 1 or len(vector) == n_features, "a metric's vector does not fit the data")
    name = type(metric).__name__
    if name == "SEuclideanDistance64":
        reject_unless(len(vector) == n_features, "a metric's vector does not fit the data")
    elif name == "MahalanobisDistance64":
        matrix = metric.__getstate__()[2]
        reject_unless(matrix.shape == (n_features, n_features), "a metric's matrix does not fit the data")
    elif name == "HaversineDistance64":
        reject_unless(n_features == 2, "a metric of two angles does not fit the data")
    reject_unless(
        weights is None or (isinstance(weights, np.ndarray) and weights.shape == (n_rows,)), "row weights"
    )
    tree = kind.__new__(kind)
    tree.__setstate__(parts)
    return tree


TREE_CONSTRUCTORS: Mapping[Pair, Constructor] = {
    ("sklearn.metrics._dist_metrics", "newObj"): Constructor(_new_object),
    ("sklearn.neighbors._ball_tree", "newObj"): Constructor(_new_object),
    ("sklearn.neighbors._kd_tree", "newObj"): Constructor(_new_object),
    ("sklearn.tree._tree", "Tree"): Constructor(_tree),
}
"""All compiled objects that a model's file may bring."""
