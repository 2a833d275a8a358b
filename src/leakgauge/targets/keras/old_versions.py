"""Configurations that Keras 2 wrote, as Keras 3 writes them.

Keras 3 reads files of Keras 2 and takes them at their word: an argument that a layer no longer has, a module
that was renamed or a reference counted in the old way ends in an error. Here each is put into today's form.
Nothing is imported for a name in the file and nothing runs; the configuration is checked afterwards, as one
of today's is, which goes through here too and comes out as it was.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import keras

from leakgauge.targets.keras.old_nodes import layer_name, translate_nodes
from leakgauge.targets.keras.operations import operation_modules

_MODULES: Final = {
    "Sequential": "keras",
    "Model": "keras",
    "Functional": "keras.src.models.functional",
}
"""Where Keras 3 keeps what Keras 2 kept elsewhere."""
_ANY: Final = object()
_WITHOUT_EFFECT: Final[Mapping[str, object]] = {
    "groups": 1,
    "time_major": False,
    "renorm": False,
    "noise_shape": None,
    "trainable": _ANY,  # of layers without weights
    "fused": _ANY,
    "implementation": _ANY,
    **dict.fromkeys(("query_shape", "key_shape", "value_shape"), _ANY),  # follow from the inputs
    # of convolutions whose kernels have other names
    **dict.fromkeys(("kernel_initializer", "kernel_regularizer", "kernel_constraint"), _ANY),
}
"""Settings that some layers of Keras 3 no longer take, with the value that changes no answer."""
_ACTIVATIONS: Final = {"softmax_v2": "softmax", "leaky_relu_v2": "leaky_relu"}
"""Functions of TensorFlow that were given as activations, by the names that they have in files."""
_OF_EVERY_LAYER: Final = frozenset({"name", "trainable", "dtype", "activity_regularizer"})


def translated(config: Any) -> Any:
    """The configuration, or a part of it, in the form of Keras 3.

    Parameters
    ----------
    config
        parsed JSON, whose depth was checked.

    Raises
    ------
    UnsupportedModel
        `keras_2_operation_layer` for a function of TensorFlow that is not translated.
    """
    if isinstance(config, list):
        return [translated(part) for part in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") in ("__tuple__", "TensorShape") and isinstance(config.get("items"), list):
        return translated(config["items"])
    if config.get("class_name") == "__numpy__" and _is_number(config.get("config")):
        return config["config"]["value"]
    if config.get("class_name") == "function" and config.get("config") in _ACTIVATIONS:
        return _ACTIVATIONS[config["config"]]
    if not isinstance(config.get("class_name"), str) or "config" not in config:
        return {key: translated(value) for key, value in config.items()}
    return _object(config)


def _object(node: dict[str, Any]) -> Any:
    """A class with what it is made from."""
    name, settings = node["class_name"], node["config"]
    if name == "Sequential":
        settings = _with_input(settings)
    # how it was compiled for training is left out: no answer depends on it
    outer = {key: translated(value) for key, value in node.items() if key not in ("config", "compile_config")}
    settings = translated(settings)
    if not isinstance(settings, dict):
        return {**outer, "config": settings}
    if name == "Policy" and isinstance(settings.get("name"), str):
        return settings["name"]
    if name == "ThresholdedReLU":  # passes on what lies above, as today's ReLU can
        outer |= {"class_name": "ReLU", "module": "keras.layers", "registered_name": None}
        settings["threshold"] = settings.pop("theta", 1.0)
    module = outer.get("module")
    if (_is_of_keras(module) and name in _MODULES) or module is None:
        found = _module_of(outer["class_name"], is_layer="trainable" in settings)
        outer |= {} if found is None else {"module": found, "registered_name": None}
    if name in ("Functional", "Model") and isinstance(settings.get("layers"), list):
        settings = translate_nodes(settings)
    if name == "InputLayer" and "batch_input_shape" in settings:
        settings["batch_shape"] = settings.pop("batch_input_shape")
    built: Any = outer.get("build_config")
    if isinstance(built, dict) and "input_shape" in built and _is_built_from_several(outer["class_name"]):
        del outer["build_config"]  # it tells one shape, as Keras 2 did, and calls tell them all
    return {**outer, "config": _taken(outer["class_name"], settings)}


def _module_of(name: str, *, is_layer: bool) -> str | None:
    """Where today's class of this name is, which older files and HDF5 leave open."""
    if name in _MODULES:
        return _MODULES[name]
    if not is_layer and name in operation_modules():
        return operation_modules()[name]  # a layer may be called so too, and says whether it is trainable
    places = ("layers", "initializers", "regularizers", "constraints")
    return next((f"keras.{place}" for place in places if _is_in(name, place)), None)


def _is_in(name: str, place: str) -> bool:
    return isinstance(getattr(getattr(keras, place), name, None), type)


def _is_number(array: object) -> bool:
    """Whether an array holds one number, as TensorFlow 2.12 writes settings."""
    return isinstance(array, dict) and isinstance(array.get("value"), int | float)


def _is_of_keras(module: object) -> bool:
    return isinstance(module, str) and module.startswith("keras.")


def _taken(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without those that today's class does not take and that change no answer."""
    layer = _layers().get(name)
    if layer is not None:
        axis = settings.get("axis")
        one = isinstance(axis, list) and len(axis) == 1
        kept = {key: value for key, value in settings.items() if key != "batch_input_shape"}
        kept |= {"axis": axis[0]} if isinstance(axis, list) and one else {}
        kept |= {"name": layer_name(settings["name"])} if "name" in settings else {}
        taken = _parameters(layer)
        return {key: value for key, value in kept.items() if key in taken or not _has_no_effect(key, value)}
    of_training = _of_training().get(name)
    if of_training is None:
        return settings
    taken = _parameters(of_training)
    return {key: value for key, value in settings.items() if key in taken}


def _has_no_effect(key: str, value: object) -> bool:
    harmless = _WITHOUT_EFFECT.get(key, ...)
    return harmless is _ANY or (harmless is not ... and harmless == value)


def _with_input(settings: Any) -> Any:
    """A Sequential that says in its first layer what it takes, with an input layer that does."""
    if isinstance(settings, list):  # as Keras wrote until 2.2
        settings = {"name": "sequential", "layers": settings}
    layers = settings.get("layers") if isinstance(settings, dict) else None
    if not isinstance(layers, list) or not layers or not isinstance(layers[0], dict):
        return settings
    first: Any = layers[0].get("config")
    shape = first.get("batch_input_shape") if isinstance(first, dict) else None
    if layers[0].get("class_name") == "InputLayer" or not isinstance(shape, list | dict):
        return settings
    dtype = first.get("dtype")
    entry = {"batch_shape": shape, "dtype": dtype if isinstance(dtype, str) else "float32"}
    return {**settings, "layers": [{"class_name": "InputLayer", "config": entry}, *layers]}


@cache
def _is_built_from_several(name: str) -> bool:
    """Whether today's layer needs more than one shape to be built."""
    layer: Any = _layers().get(name)
    if layer is None:
        return False
    shapes = list(inspect.signature(layer.build).parameters.values())[1:]
    return sum(one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD for one in shapes) > 1


@cache
def _layers() -> Mapping[str, type]:
    return _classes_of([keras.layers])


@cache
def _of_training() -> Mapping[str, type]:
    """What decides how weights are made and trained, and not what a trained model answers."""
    return _classes_of([keras.initializers, keras.regularizers, keras.constraints])


def _classes_of(modules: Sequence[Any]) -> dict[str, type]:
    found = ((name, getattr(module, name)) for module in modules for name in dir(module))
    return {name: value for name, value in found if isinstance(value, type)}


@cache
def _parameters(kind: type) -> frozenset[str]:
    """The settings that the constructor of a class takes."""
    parameters = inspect.signature(kind).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    return frozenset(parameters) | (_OF_EVERY_LAYER if open_ended else frozenset())
