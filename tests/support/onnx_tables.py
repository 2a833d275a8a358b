"""ONNX graphs for tables, built by hand as exporters build them, and as they never do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

ML = "ai.onnx.ml"


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    arrays: dict[str, NDArray[Any]] | None = None,
) -> bytes:
    """A model file of these parts."""
    stored = [numpy_helper.from_array(array, name) for name, array in (arrays or {}).items()]
    made = helper.make_graph(list(nodes), "table", list(inputs), list(outputs), stored)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def value(name: str, shape: Sequence[int | None], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """An input or output of the graph."""
    return helper.make_tensor_value_info(name, kind, shape)


def network(
    weights: NDArray[np.floating],
    *,
    ending: str | None = "Softmax",
    batch: int | None = None,
    kind: int = TensorProto.FLOAT,
) -> bytes:
    """One layer: (n, d) numbers in, (n, k) class scores out."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    arrays = {"w": weights.astype(dtype)}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z" if ending else "y"])]
    if ending:
        nodes.append(helper.make_node(ending, ["z"], ["y"]))
    columns, classes = weights.shape
    return graph(nodes, [value("x", [batch, columns], kind)], [value("y", [batch, classes], kind)], arrays)


def two_leaves(**changed: Any) -> onnx.NodeProto:
    """A tree of one split on the first column, as TreeEnsembleClassifier; None leaves an attribute out."""
    attributes: dict[str, Any] = {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "nodes_hitrates": [1.0, 1.0, 1.0],
        "nodes_missing_value_tracks_true": [0, 0, 0],
        "class_treeids": [0, 0],
        "class_nodeids": [1, 2],
        "class_ids": [0, 1],
        "class_weights": [1.0, 1.0],
        "classlabels_int64s": [0, 1, 2],
        "post_transform": "NONE",
    } | changed
    kept = {name: value for name, value in attributes.items() if value is not None}
    return helper.make_node("TreeEnsembleClassifier", ["x"], ["label", "scores"], domain=ML, **kept)


def classifier(node: onnx.NodeProto, *, classes: int = 3, label: int = TensorProto.INT64) -> bytes:
    """A file of one operator that classifies two columns."""
    outputs = [value("label", [None], label), value("scores", [None, classes])]
    return graph([node], [value("x", [None, 2])], outputs)
