"""Keras files as classifiers of table rows: opened and checked, with the network that answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.keras.engine import one_thread
from leakgauge.targets.keras.file import activations, leaves, open_archive, open_hdf5
from leakgauge.targets.tables.heads import Ending
from leakgauge.targets.tables.inputs import TEXT, Entries, Entry, checked, width_of
from leakgauge.targets.tables.network import Answer, Facts, not_a_classifier
from leakgauge.targets.tables.target import NetworkTarget, check_classes
from leakgauge.text import Sink, printable

PACKAGES = ("keras", "tensorflow-cpu")
MOST_AT_ONCE = 1_024
"""Rows that the network is asked for at once."""
_CHUNK_NUMBERS = 64_000_000
"""Activations that they may take, in numbers; a quarter of a gigabyte."""


def open_keras_table(path: Path) -> NetworkTarget:
    """The classifier in a native `.keras` archive; see `formats.Format`."""
    one_thread()
    return _target(open_archive(path, takes_tables=True))


def open_hdf5_table(path: Path) -> NetworkTarget:
    """The classifier in an HDF5 file of Keras 2 or 3; see `formats.Format`."""
    one_thread()
    model = open_hdf5(path, takes_tables=True)
    _check_vocabularies(model)
    return _target(model)


class KerasTableEngine:
    """Answers about rows of tables, as a compiled TensorFlow function.

    Parameters
    ----------
    model
        a built Keras model with one output.
    """

    def __init__(self, model: keras.Model) -> None:
        self.batch = _batch(model)
        self._step = self.batch or int(np.clip(_CHUNK_NUMBERS // max(activations(model), 1), 1, MOST_AT_ONCE))
        # the same layers with their inputs in a list, whatever they were saved in
        flat = keras.Model(list(model.inputs), model.outputs[0])
        self._types = [(entry.name, entry.dtype) for entry in model.inputs]
        signature = [tf.TensorSpec(entry.shape, entry.dtype) for entry in model.inputs]
        self._function = tf.function(
            lambda *inputs: flat(list(inputs), training=False), input_signature=signature, autograph=False
        )

    def answers(self, feeds: Mapping[str, NDArray[Any]]) -> Answer:
        """What the network says of the rows."""
        rows = len(next(iter(feeds.values())))
        parts = [
            np.asarray(
                self._function(
                    *(tf.constant(feeds[name][at : at + self._step], dtype) for name, dtype in self._types)
                )
            )
            for at in range(0, rows, self._step)
        ]
        return Answer(np.concatenate(parts), None)


def _target(model: keras.Model) -> NetworkTarget:
    if len(model.outputs) != 1:
        raise UnsupportedModel(
            "several_outputs",
            f"The model gives {len(model.outputs)} outputs.",
            hint="Save a model with one row of class scores out.",
        )
    entries = Entries(checked([_entry(tensor) for tensor in model.inputs]))
    shape = tuple(model.outputs[0].shape)[1:]
    if len(shape) > 1 or shape == (None,):
        raise not_a_classifier()
    n_scores = shape[0] if shape else 1
    facts = Facts(
        kind=type(model).__name__,
        classes=np.arange(check_classes(max(n_scores, 2))),
        ending=_ending(model),
        has_scores=True,
        packages=PACKAGES,
        may_be_number=n_scores == 1,
    )
    return NetworkTarget(KerasTableEngine(model), entries, facts)


def _check_vocabularies(model: keras.Model) -> None:
    """Refuse layers whose vocabulary was learned with `adapt`: HDF5 files of Keras leave it out.

    Raises
    ------
    UnsupportedModel
        `keras_vocabulary_missing`.
    """
    for layer in leaves(model):
        is_lookup = isinstance(layer, keras.layers.StringLookup | keras.layers.IntegerLookup)
        if is_lookup and layer.get_config().get("vocabulary") is None:
            raise UnsupportedModel(
                "keras_vocabulary_missing",
                f"The HDF5 file holds a {type(layer).__name__} layer without its vocabulary, which Keras "
                "leaves out of such files.",
                hint='Save the model with model.save("model.keras") and send that file.',
            )


def _entry(tensor: Any) -> Entry:
    width, is_vector = width_of(tuple(tensor.shape), tensor.name)
    kind = str(tensor.dtype)
    try:
        dtype = TEXT if kind == "string" else np.dtype(kind)
    except TypeError as error:
        raise UnsupportedModel(
            "keras_input_type",
            f"The model's input “{printable(tensor.name, Sink.MESSAGE, longest=100)}” is of type {kind}, "
            "which no table holds.",
            hint="Save the model with inputs of float32, whole numbers or text.",
        ) from error
    return Entry(name=tensor.name, dtype=dtype, width=width, is_vector=is_vector)


def _batch(model: keras.Model) -> int | None:
    """Rows that the network takes at a time; None for any number.

    Raises
    ------
    UnsupportedModel
        `keras_fixed_batch` where its inputs differ, or for more than are asked about at once.
    """
    lengths = {tensor.shape[0] for tensor in model.inputs} - {None}
    if not lengths:
        return None
    if len(lengths) > 1 or max(lengths) > MOST_AT_ONCE:
        raise UnsupportedModel(
            "keras_fixed_batch",
            f"The model takes exactly {max(lengths):,} rows at a time.",
            hint="Build the model with keras.Input(shape=...), without a batch size, and save it again.",
        )
    return int(lengths.pop())


def _ending(model: keras.Model) -> Ending:
    """The activation that the last layer names."""
    operation = model.outputs[0]._keras_history.operation
    while isinstance(operation, keras.Model):
        operation = operation.outputs[0]._keras_history.operation
    activation = getattr(operation, "activation", None)
    if activation is keras.activations.softmax or isinstance(operation, keras.layers.Softmax):
        return "softmax"
    return "sigmoid" if activation is keras.activations.sigmoid else "other"
