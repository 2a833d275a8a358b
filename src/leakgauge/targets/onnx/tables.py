"""ONNX files as classifiers of table rows: opened and checked, with the session that answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.exports import KERAS_FOLDER, SAVED_MODEL
from leakgauge.targets.onnx.engine import Session
from leakgauge.targets.onnx.file import read_onnx
from leakgauge.targets.onnx.ml_operators import texts_of
from leakgauge.targets.onnx.outputs import Outputs, asked_for, outputs_of
from leakgauge.targets.tables.inputs import TEXT, Entries, Entry, checked, width_of
from leakgauge.targets.tables.network import Answer, Facts, number_of_scores
from leakgauge.targets.tables.target import NetworkTarget, check_classes
from leakgauge.text import Sink, printable

PACKAGES = ("onnxruntime",)
MOST_AT_ONCE = 1_024
"""Records that a model may ask to be asked about at a time."""
_MISSING_CATEGORY = "nan"
"""How encoders of scikit-learn, written as ONNX, spell a missing text that they know as a category."""


def open_onnx_table(path: Path) -> NetworkTarget:
    """The classifier in an ONNX file; see `formats.Format`."""
    model = read_onnx(path, takes_tables=True)
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in stored]
    _check_constants(model.producer_name, inputs)
    texts = texts_of(model.graph.node)
    entries = Entries(
        checked([_entry(value) for value in inputs]), _MISSING_CATEGORY if _MISSING_CATEGORY in texts else ""
    )
    outputs = outputs_of(model.graph)
    engine = OnnxTableEngine(asked_for(model, outputs), outputs, _batch(inputs))
    classes, n_scores = _classes(outputs, engine, entries)
    return NetworkTarget(
        engine,
        entries,
        Facts(
            kind="ONNX graph",
            classes=classes,
            ending=outputs.ending,
            has_scores=outputs.scores is not None,
            packages=PACKAGES,
            may_be_number=n_scores == 1 and outputs.classes is None and outputs.label is None,
        ),
    )


def _check_constants(producer: str, inputs: list[onnx.ValueInfoProto]) -> None:
    """Refuse a graph that asks for what its own layers should know.

    Keras hands the values that Normalization keeps to tf2onnx as inputs, and nothing says them then.

    Raises
    ------
    UnsupportedModel
        `onnx_lost_constants`.
    """
    lost = [value.name for value in inputs if "/" in value.name and value.name.endswith(":0")]
    if producer == "tf2onnx" and lost:
        raise UnsupportedModel(
            "onnx_lost_constants",
            "The ONNX model asks for values that its own layers should hold "
            f"({printable(lost[0], Sink.MESSAGE, longest=100)}): they were lost when Keras exported it.",
            hint=f"Export it in two steps: {KERAS_FOLDER.format(model='model')}, then {SAVED_MODEL}.",
        )


class OnnxTableEngine:
    """Answers about rows of tables.

    Parameters
    ----------
    model
        gives the scores and the label of `outputs`, in this order.
    batch
        rows that it takes at a time, neither more nor fewer; None for any number.
    """

    def __init__(self, model: onnx.ModelProto, outputs: Outputs, batch: int | None) -> None:
        self.batch = batch
        self._session = Session(model)
        self._outputs = outputs

    def answers(self, feeds: Mapping[str, NDArray[Any]]) -> Answer:
        """What the model says of the rows."""
        found = [np.asarray(output) for output in self._session.run(feeds)]
        scores = found.pop(0) if self._outputs.scores is not None else None
        return Answer(scores, found.pop(0) if self._outputs.label is not None else None)


def _entry(value: onnx.ValueInfoProto) -> Entry:
    """What an input of the graph takes.

    Raises
    ------
    UnsupportedModel
        `onnx_input_type`, `not_a_table_model`.
    """
    tensor = value.type.tensor_type
    dtype = _dtype(tensor.elem_type) if value.type.HasField("tensor_type") else None
    if dtype is None:
        raise UnsupportedModel(
            "onnx_input_type",
            f"The ONNX model's input “{printable(value.name, Sink.MESSAGE, longest=100)}” takes neither "
            "numbers nor text.",
            hint="Export the model with inputs of floats, whole numbers, truth values or strings.",
        )
    if not tensor.HasField("shape"):
        return Entry(name=value.name, dtype=dtype, width=None)
    width, is_vector = width_of([axis.dim_value or None for axis in tensor.shape.dim], value.name)
    return Entry(name=value.name, dtype=dtype, width=width, is_vector=is_vector)


def _dtype(kind: int) -> np.dtype[Any] | None:
    if kind == onnx.TensorProto.STRING:
        return TEXT
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind))
    except KeyError:
        return None
    return dtype if dtype.kind in "fiub" else None  # not the short floats that NumPy does not know itself


def _batch(inputs: list[onnx.ValueInfoProto]) -> int | None:
    """Rows that all inputs take at a time; None for any number.

    Raises
    ------
    UnsupportedModel
        `onnx_fixed_batch` where they differ, or for more than are asked about at once.
    """
    first = {
        axes[0].dim_value
        for value in inputs
        if (axes := value.type.tensor_type.shape.dim) and axes[0].dim_value
    }
    if not first:
        return None
    if len(first) > 1 or max(first) > MOST_AT_ONCE:
        raise UnsupportedModel(
            "onnx_fixed_batch",
            "The ONNX model's inputs take different numbers of rows at a time."
            if len(first) > 1
            else f"The ONNX model takes exactly {max(first):,} rows at a time.",
            hint="Export the model with a free number of rows.",
        )
    return int(first.pop())


def _classes(outputs: Outputs, engine: OnnxTableEngine, entries: Entries) -> tuple[NDArray[Any], int | None]:
    """The labels that the file names, or the places of its scores, and the number of these, if known."""
    n_scores = outputs.n_scores
    if outputs.classes is not None:
        check_classes(len(outputs.classes))
        if n_scores in (None, len(outputs.classes)) or (n_scores == 1 and len(outputs.classes) == 2):
            return outputs.classes, n_scores
        if outputs.label is not None:
            return outputs.classes, n_scores  # of something else, and the target will see that
    if n_scores is None:
        n_scores = number_of_scores(engine, entries)
    return np.arange(check_classes(max(n_scores, 2))), n_scores
