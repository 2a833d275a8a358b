"""Opening a Keras file: the native `.keras` archive and the older HDF5 file, Keras 2's included.

Order of work: the container is checked (archive members, HDF5 links and
sizes), then the architecture against an allow-list, then the model is built
once without memory for its weights, so that a file which declares terabytes is
refused for what it declares. Only then does Keras load it, in safe mode and
uncompiled, from the very architecture and bytes that were checked. `tf_keras`
is never a fallback: it runs Lambda layers silently.
"""

from __future__ import annotations

import copy
import io
import json
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras

from leakgauge.errors import LeakgaugeError, LimitExceeded, UnsafeModel, UnsupportedModel
from leakgauge.targets.keras.config import MAX_CONFIG_BYTES, read_config
from leakgauge.targets.keras.failures import fails
from leakgauge.targets.keras.hdf5 import MAX_BYTES, check_contents, damaged
from leakgauge.targets.keras.old_functions import as_answered, old_functions

MAX_PARAMETERS = 200_000_000
MAX_ACTIVATIONS = 64_000_000
"""Numbers that the layers' outputs may hold for one record; VGG-16 has 15 million at 224 × 224."""
MAX_VOCABULARY_BYTES = 64 * 1024**2

_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
_METADATA = "metadata.json"
_MEMBERS = frozenset({_CONFIG, _WEIGHTS, _METADATA})
_OF_FIRST_ARCHIVES = "_layer_checkpoint_dependencies"
"""Where TensorFlow 2.12 keeps the weights of layers in an archive."""
_NUMBERED = re.compile(r"(.+)_([1-9][0-9]{0,5})", re.ASCII)
_METADATA_BYTES = 10_000
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,30}", re.ASCII)
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
        config = read_config(_read(archive, _CONFIG, MAX_CONFIG_BYTES), takes_tables=takes_tables)
        weights = _read(archive, _WEIGHTS, MAX_BYTES)
        saved_with = _version_in(archive)
        assets: dict[str, bytes] = {}
        left = MAX_VOCABULARY_BYTES
        for name in vocabularies:  # Keras unpacks them whole
            assets[name] = _read(archive, name, left)
            left -= len(assets[name])
    with _hdf5(io.BytesIO(weights)) as file:
        check_contents(file)
    config = as_answered(config, saved_with)
    weights = _renumbered(weights)
    _check_blueprint(lambda: _built(config), saved_with)
    checked = _packed({_CONFIG: json.dumps(config).encode(), _WEIGHTS: weights, _METADATA: b"{}", **assets})
    # the public loader goes by the file's name; this is what it calls for a name that ends in .keras
    from keras.src.saving import saving_lib

    with old_functions():
        return _loaded(lambda: saving_lib.load_model(checked, compile=False, safe_mode=True), saved_with)


def _renumbered(weights: bytes) -> bytes:
    """The weights in the order of names that Keras 3 looks for.

    TensorFlow 2.12 counted layers of a kind in twos: `conv2d`, `conv2d_2`, `conv2d_4`.
    """
    stream = io.BytesIO(weights)
    with h5py.File(stream, "r+") as file:
        if _OF_FIRST_ARCHIVES not in file:
            return weights
        waiting = [file]
        while waiting:
            group = waiting.pop()
            layers = group.get(_OF_FIRST_ARCHIVES)
            if not isinstance(layers, h5py.Group):
                continue
            numbers: dict[str, list[int]] = {}
            for found in filter(None, map(_NUMBERED.fullmatch, layers)):
                numbers.setdefault(found[1], []).append(int(found[2]))
            for kind, given in numbers.items():
                if all(number % 2 == 0 for number in given):
                    for number in sorted(given):  # each goes where the one before has left
                        layers.move(f"{kind}_{number}", f"{kind}_{number // 2}")
            waiting += [child for child in layers.values() if isinstance(child, h5py.Group)]
    return stream.getvalue()


def _packed(members: Mapping[str, bytes]) -> io.BytesIO:
    """A `.keras` archive of what was checked."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    packed.seek(0)
    return packed


def _version_in(archive: zipfile.ZipFile) -> str | None:
    """The version of Keras that an archive says it was saved with."""
    try:
        found = json.loads(archive.read(_METADATA)[:_METADATA_BYTES])
    except (*_DAMAGE, KeyError, RecursionError):
        return None
    return _as_version(found.get("keras_version")) if isinstance(found, dict) else None


def _as_version(value: object) -> str | None:
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return text if isinstance(text, str) and _VERSION.fullmatch(text) else None


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
        if not isinstance(text, str | bytes) or not isinstance(file.get("model_weights"), h5py.Group):
            raise damaged()
        config = read_config(text, takes_tables=takes_tables)
        saved_with = _as_version(file.attrs.get("keras_version"))
        config = as_answered(config, saved_with)
    _check_blueprint(lambda: _built(config), saved_with)
    with _hdf5(io.BytesIO(content)) as file:
        return _loaded(lambda: _with_weights(_built(config), file["model_weights"]), saved_with)


def _built(config: dict[str, Any]) -> keras.Model:
    """The model of a configuration, which Keras may change while it reads it."""
    with old_functions():
        model: keras.Model = keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=True)
    return model


def _with_weights(model: keras.Model, weights: h5py.Group) -> keras.Model:
    from keras.src.legacy.saving import legacy_h5_format

    legacy_h5_format.load_weights_from_hdf5_group(weights, model)
    return model


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


def _check_blueprint(build: Callable[[], keras.Model], saved_with: str | None) -> None:
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
        raise fails(
            "cannot_be_rebuilt", "rebuild the model from the architecture in the file", error, saved_with
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


def _loaded(load: Callable[[], keras.Model], saved_with: str | None) -> keras.Model:
    try:
        return load()
    except Exception as error:  # Keras raises anything at all for weights that do not fit
        raise fails(
            "weights_do_not_fit",
            "load the weights into the architecture that the file describes",
            error,
            saved_with,
        ) from error


def activations(model: keras.Model) -> int:
    """Numbers that the layers' outputs hold for one record."""
    return sum(_elements(layer) for layer in leaves(model))
