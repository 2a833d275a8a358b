"""The constant arithmetic that an ONNX graph does to an image before anything else."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from leakgauge.targets.images.ranges import Entrance

_PASS_ON: Final = frozenset({"Cast", "Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Resize"})
_MOST_STEPS: Final = 12
_MOST_CONSTANTS: Final = 64
"""Numbers of a constant that is taken for one of each channel, or for one of all."""


def entrance_of(graph: onnx.GraphProto, entry: str) -> Entrance | None:
    """What happens to a pixel of the input `entry` first; None where no arithmetic does."""
    constants = _constants(graph)
    factor, offset = np.ones(1), np.zeros(1)
    does_something = False
    name = entry
    for _ in range(_MOST_STEPS):
        users = [node for node in graph.node if name in node.input]
        if len(users) != 1 or not users[0].output:
            break
        node = users[0]
        if node.op_type not in _PASS_ON:
            value = _other(node, name, constants)
            if value is None:
                break
            first = node.input[0] == name
            match node.op_type:
                case "Add":
                    offset = offset + value
                case "Sub":
                    factor, offset = (factor, offset - value) if first else (-factor, value - offset)
                case "Mul":
                    factor, offset = factor * value, offset * value
                case "Div" if first and value.all():
                    factor, offset = factor / value, offset / value
                case _:
                    break
            does_something = True
        name = node.output[0]
    return Entrance.of(factor, offset) if does_something else None


def _constants(graph: onnx.GraphProto) -> dict[str, NDArray[np.float64]]:
    stored = [(tensor.name, tensor) for tensor in graph.initializer]
    stored += [
        (node.output[0], node.attribute[0].t)
        for node in graph.node
        if node.op_type == "Constant" and node.output and node.attribute and node.attribute[0].HasField("t")
    ]
    found = {}
    for name, tensor in stored:
        if np.prod(tensor.dims, dtype=np.int64) <= _MOST_CONSTANTS and tensor.data_type in (
            onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16
        ):  # fmt: skip
            found[name] = onnx.numpy_helper.to_array(tensor).astype(np.float64).ravel()
    return found


def _other(
    node: onnx.NodeProto, name: str, constants: dict[str, NDArray[np.float64]]
) -> NDArray[np.float64] | None:
    """The constant that a node of two inputs takes besides; None where there is none of a usable shape."""
    if len(node.input) != 2:
        return None
    value = constants.get(node.input[0] if node.input[1] == name else node.input[1])
    return value if value is not None and len(value) in (1, 3, 4) else None
