"""ONNX files of tables that are broken or meant to break: each is refused by name."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from cases import refusal
from onnx import TensorProto, helper
from onnx_tables import ML, classifier, graph, network, two_leaves, value
from table_bundles import table_bundle

from leakgauge.errors import LeakgaugeError
from leakgauge.targets.opening import open_table_model

X = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
W = np.random.default_rng(1).normal(size=(2, 3))
DAMAGED = "unsupported_model.onnx_operator_damaged"
NOT_PROBABILITIES = "unsupported_model.not_probabilities"
NOT_A_CLASSIFIER = "unsupported_model.not_a_classifier"
FAILS = "unsupported_model.prediction_failed"


def refused_as(content: bytes, folder: Path, x: Any = X) -> str:
    """The code that a file is refused with, when it is opened or asked."""
    path = folder / "model.onnx"
    path.write_bytes(content)

    def asked() -> None:
        open_table_model(path).reading_scores(x, np.zeros(len(x), dtype=np.int64)).labels(x)

    with pytest.raises(LeakgaugeError) as caught:
        asked()
    assert caught.value.hint
    assert "Traceback" not in caught.value.message
    return caught.value.code


def tree(**changed: Any) -> bytes:
    return classifier(two_leaves(**changed))


def operator(name: str, *, text: bool = False, inputs: tuple[str, ...] = ("x",), **attributes: Any) -> bytes:
    """Numbers through one operator, and what comes out as class scores."""
    node = helper.make_node(name, list(inputs), ["y"], domain=ML, **attributes)
    kind = TensorProto.STRING if text else TensorProto.FLOAT
    return graph([node], [value("x", [None, 2], kind)], [value("y", [None, 3])])


def svm(**changed: Any) -> bytes:
    attributes: dict[str, Any] = {
        "classlabels_ints": [0, 1, 2],
        "coefficients": [1.0] * 8,
        "support_vectors": [1.0] * 8,
        "vectors_per_class": [2, 1, 1],
        "rho": [0.0] * 3,
        "kernel_type": "RBF",
        "kernel_params": [1.0, 0.0, 3.0],
    } | changed
    node = helper.make_node("SVMClassifier", ["x"], ["label", "scores"], domain=ML, **attributes)
    return classifier(node)


def linear(**changed: Any) -> bytes:
    attributes: dict[str, Any] = {
        "coefficients": [1.0] * 6,
        "intercepts": [0.0] * 3,
        "classlabels_ints": [0, 1, 2],
        "post_transform": "SOFTMAX",
    } | changed
    kept = {name: given for name, given in attributes.items() if given is not None}
    return classifier(helper.make_node("LinearClassifier", ["x"], ["label", "scores"], domain=ML, **kept))


def constant(*rows: list[float]) -> bytes:
    """The same scores for every record."""
    scores = np.array(rows, dtype=np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "zeros"], ["nothing"]),
        helper.make_node("Add", ["nothing", "scores"], ["y"]),
    ]
    arrays = {"zeros": np.zeros((2, scores.shape[1]), dtype=np.float32), "scores": scores}
    return graph(nodes, [value("x", [None, 2])], [value("y", [None, scores.shape[1]])], arrays)


def through(*nodes: onnx.NodeProto, shape: list[int | None], arrays: dict[str, Any] | None = None) -> bytes:
    return graph(nodes, [value("x", [None, 2])], [value("y", shape)], arrays)


TREES = {
    "a feature before the first": {"nodes_featureids": [-1, 0, 0]},
    "a feature far before the first": {"nodes_featureids": [-(10**6), 0, 0]},
    "a feature beyond 32 bits": {"nodes_featureids": [2**31 + 5, 0, 0]},
    "a class that is none": {"class_ids": [0, 3]},
    "a class far away": {"class_ids": [0, 10**9]},
    "a class before the first": {"class_ids": [0, -1]},
    "a cycle": {"nodes_modes": ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"], "nodes_falsenodeids": [2, 0, 0]},
    "a node that is its own child": {"nodes_truenodeids": [0, 0, 0], "nodes_falsenodeids": [0, 0, 0]},
    "two parents": {"nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [1, 0, 0]},
    "a child that is not there": {"nodes_truenodeids": [77, 0, 0]},
    "a child in another tree": {"nodes_treeids": [0, 1, 0]},
    "fewer values than nodes": {"nodes_values": [0.5]},
    "fewer children than nodes": {"nodes_truenodeids": [1]},
    "fewer marks than nodes": {"nodes_missing_value_tracks_true": [1]},
    "fewer class ids": {"class_ids": [0]},
    "fewer class weights": {"class_weights": [1.0]},
    "weights on a branch": {"class_nodeids": [0, 2]},
    "weights on no node": {"class_nodeids": [5, 2]},
    "two nodes of one number": {"nodes_nodeids": [0, 1, 1]},
    "a mode that is none": {"nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAVE"]},
    "a mode that is no text": {"nodes_modes": [b"\xff\xfe", b"LEAF", b"LEAF"]},
    "base values of other classes": {"base_values": [1.0] * 50},
    "no classes": {"classlabels_int64s": None},
    "no nodes": dict.fromkeys(("nodes_treeids", "nodes_nodeids", "nodes_modes")),
    "numbers where there are lists": {"nodes_treeids": 0},
    "text where there are numbers": {"nodes_nodeids": ["a", "b", "c"]},
}

REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    **{f"tree: {name}": (DAMAGED, lambda change=change: tree(**change)) for name, change in TREES.items()},
    "tree: a column that the record lacks": (FAILS, lambda: tree(nodes_featureids=[2, 0, 0])),
    "tree: a column far away": (FAILS, lambda: tree(nodes_featureids=[10**5, 0, 0])),
    "linear: too few coefficients": (DAMAGED, lambda: linear(coefficients=[1.0, 2.0])),
    "linear: too many intercepts": (DAMAGED, lambda: linear(intercepts=[0.0] * 1000)),
    "linear: no labels": (DAMAGED, lambda: linear(classlabels_ints=None)),
    "linear: fewer labels": (
        DAMAGED,
        lambda: linear(coefficients=[1.0] * 2000, intercepts=[0.0] * 1000, classlabels_ints=[0]),
    ),
    "svm: more vectors than there are": (DAMAGED, lambda: svm(vectors_per_class=[1000, 1000, 1000])),
    "svm: fewer than no vectors": (DAMAGED, lambda: svm(vectors_per_class=[-4, 4, 4])),
    "svm: too few thresholds": (DAMAGED, lambda: svm(rho=[0.0])),
    "svm: too few probabilities": (DAMAGED, lambda: svm(prob_a=[1.0], prob_b=[1.0])),
    "svm: half of the probabilities": (DAMAGED, lambda: svm(prob_a=[1.0] * 3)),
    "svm: two parameters of the kernel": (DAMAGED, lambda: svm(kernel_params=[1.0, 2.0])),
    "svm: vectors of another width": (FAILS, lambda: svm(support_vectors=[1.0] * 12)),
    "scaler: offsets without scales": (DAMAGED, lambda: operator("Scaler", offset=[1.0] * 2, scale=[1.0])),
    "encoder: keys without values": (
        DAMAGED,
        lambda: operator("LabelEncoder", text=True, keys_strings=["a", "b"], values_floats=[1.0]),
    ),
    "encoder: no categories": (DAMAGED, lambda: operator("OneHotEncoder", text=True, zeros=1)),
    "vectoriser: a width below nothing": (
        DAMAGED,
        lambda: operator("FeatureVectorizer", inputdimensions=[-5]),
    ),
    "vectoriser: a huge width": (DAMAGED, lambda: operator("FeatureVectorizer", inputdimensions=[2**40])),
    "regressor: a huge number of targets": (
        DAMAGED,
        lambda: operator("LinearRegressor", coefficients=[1.0], targets=2**40),
    ),
    "an operator for tables that is not on the list": (
        "unsupported_model.onnx_custom_operators",
        lambda: operator("TreeEnsemble"),
    ),
    "an operator of somebody's own": (
        "unsupported_model.onnx_custom_operators",
        lambda: graph(
            [helper.make_node("Evil", ["x"], ["y"], domain="com.example")],
            [value("x", [None, 2])],
            [value("y", [None, 3])],
        ),
    ),
    "words without end": (
        "limit_exceeded.onnx_declares_too_much",
        lambda: through(
            helper.make_node(
                "TfIdfVectorizer",
                ["x"],
                ["y"],
                max_gram_length=1,
                max_skip_count=0,
                min_gram_length=1,
                mode="TF",
                ngram_counts=[0],
                ngram_indexes=[0, 10**9],
                pool_int64s=[1, 2],
            ),
            shape=[None, 3],
        ),
    ),
    "scores that are no number": (
        "unsupported_model.outputs_not_finite",
        lambda: constant([float("nan"), 0.0, 0.0]),
    ),
    "scores without bound": (
        "unsupported_model.outputs_not_finite",
        lambda: constant([float("inf"), 0.0, 0.0]),
    ),
    "probabilities that sum to more": (NOT_PROBABILITIES, lambda: constant([0.9, 0.9, 0.1])),
    "probabilities that sum to less": (NOT_PROBABILITIES, lambda: constant([0.1, 0.1, 0.1])),
    "percentages": (NOT_PROBABILITIES, lambda: constant([20.0, 30.0, 50.0])),
    "one row for all records": (
        NOT_A_CLASSIFIER,
        lambda: through(helper.make_node("ReduceMean", ["x"], ["y"], axes=[0], keepdims=1), shape=[None, 2]),
    ),
    "another number of rows": (
        NOT_A_CLASSIFIER,
        lambda: through(helper.make_node("Concat", ["x", "x"], ["y"], axis=0), shape=[None, 2]),
    ),
    "three axes of scores": (
        NOT_A_CLASSIFIER,
        lambda: through(
            helper.make_node("Unsqueeze", ["x", "axis"], ["y"]),
            shape=[None, None, None],
            arrays={"axis": np.array([1])},
        ),
    ),
    "other scores than it declares": (
        NOT_A_CLASSIFIER,
        lambda: through(helper.make_node("Identity", ["x"], ["y"]), shape=[None, 5]),
    ),
    "scores of no class": (
        NOT_A_CLASSIFIER,
        lambda: through(
            helper.make_node("Slice", ["x", "start", "end", "axis"], ["y"]),
            shape=[None, None],
            arrays={"start": np.array([0]), "end": np.array([0]), "axis": np.array([1])},
        ),
    ),
    "labels without classes": (
        NOT_A_CLASSIFIER,
        lambda: graph(
            [helper.make_node("ArgMax", ["x"], ["y"], axis=1, keepdims=0)],
            [value("x", [None, 2])],
            [value("y", [None], TensorProto.INT64)],
        ),
    ),
    "two matrices of numbers": (
        "unsupported_model.several_outputs",
        lambda: graph(
            [helper.make_node("Identity", ["x"], ["a"]), helper.make_node("Neg", ["x"], ["b"])],
            [value("x", [None, 2])],
            [value("a", [None, 2]), value("b", [None, 2])],
        ),
    ),
    "no input": (
        "unsupported_model.input_shape_unknown",
        lambda: graph(
            [helper.make_node("Identity", ["w"], ["y"])],
            [],
            [value("y", [1, 2])],
            {"w": np.ones((1, 2), dtype=np.float32)},
        ),
    ),
    "two inputs of any width": (
        "unsupported_model.input_shape_unknown",
        lambda: graph(
            [helper.make_node("Concat", ["a", "b"], ["y"], axis=1)],
            [value("a", [None, None]), value("b", [None, None])],
            [value("y", [None, None])],
        ),
    ),
    "an input of images": (
        "unsupported_model.not_a_table_model",
        lambda: graph(
            [helper.make_node("Flatten", ["x"], ["y"])],
            [value("x", [None, 3, 8, 8])],
            [value("y", [None, 192])],
        ),
    ),
    "an input without rows": (
        "unsupported_model.not_a_table_model",
        lambda: graph([helper.make_node("Identity", ["x"], ["y"])], [value("x", [])], [value("y", [])]),
    ),
    "an input of complex numbers": (
        "unsupported_model.onnx_input_type",
        lambda: graph(
            [helper.make_node("Identity", ["x"], ["y"])],
            [value("x", [None, 2], TensorProto.COMPLEX64)],
            [value("y", [None, 2])],
        ),
    ),
    "an input of mappings": (
        "unsupported_model.onnx_input_type",
        lambda: graph(
            [helper.make_node("Identity", ["x"], ["y"])],
            [
                helper.make_value_info(
                    "x",
                    helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None)),
                )
            ],
            [value("y", [None, 2])],
        ),
    ),
    "an input of a million columns": (
        "limit_exceeded.too_many_columns",
        lambda: graph(
            [helper.make_node("Identity", ["x"], ["y"])],
            [value("x", [None, 10**6])],
            [value("y", [None, 10**6])],
        ),
    ),
    "a hundred thousand classes": (
        "limit_exceeded.too_many_classes",
        lambda: network(np.zeros((2, 100_000))),
    ),
    "inputs of different numbers of rows": (
        "unsupported_model.onnx_fixed_batch",
        lambda: graph(
            [helper.make_node("Concat", ["a", "b"], ["y"], axis=1)],
            [value("a", [3, 1]), value("b", [4, 1])],
            [value("y", [None, 2])],
        ),
    ),
    "a million rows at a time": (
        "unsupported_model.onnx_fixed_batch",
        lambda: network(W, batch=10**6),
    ),
    "a graph that ends nowhere": (
        "unsupported_model.onnx_cannot_be_opened",
        lambda: through(helper.make_node("Softmax", ["nowhere"], ["y"]), shape=[None, 3]),
    ),
    "half a file": ("unsupported_model.not_a_model", lambda: network(W)[:-40]),
    "half a file, compressed": (
        "unsupported_model.unreadable",
        lambda: gzip.compress(network(np.random.default_rng(0).normal(size=(2, 2000))))[:-100],
    ),
    "a control flow": (
        "unsupported_model.onnx_control_flow",
        lambda: through(helper.make_node("Scan", ["x"], ["y"]), shape=[None, 3]),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_name(name: str, tmp_path: Path) -> None:
    code, make = REFUSED[name]
    assert refused_as(make(), tmp_path) == code


def test_there_are_many_of_them() -> None:
    assert len(REFUSED) >= 60


def test_the_honest_forms_of_these_operators_are_read(tmp_path: Path) -> None:
    for content in (tree(), linear(), svm()):
        path = tmp_path / "model.onnx"
        path.write_bytes(content)
        target = open_table_model(path)
        target = target.reading_scores(X, np.zeros(len(X), dtype=np.int64))
        assert target.classes.tolist() == [0, 1, 2]
        assert target.labels(X).shape == (300,)


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    model = onnx.load_from_string(network(W))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    assert refused_as(model.SerializeToString(), tmp_path) == "unsafe_model.onnx_external_data"


def test_a_loop_hidden_in_a_function_is_refused(tmp_path: Path) -> None:
    model = onnx.load_from_string(network(W))
    model.functions.add().name = "Softmax"
    assert refused_as(model.SerializeToString(), tmp_path) == "unsupported_model.onnx_custom_operators"


def test_a_model_that_turns_its_probabilities_into_something_else_later_is_caught(tmp_path: Path) -> None:
    """Honest about the records of the pool, and beyond 1 about others."""
    nodes = [helper.make_node("Abs", ["x"], ["y"])]
    path = tmp_path / "model.onnx"
    path.write_bytes(graph(nodes, [value("x", [None, 2])], [value("y", [None, 2])]))
    pool = np.array([[0.3, 0.7], [0.6, 0.4]] * 20)
    target = open_table_model(path).reading_scores(pool, np.zeros(40, dtype=np.int64))
    with pytest.raises(LeakgaugeError) as caught:
        target.probabilities(np.array([[3.0, 7.0]]))
    assert caught.value.code == NOT_PROBABILITIES


@pytest.mark.parametrize(
    ("content", "columns", "code"),
    [
        (network(W), 4, "bad_bundle.columns_do_not_fit"),
        (network(W)[:-40], 2, "unsupported_model.not_a_model"),
        (tree(class_ids=[0, -1]), 2, DAMAGED),
        (constant([0.9, 0.9, 0.1]), 2, NOT_PROBABILITIES),
    ],
    ids=["other columns", "half a file", "a damaged tree", "no probabilities"],
)
def test_a_bundle_with_such_a_file_is_refused(
    content: bytes, columns: int, code: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(80, columns))).add_prefix("c")
    table["label"] = rng.integers(0, 3, 80)
    assert refusal(table_bundle(tmp_path / "b", content, table[:40], table[40:])).code == code
