"""The architecture that a Keras file describes, checked before Keras builds it.

A Keras configuration names classes and functions to call. Only Keras' own
layers, the operations of its functional API and the plain objects that they
take (initializers, regularizers, constraints, activations, data types) are on
the list; everything else is refused by name, with the reason that fits it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import keras

from leakgauge.errors import LimitExceeded, UnsafeModel, UnsupportedModel
from leakgauge.targets.exports import WITH_TENSORFLOW
from leakgauge.targets.keras.old_versions import translated
from leakgauge.targets.keras.operations import operation_modules

MAX_CONFIG_BYTES = 16 * 1024**2
MAX_CONFIG_DEPTH = 64
MAX_CONFIG_NODES = 400_000

_LAMBDAS = frozenset({"Lambda", "__lambda__"})
_FOREIGN_RUNTIMES = frozenset({"TFSMLayer", "TorchModuleWrapper", "FlaxLayer", "JaxLayer"})
_TABLES = frozenset(
    {"StringLookup", "IntegerLookup", "Hashing", "HashedCrossing", "CategoryEncoding", "Discretization"}
)
_TEXT_AND_TABLES = _TABLES | {"TextVectorization", "FeatureSpace"}
_GRAPH_OF_TENSORFLOW = "TensorFlowOpLayer"
_DATA = frozenset({"__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__"})
_CONTAINERS = frozenset({"Sequential", "Functional", "Model", "InputLayer"})
_REBUILD = 'Rebuild the model from Keras\' own layers and save it with model.save("model.keras").'


def read_config(text: str | bytes, *, takes_tables: bool = False) -> dict[str, Any]:
    """The configuration as a dictionary in the form of Keras 3, checked against the allow-list.

    Parameters
    ----------
    takes_tables
        whether layers that encode columns of tables are on it.

    Raises
    ------
    LimitExceeded
        for a configuration that is too large, too deep or has too many parts.
    UnsafeModel
        when it asks for code (Lambda layers, foreign modules, saved programs) or for another file.
    UnsupportedModel
        when it is no configuration, or asks for custom objects, layers for text and tables, or functions
        of TensorFlow that are not translated.
    """
    if len(text) > MAX_CONFIG_BYTES:
        raise _too_large("is larger than 16 MB")
    try:
        config = json.loads(text)
    except RecursionError as error:
        raise _too_large(f"is nested more than {MAX_CONFIG_DEPTH} deep") from error
    except ValueError as error:
        raise _malformed() from error
    for nodes, (_, depth) in enumerate(_walk(config), start=1):
        if depth > MAX_CONFIG_DEPTH:
            raise _too_large(f"is nested more than {MAX_CONFIG_DEPTH} deep")
        if nodes > MAX_CONFIG_NODES:
            raise _too_large(f"has more than {MAX_CONFIG_NODES:,} parts")
    config = translated(config)
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise _malformed()
    for node, _ in _walk(config):
        if isinstance(node, dict):
            _check_vocabulary(node)
            if "class_name" in node:
                _check_object(node, _TABLES if takes_tables else frozenset())
    if config.get("class_name") not in ("Sequential", "Functional", "Model"):
        raise UnsupportedModel(
            "subclassed_model",
            "The model is not a Sequential or functional Keras model.",
            hint=_REBUILD,
        )
    return config


def _walk(root: object) -> Iterator[tuple[object, int]]:
    """Every value of a JSON tree with its depth, without recursion."""
    waiting: list[tuple[object, int]] = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        if isinstance(node, dict):
            waiting.extend((child, depth + 1) for child in node.values())
        elif isinstance(node, list):
            waiting.extend((child, depth + 1) for child in node)


def _check_vocabulary(node: dict[str, Any]) -> None:
    """A vocabulary that is text is the name of a file, which Keras would read."""
    vocabulary = node.get("vocabulary")
    if vocabulary is None:
        return
    if not isinstance(vocabulary, list) or any(isinstance(word, dict | list) for word in vocabulary):
        raise UnsafeModel(
            "keras_vocabulary_file",
            "The model takes a vocabulary from another file; it was not read.",
            hint="Make the layer with the vocabulary itself, a list, or with adapt(), and save the model "
            "again.",
        )


def _check_object(node: dict[str, Any], of_tables: frozenset[str]) -> None:
    name, module = node["class_name"], node.get("module")
    registered = node.get("registered_name")
    if (
        not isinstance(name, str)
        or not isinstance(module, str | None)
        or not isinstance(registered, str | None)
    ):
        raise _malformed()
    if name in _LAMBDAS:
        raise UnsafeModel(
            "lambda_layer",
            "The model holds a Lambda layer, which is Python code; it was not run.",
            hint="Replace it with a built-in layer (Rescaling, Normalization, Resizing, ...) and save again.",
        )
    if name in _FOREIGN_RUNTIMES:
        raise UnsafeModel(
            "foreign_runtime_layer",
            f"The model holds a {name}, which runs a program of another framework.",
            hint=_REBUILD,
        )
    if name in _TEXT_AND_TABLES - of_tables:
        raise UnsupportedModel(
            "text_model",
            f"The model holds a {name} layer: it reads text or tables, not images."
            if name in _TABLES
            else f"The model holds a {name} layer, which is not read.",
            hint="The inversion audit takes image classifiers."
            if name in _TABLES
            else "Apply it to the data before the audit, and send the model without it.",
        )
    if name == _GRAPH_OF_TENSORFLOW:
        raise UnsupportedModel(
            "keras_2_operation_layer",
            f"The model holds a {name}, a graph of TensorFlow as Keras wrote it before TensorFlow 2.4.",
            hint=WITH_TENSORFLOW,
        )
    if name == "function":
        _check_function(node)
        return
    if name in _DATA or name in _CONTAINERS:
        return
    if module is not None and not _is_keras(module):
        raise UnsafeModel(
            "foreign_module",
            "The model asks for a class outside Keras; it was not imported.",
            hint=_REBUILD,
        )
    if name not in _known_classes() | of_tables and not (module is not None and name in operation_modules()):
        raise UnsupportedModel(
            "custom_object",
            "The model uses a class that is not one of Keras' own layers.",
            hint=_REBUILD,
        )


def _check_function(node: dict[str, Any]) -> None:
    """Only activations may be named as functions."""
    function = node.get("config")
    if node.get("module") not in (None, "builtins") and not _is_keras(str(node.get("module"))):
        raise UnsafeModel(
            "foreign_module",
            "The model asks for a function outside Keras; it was not imported.",
            hint=_REBUILD,
        )
    if not isinstance(function, str) or function not in _known_activations():
        raise UnsupportedModel(
            "custom_function",
            "The model names a function that is not one of Keras' activations.",
            hint="Use a built-in activation and save the model again.",
        )


def _is_keras(module: str) -> bool:
    return module == "keras" or module.startswith("keras.")


@cache
def _known_classes() -> frozenset[str]:
    """Names of Keras' public layers, initializers, regularizers, constraints and data-type policies."""
    refused = _LAMBDAS | _FOREIGN_RUNTIMES | _TEXT_AND_TABLES
    found: set[str] = set()
    for module in (
        keras.layers, keras.initializers, keras.regularizers, keras.constraints, keras.dtype_policies
    ):  # fmt: skip
        found.update(name for name in dir(module) if isinstance(getattr(module, name), type))
    # activations that keep state of their own are saved as layers; older files name these initializers
    found.update({"HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "DTypePolicy", "Policy"})
    return frozenset(found) - refused


@cache
def _known_activations() -> frozenset[str]:
    return frozenset(
        name
        for name in dir(keras.activations)
        if not name.startswith("_") and name not in ("get", "serialize", "deserialize")
    )


def _malformed() -> UnsupportedModel:
    return UnsupportedModel(
        "config_malformed",
        "The model file's architecture cannot be read.",
        hint='Save the model again with model.save("model.keras").',
    )


def _too_large(what: str) -> LimitExceeded:
    return LimitExceeded(
        "config_too_large",
        f"The model file's architecture {what}.",
        hint="Audit a smaller model.",
    )
