"""Which outputs of an ONNX graph are class scores and labels, and which classes they stand for.

    skl2onnx       label, probabilities as a list of mappings (ZipMap), or as a matrix
    PyTorch        one matrix: logits, or probabilities where a softmax was exported with it
    Keras          one matrix of probabilities; one column where a sigmoid tells two classes apart

ZipMap only packs numbers into mappings. It is taken out of the graph: the numbers are read as they are,
and its keys are the classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.onnx.ml_operators import ML_DOMAIN
from leakgauge.targets.tables.heads import Ending
from leakgauge.text import Sink, printable

_PASS_ON: Final = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""Operators that change nothing about what their first input says."""
_FLOATS: Final = frozenset({onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16})
_LABELS: Final = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.STRING})
_ENDINGS: Final[dict[str, Ending]] = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_DEEPEST: Final = 1_000
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is asked of a graph.

    Attributes
    ----------
    scores, label
        names of its values; None where there is none.
    classes
        (n_classes,) labels in the order of the scores; None where the file does not name them.
    n_scores
        scores for each record; None where the file does not say.
    ending
        the last operation before the scores.
    """

    scores: str | None
    label: str | None
    classes: NDArray[Any] | None
    n_scores: int | None
    ending: Ending


def outputs_of(graph: onnx.GraphProto) -> Outputs:
    """What the outputs of a checked graph are.

    Raises
    ------
    UnsupportedModel
        `several_outputs` where several could be the class scores, `not_a_classifier` where none can.
    """
    made_by = {name: node for node in graph.node for name in node.output}
    declared = {output.name: output for output in graph.output}
    label = _label(graph.output)
    zipped = [node for name in declared for node in _sources(name, made_by) if node.op_type == "ZipMap"]
    if zipped:
        scores: str | None = zipped[0].input[0]
        classes = _class_labels(zipped[0])
        n_scores = None if classes is None else len(classes)
    else:
        scores = _scores(graph.output, made_by)
        n_scores = None if scores is None else _width(declared[scores])
        classes = _named_classes(graph, label, made_by)
    if scores is None and (label is None or classes is None):
        raise UnsupportedModel(
            "not_a_classifier",
            "The ONNX model gives no class scores"
            + ("." if label is None else ", and labels without saying which there are."),
            hint="Export the classifier with its probabilities: skl2onnx does by itself, and of a network "
            "the last layer is the output.",
        )
    ending: Ending = "other"
    if scores is not None:
        ending = next(
            (_ENDINGS[node.op_type] for node in _sources(scores, made_by) if node.op_type in _ENDINGS),
            "other",
        )
    return Outputs(scores, label, classes, n_scores, ending)


def asked_for(model: onnx.ModelProto, outputs: Outputs) -> onnx.ModelProto:
    """The model with the scores and the label as its outputs, in this order, and without ZipMap."""
    asked = onnx.ModelProto()
    asked.CopyFrom(model)
    del asked.graph.output[:]
    del asked.graph.node[:]
    asked.graph.node.extend(node for node in model.graph.node if node.op_type != "ZipMap")
    known = {value.name: value for value in (*model.graph.output, *model.graph.value_info)}
    for name in (outputs.scores, outputs.label):
        if name is not None:
            asked.graph.output.append(known.get(name, onnx.ValueInfoProto(name=name)))
    return asked


def _sources(name: str, made_by: dict[str, onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The operator that gives a value, and those before it as long as they pass something on."""
    for _ in range(_DEEPEST):
        node = made_by.get(name)
        if node is None:
            return
        yield node
        if node.op_type not in _PASS_ON or not node.input:
            return
        name = node.input[0]


def _type(output: onnx.ValueInfoProto) -> int | None:
    return output.type.tensor_type.elem_type if output.type.HasField("tensor_type") else None


def _width(output: onnx.ValueInfoProto) -> int | None:
    """Scores for each record that an output declares; 1 for a vector; None where it does not say."""
    tensor = output.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    if len(tensor.shape.dim) == 1:
        return 1
    return (tensor.shape.dim[1].dim_value or None) if len(tensor.shape.dim) == 2 else None


def _label(outputs: Sequence[onnx.ValueInfoProto]) -> str | None:
    """The one output of labels; of several the one that is called so."""
    found = [output.name for output in outputs if _type(output) in _LABELS]
    if len(found) > 1:
        found = [name for name in found if "label" in name.lower()]
    return found[0] if len(found) == 1 else None


def _scores(outputs: Sequence[onnx.ValueInfoProto], made_by: dict[str, onnx.NodeProto]) -> str | None:
    """The one output of numbers; of several the one that is called so, or ends as probabilities do."""
    found = [output.name for output in outputs if _type(output) in _FLOATS]
    if len(found) < 2:
        return found[0] if found else None
    called_so = [name for name in found if "prob" in name.lower()]
    ends_so = [name for name in found if any(node.op_type in _ENDINGS for node in _sources(name, made_by))]
    for narrowed in (called_so, ends_so):
        if len(narrowed) == 1:
            return narrowed[0]
    raise UnsupportedModel(
        "several_outputs",
        f"The ONNX model gives {len(found)} outputs of numbers ({_shown(found)}), and which of them "
        "are the class scores is not clear.",
        hint="Export the model with the class scores alone, in one output of shape (rows, classes), or call "
        "that output “probabilities”.",
    )


def _shown(names: Sequence[str]) -> str:
    return ", ".join(printable(name, Sink.MESSAGE, longest=_LONGEST_NAME) for name in names[:5])


def _named_classes(
    graph: onnx.GraphProto, label: str | None, made_by: dict[str, onnx.NodeProto]
) -> NDArray[Any] | None:
    """The classes that the operator behind the labels chooses among, in the order of its scores."""
    if label is None:
        return None
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in _sources(label, made_by):
        named = _class_labels(node)
        if named is not None:
            return named
        chooses = (
            node.op_type == "ArrayFeatureExtractor" and node.domain == ML_DOMAIN
        ) or node.op_type == "Gather"
        if chooses and node.input and node.input[0] in stored:
            return _as_labels(onnx.numpy_helper.to_array(stored[node.input[0]]).ravel().tolist())
    return None


def _class_labels(node: onnx.NodeProto) -> NDArray[Any] | None:
    for attribute in node.attribute:
        if attribute.name in ("classlabels_int64s", "classlabels_ints") and attribute.ints:
            return _as_labels(list(attribute.ints))
        if attribute.name == "classlabels_strings" and attribute.strings:
            return _as_labels(list(attribute.strings))
    return None


def _as_labels(values: Sequence[Any]) -> NDArray[Any] | None:
    """(n_classes,) different labels; None where they are none."""
    labels = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values]
    if len(labels) < 2 or len(set(labels)) != len(labels):
        return None
    return np.asarray(labels)
