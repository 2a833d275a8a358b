"""Opening an ONNX file: standard operators only, nothing outside the file, no loops."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx

from leakgauge.errors import LimitExceeded, UnsafeModel, UnsupportedModel
from leakgauge.targets.compression import decompress
from leakgauge.targets.onnx.ml_operators import ML_DOMAIN, check_ml_operator

MAX_BYTES = 1024**3
MAX_NODES = 50_000
MAX_DECLARED = 200_000_000
"""Numbers that the stored arrays may declare."""
MAX_WORDS = 100_000
"""Places that a vectoriser of texts may count words in."""

_STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
_CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
_EXPORT_AGAIN = "Export the model again with tf2onnx or torch.onnx at a standard operator set, in one file."


def read_onnx(path: Path, *, takes_tables: bool = False) -> onnx.ModelProto:
    """The model in `path`, checked.

    Parameters
    ----------
    takes_tables
        whether it may use the operators for tables too; see `ml_operators`.

    Raises
    ------
    UnsafeModel
        for weights in other files.
    UnsupportedModel
        for a file that is no ONNX model, custom operators, control flow, or operators for tables whose
        parts contradict each other.
    LimitExceeded
        for a file, or declared arrays, that are too large.
    """
    if path.stat().st_size > MAX_BYTES:
        raise LimitExceeded(
            "onnx_too_large", "The ONNX model is larger than 1 GB.", hint="Audit a smaller model."
        )
    content = decompress(path.read_bytes(), limit=MAX_BYTES)
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's errors have no base that is typed, and depend on its version
        raise not_a_model() from error
    if not model.graph.node or not model.opset_import:
        raise not_a_model()
    if model.functions:
        _refuse_operators()
    _check_nodes(model.graph.node, is_of_scikit_learn=model.producer_name == "skl2onnx")
    for node in model.graph.node:
        if node.domain == ML_DOMAIN and takes_tables:
            check_ml_operator(node)
        elif node.domain not in _STANDARD_DOMAINS:
            _refuse_operators()
    _check_tensors(model.graph)
    return model


def not_a_model() -> UnsupportedModel:
    """The error for a file that no reader here recognises."""
    return UnsupportedModel(
        "not_a_model",
        "The model file is neither a .keras archive nor a Keras HDF5 file nor an ONNX model.",
        hint='Save the model with model.save("model.keras"), or export it to ONNX.',
    )


def _check_nodes(nodes: Iterable[onnx.NodeProto], *, is_of_scikit_learn: bool) -> None:
    for count, node in enumerate(nodes, start=1):
        if count > MAX_NODES:
            raise LimitExceeded(
                "onnx_too_many_nodes",
                f"The ONNX model has more than {MAX_NODES:,} operators.",
                hint="Audit a smaller model.",
            )
        if node.op_type in _CONTROL_FLOW:
            raise UnsupportedModel(
                "onnx_control_flow",
                f"The ONNX model holds {node.op_type}: its work on a record cannot be bounded.",
                hint="Send the scikit-learn model itself, saved with pickle, joblib or skops."
                if is_of_scikit_learn
                else "Export the model without loops or branches.",
            )
        for attribute in node.attribute:
            # the highest place alone says how wide a row is that it makes
            if attribute.name == "ngram_indexes" and max(attribute.ints, default=0) > MAX_WORDS:
                raise _declares_too_much(f"rows of more than {MAX_WORDS:,} words")


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _check_tensors(graph: onnx.GraphProto) -> None:
    declared = 0
    for tensor in _tensors(graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise UnsafeModel(
                "onnx_external_data",
                "The ONNX model keeps weights in another file.",
                hint="Save it in one file: onnx.save_model(model, path, save_as_external_data=False).",
            )
        declared += math.prod(tensor.dims)
        if declared > MAX_DECLARED:
            raise _declares_too_much(f"more than {MAX_DECLARED // 10**6} million weights")


def _declares_too_much(what: str) -> LimitExceeded:
    return LimitExceeded(
        "onnx_declares_too_much", f"The ONNX model declares {what}.", hint="Audit a smaller model."
    )


def _refuse_operators() -> None:
    raise UnsupportedModel(
        "onnx_custom_operators",
        "The ONNX model uses operators outside the standard set.",
        hint=_EXPORT_AGAIN,
    )
