"""How layers are joined in a graph, and functions of TensorFlow between them: from Keras 2 to Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.exports import WITH_TENSORFLOW
from leakgauge.targets.keras.operations import operation_modules
from leakgauge.text import Sink, printable

_CONSTANT: Final = "_CONSTANT_VALUE"
_CALLS: Final = frozenset({"TFOpLambda", "SlicingOpLambda"})
_MODELS: Final = frozenset({"Functional", "Model", "Sequential"})


@dataclass(frozen=True, slots=True)
class _Operation:
    """What Keras 3 calls a function of TensorFlow.

    Attributes
    ----------
    name
        the operation's class.
    places
        the function's parameters that become arguments of the call, in order.
    settings
        its other parameters, as the operation's constructor calls them.
    fixed
        settings that the function implies.
    """

    name: str
    places: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, object] = field(default_factory=dict)


_REDUCED: Final = {"axis": "axis", "keepdims": "keepdims"}
_AXIS: Final = {"axis": "axis"}
_TWO: Final = {
    "__operators__.add": "Add", "math.add": "Add", "math.subtract": "Subtract",
    "math.multiply": "Multiply", "math.truediv": "TrueDivide", "math.divide": "TrueDivide",
    "math.floordiv": "FloorDivide", "math.floormod": "Mod", "math.pow": "Power",
    "math.maximum": "Maximum", "math.minimum": "Minimum", "math.divide_no_nan": "DivideNoNan",
    "math.greater": "Greater", "math.greater_equal": "GreaterEqual", "math.less": "Less",
    "math.less_equal": "LessEqual", "math.equal": "Equal", "math.not_equal": "NotEqual",
    "math.logical_and": "LogicalAnd", "math.logical_or": "LogicalOr",
}  # fmt: skip
_ONE: Final = {
    "math.negative": "Negative", "math.abs": "Absolute", "math.sqrt": "Sqrt", "math.square": "Square",
    "math.exp": "Exp", "math.log": "Log", "math.log1p": "Log1p", "math.sin": "Sin", "math.cos": "Cos",
    "math.sign": "Sign", "math.round": "Round", "math.floor": "Floor", "math.ceil": "Ceil",
    "math.reciprocal": "Reciprocal", "math.tanh": "Tanh", "nn.tanh": "Tanh",
}  # fmt: skip
_REDUCTIONS: Final = {
    "mean": "Mean", "sum": "Sum", "max": "Max", "min": "Min", "prod": "Prod", "std": "Std", "variance": "Var"
}  # fmt: skip
_OPERATIONS: Final[Mapping[str, _Operation]] = {
    **{function: _Operation(name, ("x", "y")) for function, name in _TWO.items()},
    **{function: _Operation(name, ("x",)) for function, name in _ONE.items()},
    **{
        f"math.reduce_{function}": _Operation(name, ("input_tensor",), settings=_REDUCED)
        for function, name in _REDUCTIONS.items()
    },
    **{
        f"nn.{function}": _Operation(name, ("features",))
        for function, name in (
            ("relu", "Relu"), ("relu6", "Relu6"), ("elu", "Elu"), ("selu", "Selu"), ("silu", "Silu"),
            ("swish", "Silu"), ("softplus", "Softplus"), ("softsign", "Softsign"),
        )
    },
    **dict.fromkeys(("math.sigmoid", "nn.sigmoid"), _Operation("Sigmoid", ("x",))),
    "math.softplus": _Operation("Softplus", ("features",)),
    "nn.gelu": _Operation(
        "Gelu", ("features",), {"approximate": "approximate"}, {"approximate": False}
    ),
    "nn.leaky_relu": _Operation("LeakyRelu", ("features",), {"alpha": "negative_slope"}),
    "nn.softmax": _Operation("Softmax", ("logits",), _AXIS, {"axis": -1}),
    "nn.log_softmax": _Operation("LogSoftmax", ("logits",), _AXIS, {"axis": -1}),
    "nn.bias_add": _Operation("Add", ("value", "bias")),
    "linalg.matmul": _Operation("Matmul", ("a", "b")),
    "reshape": _Operation("Reshape", ("tensor",), settings={"shape": "newshape"}),
    **dict.fromkeys(
        ("transpose", "compat.v1.transpose"), _Operation("Transpose", ("a",), settings={"perm": "axes"})
    ),
    "expand_dims": _Operation("ExpandDims", ("input",), settings=_AXIS),
    **dict.fromkeys(("squeeze", "compat.v1.squeeze"), _Operation("Squeeze", ("input",), settings=_AXIS)),
    "concat": _Operation("Concatenate", ("values",), settings=_AXIS),
    "stack": _Operation("Stack", ("values",), settings=_AXIS),
    "tile": _Operation("Tile", ("input",), settings={"multiples": "repeats"}),
    "reverse": _Operation("Flip", ("tensor",), settings=_AXIS),
    "where": _Operation("Where", ("condition", "x", "y")),
    "cast": _Operation("Cast", ("x",), {"dtype": "dtype"}),
    **dict.fromkeys(
        ("identity", "stop_gradient"), _Operation("StopGradient", ("input",))
    ),
    "clip_by_value": _Operation(
        "Clip", ("t",), settings={"clip_value_min": "x_min", "clip_value_max": "x_max"}
    ),
    "image.resize": _Operation(
        "Resize", ("images",), {"size": "size", "method": "interpolation", "antialias": "antialias"}
    ),
    "image.rgb_to_grayscale": _Operation("RGBToGrayscale", ("images",)),
    "__operators__.getitem": _Operation("GetItem", ("tensor", "slice_spec")),
}  # fmt: skip
_WITHOUT_EFFECT: Final[tuple[object, ...]] = (None, False, "NHWC", "channels_last", {})


def translate_nodes(graph: dict[str, Any]) -> dict[str, Any]:
    """The settings of a functional model, with its nodes and functions in the form of Keras 3.

    Keras 2 writes a node as a list of [layer, node, tensor, keywords], and counts the nodes of a model inside
    another from 1. A function of TensorFlow is a layer of its own there.

    Raises
    ------
    UnsupportedModel
        `keras_2_operation_layer`.
    """
    layers = [layer for layer in graph["layers"] if isinstance(layer, dict)]
    if not any(_is_old(node) for layer in layers for node in _nodes(layer)):
        return graph
    reader = _Reader(
        names=frozenset(_name(layer) for layer in layers),
        nested={_name(layer): layer["class_name"] for layer in layers if _is_model(layer)},
    )
    return {
        **graph,
        "layers": [_layer(layer, reader) for layer in layers],
        "input_layers": reader.ends(graph.get("input_layers")),
        "output_layers": _unwrapped(reader.ends(graph.get("output_layers"))),
    }


def layer_name(name: Any) -> Any:
    """A layer's name, without the slashes that Keras 3 takes no more."""
    return name.replace("/", ".") if isinstance(name, str) else name


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what nodes refer to: names of layers, and the classes of those that are models."""

    names: frozenset[str]
    nested: Mapping[str, str]

    def call(self, node: Any, *, keeps_lists: bool) -> tuple[list[Any], dict[str, Any]]:
        """The arguments and keywords of the call that a node stands for."""
        if self.is_reference(node):
            keywords = node[3] if len(node) > 3 else {}
            arguments = [self.value(node[:3])]
        else:
            keywords = next((part[3] for part in reversed(node) if len(part) > 3), {})
            inputs = [self.value(part[:3]) for part in node]
            arguments = inputs if len(inputs) == 1 and not keeps_lists else [inputs]
        return arguments, {key: self.value(value) for key, value in dict(keywords).items()}

    def is_reference(self, value: Any) -> bool:
        """Whether it is [layer, node, tensor], with or without keywords, or a constant in its place."""
        if not isinstance(value, list) or len(value) not in (3, 4) or not isinstance(value[0], str):
            return False
        return value[0] == _CONSTANT or (
            value[0] in self.names and type(value[1]) is int and type(value[2]) is int
        )

    def value(self, value: Any) -> Any:
        """A value among the arguments, with its references as tensors."""
        if self.is_reference(value):
            return value[2] if value[0] == _CONSTANT else self._tensor(*value[:3])
        if isinstance(value, list) and any(isinstance(part, list) for part in value):
            return [self.value(part) for part in value]
        return value

    def _tensor(self, layer: str, node: int, tensor: int) -> dict[str, Any]:
        place = max(node - 1, 0) if layer in self.nested else node
        # the shape is that of the tensor with this history, whatever stands here
        history = [layer_name(layer), place, tensor]
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": [None], "dtype": "float32", "keras_history": history},
        }

    def ends(self, outputs: Any) -> Any:
        """The model's inputs or outputs. Keras 3 counts the nodes of a Functional here as Keras 2 does."""
        if self.is_reference(outputs):
            layer, node, *tensor = outputs
            place = max(node - 1, 0) if self.nested.get(layer) == "Sequential" else node
            return [layer_name(layer), place, *tensor]
        return [self.ends(part) for part in outputs] if isinstance(outputs, list) else outputs


def _unwrapped(ends: Any) -> Any:
    """The one output instead of a list of it, which a model would answer with in Keras 3."""
    return ends[0] if isinstance(ends, list) and len(ends) == 1 else ends


def _nodes(layer: Mapping[str, Any]) -> list[Any]:
    nodes = layer.get("inbound_nodes")
    return nodes if isinstance(nodes, list) else []


def _name(layer: Mapping[str, Any]) -> str:
    return str(layer.get("name"))


def _is_old(node: object) -> bool:
    return isinstance(node, list) and bool(node)


def _is_model(layer: Mapping[str, Any]) -> bool:
    return layer.get("class_name") in _MODELS


def _layer(layer: dict[str, Any], reader: _Reader) -> dict[str, Any]:
    is_call = layer.get("class_name") in _CALLS
    try:
        calls = [reader.call(node, keeps_lists=is_call) if _is_old(node) else node for node in _nodes(layer)]
    except (TypeError, ValueError, IndexError):
        return layer  # Keras says what is wrong with it
    layer = {**layer, "name": layer_name(layer.get("name"))}
    if is_call:
        return _function(layer, [call for call in calls if isinstance(call, tuple)])
    nodes = [{"args": call[0], "kwargs": call[1]} if isinstance(call, tuple) else call for call in calls]
    return {**layer, "inbound_nodes": nodes}


def _function(layer: Mapping[str, Any], calls: list[tuple[list[Any], dict[str, Any]]]) -> dict[str, Any]:
    """The operation of Keras 3 for a function of TensorFlow, called in a layer of its own."""
    function = layer["config"].get("function") if isinstance(layer["config"], dict) else None
    operation = _OPERATIONS.get(function) if isinstance(function, str) else None
    if operation is None:
        raise _untranslated(function)
    settings: dict[str, object] = dict(operation.fixed)
    nodes = []
    for arguments, keywords in calls:
        given = {operation.places[0]: arguments[0], **keywords}
        places = [given.pop(place) for place in operation.places if place in given]
        settings |= {
            name: given.pop(key) for key, name in operation.settings.items() if given.get(key) is not None
        }
        # a setting that is left has none here: only without effect may it go
        if any(key != "name" and value not in _WITHOUT_EFFECT for key, value in given.items()):
            raise _untranslated(function)
        if operation.name == "GetItem" and len(places) == 2:
            places[1] = [_slice(part) for part in (places[1] if isinstance(places[1], list) else [places[1]])]
        nodes.append({"args": [_constant(place) for place in places], "kwargs": {}})
    return {
        "module": operation_modules()[operation.name],
        "class_name": operation.name,
        "config": {"name": layer.get("name"), **settings},
        "registered_name": operation.name,
        "name": layer.get("name"),
        "inbound_nodes": nodes,
    }


def _constant(value: Any) -> Any:
    """An argument of a call; an array as Keras 3 writes it."""
    if not isinstance(value, list) or any(isinstance(part, dict) for part in value):
        return value
    return {"class_name": "__numpy__", "config": {"value": value, "dtype": "float32"}}


def _slice(value: Any) -> Any:
    """An index, a slice or an ellipsis, as Keras 3 writes it."""
    if isinstance(value, dict) and value.keys() == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": value}
    if isinstance(value, dict) and value.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    return value


def _untranslated(function: object) -> UnsupportedModel:
    name = f"tf.{function}" if isinstance(function, str) else "a function"
    return UnsupportedModel(
        "keras_2_operation_layer",
        f"The model calls {printable(name, Sink.MESSAGE, longest=60)} between its layers, as Keras 2 wrote "
        "it, which is not translated.",
        hint=WITH_TENSORFLOW,
    )
