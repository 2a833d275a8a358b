"""The operators of ONNX for tables (`ai.onnx.ml`), checked before compiled code is given any.

Trees, support vectors and linear models come as long lists whose entries point into each other and into
the columns of a record. Every list must be as long as the others say, and every number that points must
point at something. How many columns there are is checked by ONNX Runtime, row by row.

Source: the operators' reference, https://onnx.ai/onnx/operators (`ai.onnx.ml`, versions 1 to 4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from leakgauge.errors import LimitExceeded, UnsupportedModel

ML_DOMAIN: Final = "ai.onnx.ml"
MAX_TREE_NODES: Final = 20_000_000
MAX_COLUMN: Final = 1_000_000
MAX_TARGETS: Final = 10_000
_BRANCHES: Final = frozenset(
    {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER"}
)

Attributes = Mapping[str, Any]


def check_ml_operator(node: onnx.NodeProto) -> None:
    """Refuse an operator whose lists do not fit each other, or that is not on the list.

    Raises
    ------
    UnsupportedModel
        `onnx_custom_operators`, `onnx_operator_damaged`.
    LimitExceeded
        `onnx_operator_too_large`.
    """
    if node.op_type not in _CHECKS:
        raise UnsupportedModel(
            "onnx_custom_operators",
            f"The ONNX model uses the operator {node.op_type[:60]} of {ML_DOMAIN}, which is not read.",
            hint=f"Export the model with others; those that are read are {', '.join(ML_OPERATORS)}.",
        )
    try:
        found = {attribute.name: _value(attribute) for attribute in node.attribute}
        if not _CHECKS[node.op_type](found):
            raise _damaged(node)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise _damaged(node) from error


def _damaged(node: onnx.NodeProto) -> UnsupportedModel:
    return UnsupportedModel(
        "onnx_operator_damaged",
        f"The parts of a {node.op_type} in the ONNX model contradict each other; it was not opened.",
        hint="Export the model again, and send the file whole.",
    )


def _value(attribute: onnx.AttributeProto) -> Any:
    if attribute.type == onnx.AttributeProto.TENSOR:
        return onnx.numpy_helper.to_array(attribute.t)
    return onnx.helper.get_attribute_value(attribute)


def _list(found: Attributes, *names: str) -> NDArray[Any]:
    """The first of the lists that is there; an empty one where none is."""
    for name in names:
        if len(found.get(name, ())):
            return np.asarray(found[name])
    return np.empty(0, dtype=np.int64)


def _numbers(found: Attributes, name: str) -> NDArray[np.int64]:
    return np.asarray(found.get(name, ()), dtype=np.int64)


def _labels(found: Attributes) -> int:
    """How many classes a classifier names."""
    return len(_list(found, "classlabels_strings", "classlabels_int64s", "classlabels_ints"))


def _are_within(numbers: NDArray[np.int64], end: int) -> bool:
    return not numbers.size or bool(numbers.min() >= 0 and numbers.max() < end)


def _tree_classifier(found: Attributes) -> bool:
    classes = _labels(found)
    return classes > 0 and _trees(found, "class", max(classes, 2))


def _tree_regressor(found: Attributes) -> bool:
    targets = int(found.get("n_targets", 1))
    return 0 < targets <= MAX_TARGETS and _trees(found, "target", targets)


def _trees(found: Attributes, kind: str, targets: int) -> bool:
    """Whether nodes form trees, and every leaf's weight belongs to one of the targets."""
    tree, place = _numbers(found, "nodes_treeids"), _numbers(found, "nodes_nodeids")
    number = len(tree)
    if number > MAX_TREE_NODES:
        raise LimitExceeded(
            "onnx_operator_too_large",
            f"The ONNX model has more than {MAX_TREE_NODES:,} nodes of trees.",
            hint="Audit a smaller model.",
        )
    column = _numbers(found, "nodes_featureids")
    modes = [bytes(mode).decode() for mode in found.get("nodes_modes", ())]
    yes, no = _numbers(found, "nodes_truenodeids"), _numbers(found, "nodes_falsenodeids")
    values = _list(found, "nodes_values", "nodes_values_as_tensor")
    optional = (
        _list(found, "nodes_hitrates", "nodes_hitrates_as_tensor"),
        _list(found, "nodes_missing_value_tracks_true"),
    )
    needed = (place, column, modes, yes, no, values)
    if not number or any(len(part) != number for part in needed):
        return False
    if any(len(part) not in (0, number) for part in optional):
        return False
    if not set(modes) <= _BRANCHES | {"LEAF"} or not _are_within(column, MAX_COLUMN):
        return False
    is_branch = np.array([mode != "LEAF" for mode in modes])
    of_weights = [_numbers(found, f"{kind}_{name}") for name in ("treeids", "nodeids", "ids")]
    weights = _list(found, f"{kind}_weights", f"{kind}_weights_as_tensor")
    base = _list(found, "base_values", "base_values_as_tensor")
    if any(len(part) != len(weights) for part in of_weights) or not _are_within(of_weights[2], targets):
        return False
    if len(base) not in (0, 1, targets):
        return False
    nodes = _Nodes(tree, place)
    leaves = nodes.find(of_weights[0], of_weights[1])
    return (
        nodes.are_distinct
        and bool(len(weights))
        and not is_branch[leaves].any()
        and nodes.are_trees(
            nodes.find(tree[is_branch], yes[is_branch]), nodes.find(tree[is_branch], no[is_branch]), is_branch
        )
    )


class _Nodes:
    """Nodes of trees by the numbers of their tree and of themselves."""

    def __init__(self, tree: NDArray[np.int64], place: NDArray[np.int64]) -> None:
        self.number = len(tree)
        self._trees, self._places = np.unique(tree), np.unique(place)
        keys = self._keys(tree, place)
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]
        self.are_distinct = bool((np.diff(self._sorted) > 0).all())

    def find(self, tree: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
        """(k,) where in the lists these nodes stand.

        Raises
        ------
        IndexError
            for a node that is not there.
        """
        wanted = self._keys(tree, place)
        found = np.minimum(np.searchsorted(self._sorted, wanted), self.number - 1)
        if not (self._sorted[found] == wanted).all():
            raise IndexError
        return np.asarray(self._order[found])

    def _keys(self, tree: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
        """(k,) a number for each pair, which no other pair has."""
        of_tree = np.minimum(np.searchsorted(self._trees, tree), len(self._trees) - 1)
        of_place = np.minimum(np.searchsorted(self._places, place), len(self._places) - 1)
        if not ((self._trees[of_tree] == tree).all() and (self._places[of_place] == place).all()):
            raise IndexError
        return np.asarray(of_tree * len(self._places) + of_place, dtype=np.int64)

    def are_trees(self, yes: NDArray[np.int64], no: NDArray[np.int64], is_branch: NDArray[np.bool_]) -> bool:
        """Whether every node but the roots has one parent, and every node is reached from a root."""
        parents = np.bincount(np.concatenate([yes, no]), minlength=self.number)
        if (parents > 1).any():
            return False
        branches = np.flatnonzero(is_branch)
        children = np.full((self.number, 2), -1, dtype=np.int64)
        children[branches, 0], children[branches, 1] = yes, no
        level = np.flatnonzero(parents == 0)
        reached = 0
        while len(level):
            reached += len(level)
            below = children[level].ravel()
            level = below[below >= 0]
        return reached == self.number


def _linear_classifier(found: Attributes) -> bool:
    coefficients, intercepts = _list(found, "coefficients"), _list(found, "intercepts")
    rows = max(len(intercepts), 1)
    classes = _labels(found)
    one_for_two = rows == 1 and classes <= 2
    return len(coefficients) > 0 and len(coefficients) % rows == 0 and (rows == classes or one_for_two)


def _linear_regressor(found: Attributes) -> bool:
    coefficients, intercepts = _list(found, "coefficients"), _list(found, "intercepts")
    targets = int(found.get("targets", 1))
    return (
        0 < targets <= MAX_TARGETS
        and len(coefficients) > 0
        and len(coefficients) % targets == 0
        and len(intercepts) in (0, targets)
    )


def _support_vectors(found: Attributes) -> bool:
    """Vectors of n classes: coefficients for each of the n − 1 others, and a threshold for each pair."""
    vectors, coefficients = _list(found, "support_vectors"), _list(found, "coefficients")
    of_class, rho = _numbers(found, "vectors_per_class"), _list(found, "rho")
    classes = _labels(found)
    sure = (_list(found, "prob_a"), _list(found, "prob_b"))
    if len(found.get("kernel_params", ())) not in (0, 3) or not classes:
        return False
    if not of_class.size:  # a linear machine: a row of coefficients for each class
        return len(coefficients) > 0 and len(coefficients) % classes == 0 and len(rho) > 0
    number = int(of_class.sum())
    pairs = classes * (classes - 1) // 2
    return (
        len(of_class) == classes
        and _are_within(of_class, MAX_TREE_NODES)
        and number > 0
        and len(vectors) > 0
        and len(vectors) % number == 0
        and len(coefficients) == (classes - 1) * number
        and len(rho) == pairs
        and all(len(part) in (0, pairs) for part in sure)
        and len(sure[0]) == len(sure[1])
    )


def _support_vectors_of_a_number(found: Attributes) -> bool:
    number = int(found.get("n_supports", 0))
    coefficients, vectors = _list(found, "coefficients"), _list(found, "support_vectors")
    if len(found.get("kernel_params", ())) not in (0, 3) or len(_list(found, "rho")) != 1 or number < 0:
        return False
    if not number:
        return len(coefficients) > 0
    return len(coefficients) == number and len(vectors) > 0 and len(vectors) % number == 0


def _scaler(found: Attributes) -> bool:
    offset, scale = _list(found, "offset"), _list(found, "scale")
    return len(offset) == len(scale) > 0


def _imputer(found: Attributes) -> bool:
    return len(_list(found, "imputed_value_floats", "imputed_value_int64s")) > 0


def _one_hot(found: Attributes) -> bool:
    return len(_list(found, "cats_strings", "cats_int64s")) > 0


def _label_encoder(found: Attributes) -> bool:
    kinds = ("strings", "int64s", "floats", "tensor")
    keys = [len(found[name]) for kind in kinds if len(found.get(name := f"keys_{kind}", ()))]
    values = [len(found[name]) for kind in kinds if len(found.get(name := f"values_{kind}", ()))]
    return (len(keys) == len(values) == 1 and keys == values) or len(_list(found, "classes_strings")) > 0


def _category_mapper(found: Attributes) -> bool:
    return len(_list(found, "cats_strings")) == len(_list(found, "cats_int64s")) > 0


def _vectoriser(found: Attributes) -> bool:
    widths = _numbers(found, "inputdimensions")
    return _are_within(widths, MAX_COLUMN) and 0 < int(widths.sum()) < MAX_COLUMN


def _zip_map(found: Attributes) -> bool:
    return len(_list(found, "classlabels_strings", "classlabels_int64s")) > 0


def _anything(_found: Attributes) -> bool:
    """Of operators without a list: ONNX Runtime looks at each number that they take."""
    return True


_CHECKS: Final[Mapping[str, Callable[[Attributes], bool]]] = {
    "ArrayFeatureExtractor": _anything,
    "Binarizer": _anything,
    "CategoryMapper": _category_mapper,
    "FeatureVectorizer": _vectoriser,
    "Imputer": _imputer,
    "LabelEncoder": _label_encoder,
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _linear_regressor,
    "Normalizer": _anything,
    "OneHotEncoder": _one_hot,
    "SVMClassifier": _support_vectors,
    "SVMRegressor": _support_vectors_of_a_number,
    "Scaler": _scaler,
    "TreeEnsembleClassifier": _tree_classifier,
    "TreeEnsembleRegressor": _tree_regressor,
    "ZipMap": _zip_map,
}
"""What tells of each operator that is read whether its parts fit each other."""
ML_OPERATORS: Final = tuple(sorted(_CHECKS))
"""The operators for tables that are read."""


def texts_of(nodes: Sequence[onnx.NodeProto]) -> frozenset[str]:
    """The texts that encoders among checked operators know."""
    names = ("cats_strings", "keys_strings")
    return frozenset(
        text.decode(errors="replace")
        for node in nodes
        if node.domain == ML_DOMAIN
        for attribute in node.attribute
        if attribute.name in names
        for text in attribute.strings
    )
