"""Opening a Keras file: the native `.keras` archive and the older HDF5 file, Keras 2's included.

Order of work: the container is checked (archive members, HDF5 links and
sizes), then the architecture against an allow-list, then the model is built
once without memory for its weights, so that a file which declares terabytes is
refused for what it declares. Only then does Keras load it, in safe mode and
uncompiled, from the very bytes that were checked. `tf_keras` is never a
fallback: it runs Lambda layers silently.
"""

from __future__ import annotations

import io
import json
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from leakgauge.errors import LeakgaugeError, LimitExceeded, UnsafeModel, UnsupportedModel
from leakgauge.targets.keras.config import MAX_CONFIG_BYTES, read_config
from leakgauge.targets.keras.hdf5 import MAX_BYTES, check_contents, damaged

LARGEST_BYTE_FACTOR = 0.05
MAX_PARAMETERS = 200_000_000
MAX_ACTIVATIONS = 64_000_000
"""Numbers that the layers' outputs may hold for one record; VGG-16 has 15 million at 224 × 224."""
MAX_VOCABULARY_BYTES = 64 * 1024**2

_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
_MEMBERS = frozenset({_CONFIG, _WEIGHTS, "metadata.json"})
_VOCABULARY = re.compile(r"assets/(?:\w[\w .-]*/)+vocabulary\.txt", re.ASCII)
_SAVE_WHOLE = 'Save the whole model with model.save("model.keras") and send that file.'


def open_archive(path: Path, *, takes_tables: bool = False) -> keras.Model:
    """The model in a native `.keras` archive, whatever the file is called.

    Parameters
    ----------
    takes_tables
        whether it may hold layers that encode columns of tables, and their vocabularies.

    Raises
    ------
    UnsafeModel, UnsupportedModel, LimitExceeded
        each with its own problem word; see `hdf5`, `config` and this module.
    """
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if len(set(names)) != len(names):
            raise UnsafeModel(
                "keras_duplicate_members",
                "The .keras archive holds two members of the same name.",
                hint=_SAVE_WHOLE,
            )
        extra = set(names) - _MEMBERS
        vocabularies = sorted(name for name in extra if takes_tables and _VOCABULARY.fullmatch(name))
        if len(vocabularies) < len(extra):
            raise UnsupportedModel(
                "keras_extra_members",
                "The .keras archive holds more than an architecture, weights and vocabularies."
                if takes_tables
                else "The .keras archive holds more than an architecture and weights, such as vocabularies.",
                hint="Remove the layers that keep files and save the model again.",
            )
        if _WEIGHTS not in names:
            raise UnsupportedModel(
                "keras_weights_missing", "The .keras archive holds no model.weights.h5.", hint=_SAVE_WHOLE
            )
        text = _without_compilation(_read(archive, _CONFIG, MAX_CONFIG_BYTES))
        config = read_config(text, takes_tables=takes_tables)
        weights = _read(archive, _WEIGHTS, MAX_BYTES)
        left = MAX_VOCABULARY_BYTES
        for name in vocabularies:  # Keras unpacks them whole
            left -= len(_read(archive, name, left))
    with _hdf5(io.BytesIO(weights)) as file:
        check_contents(file)
    _check_blueprint(lambda: keras.saving.deserialize_keras_object(config, safe_mode=True))
    # the public loader goes by the file's name; this is what it calls for a name that ends in .keras
    from keras.src.saving import saving_lib

    return _loaded(lambda: saving_lib.load_model(io.BytesIO(content), compile=False, safe_mode=True))


def open_hdf5(path: Path, *, takes_tables: bool = False) -> keras.Model:
    """The model in an HDF5 file of Keras 2 or 3, whatever the file is called.

    Parameters
    ----------
    takes_tables
        whether it may hold layers that encode columns of tables.

    Raises
    ------
    UnsafeModel, UnsupportedModel, LimitExceeded
        as `open_archive`; and `weights_only` for a file without an architecture.
    """
    content = path.read_bytes()
    with _hdf5(io.BytesIO(content)) as file:
        contents = check_contents(file)
        text = file.attrs.get("model_config")
        if text is None:
            if contents.datasets:
                raise UnsupportedModel(
                    "weights_only",
                    "The model file holds weights without an architecture.",
                    hint=_SAVE_WHOLE,
                )
            raise UnsupportedModel(
                "hdf5_without_model", "The HDF5 file holds no Keras model.", hint=_SAVE_WHOLE
            )
        if not isinstance(text, str | bytes) or "model_weights" not in file:
            raise damaged()
        config = read_config(text, takes_tables=takes_tables)
    _check_blueprint(lambda: _from_legacy_config(config))
    # the public loader goes by the file's name; this is what it calls for a name that ends in .h5
    from keras.src.legacy.saving import legacy_h5_format

    with _hdf5(io.BytesIO(content)) as file:
        return _loaded(lambda: legacy_h5_format.load_model_from_hdf5(file, compile=False, safe_mode=True))


def _from_legacy_config(config: dict[str, Any]) -> keras.Model:
    # the public deserialiser knows only today's form; this is the one that load_model itself uses for HDF5
    from keras.src.legacy.saving import saving_options, saving_utils

    with saving_options.keras_option_scope(use_legacy_config=True):
        return saving_utils.model_from_config(config)


def _without_compilation(text: bytes) -> bytes:
    """The configuration without its optimizer, loss and metrics, which an audit never needs."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return text  # read_config names what is wrong
    if isinstance(config, dict):
        config.pop("compile_config", None)
    return json.dumps(config).encode()


# What the standard library raises on archives that contradict themselves.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(OSError, RuntimeError, NotImplementedError, EOFError, ValueError),
)


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A member of an archive, never more than `limit` bytes of it."""
    try:
        with archive.open(name) as member:
            content = member.read(limit + 1)
    except _DAMAGE as error:
        raise UnsupportedModel(
            "keras_archive_damaged",
            f"The member {name} of the .keras archive cannot be read.",
            hint="Upload the file again, whole and without a password.",
        ) from error
    if len(content) > limit:
        raise LimitExceeded(
            "keras_member_too_large",
            f"The member {name} of the .keras archive unpacks to more than {limit // 1024**2:,} MB.",
            hint="Audit a smaller model.",
        )
    return content


@contextmanager
def _hdf5(stream: Any) -> Iterator[h5py.File]:
    """An HDF5 file, for as long as it is read. Whatever a damaged one makes h5py raise is that damage."""
    try:
        with h5py.File(stream, "r") as file:
            yield file
    except (LeakgaugeError, MemoryError):
        raise
    except Exception as error:  # among them OverflowError, and errors of decoding names and attributes
        raise damaged() from error


def _check_blueprint(build: Callable[[], keras.Model]) -> None:
    """Build the model without memory for its weights, and refuse what it would ask for.

    In a stateless scope Keras defers every variable and traces shapes alone, so
    a layer of 10¹² units costs nothing until it is known to be one.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            model = build()
        variables = [math.prod(variable.shape) for variable in model.variables]
        activations = [_elements(layer) for layer in leaves(model)]
        inputs = len(model.inputs or ())
    except LeakgaugeError:
        raise
    except Exception as error:  # Keras raises anything at all for a configuration that does not add up
        raise UnsupportedModel(
            "cannot_be_rebuilt",
            "Keras cannot rebuild the model from the architecture in the file.",
            hint="Check that the file opens with keras.saving.load_model of Keras 3, then send it again.",
        ) from error
    finally:
        keras.utils.clear_session()
    if not inputs:
        raise UnsupportedModel(
            "input_shape_unknown",
            "The model does not say what input it takes.",
            hint="Start the model with keras.Input(shape=...), or call it once before saving.",
        )
    if sum(variables) > MAX_PARAMETERS:
        raise LimitExceeded(
            "model_too_many_parameters",
            f"The model declares more than {MAX_PARAMETERS // 10**6} million weights.",
            hint="Audit a smaller model.",
        )
    if sum(activations) > MAX_ACTIVATIONS:
        raise LimitExceeded(
            "model_activations_too_large",
            f"One record makes the model's layers hold more than {MAX_ACTIVATIONS // 10**6} million numbers.",
            hint="Audit a model with a smaller input.",
        )


def leaves(model: keras.Model) -> Iterator[Any]:
    """The layers of a model, and of the models in it, that hold no others."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer


def _elements(layer: Any) -> int:
    """Numbers in the outputs of a layer for one record, free dimensions counting 1."""
    total = 0
    for node in layer._inbound_nodes:  # the only record of the shapes of layers that are used twice
        for tensor in node.output_tensors:
            total += math.prod(length or 1 for length in tensor.shape)
    return total


def _loaded(load: Callable[[], keras.Model]) -> keras.Model:
    try:
        return load()
    except Exception as error:  # Keras raises anything at all for weights that do not fit
        raise UnsupportedModel(
            "weights_do_not_fit",
            "Keras cannot load the weights into the architecture that the file describes.",
            hint="Check that the file opens with keras.saving.load_model of Keras 3, then send it again.",
        ) from error


def activations(model: keras.Model) -> int:
    """Numbers that the layers' outputs hold for one record."""
    return sum(_elements(layer) for layer in leaves(model))


def rescaled_range(model: keras.Model) -> tuple[float, float] | None:
    """The range of a pixel that a Rescaling layer at the model's entrance speaks of; None without one.

    A factor well below 1 (1/255, 1/127.5) brings bytes down to the unit range;
    any other leaves the unit range as it is.
    """
    for position, layer in enumerate(leaves(model)):
        if position > 3:
            return None
        if isinstance(layer, keras.layers.Rescaling):
            factor = np.abs(np.asarray(layer.scale, dtype=np.float64)).max()
            return (0.0, 255.0) if 0 < factor < LARGEST_BYTE_FACTOR else (0.0, 1.0)
    return None
