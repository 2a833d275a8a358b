"""What an HDF5 file declares, checked before anything in it is read.

HDF5 can point outside itself (external links, external storage, virtual
datasets) and can declare arrays far larger than the file. Every reader of
untrusted model files goes through `check_contents` first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import h5py

from leakgauge.errors import LeakgaugeError, LimitExceeded, UnsafeModel, UnsupportedModel

MAX_OBJECTS = 50_000
MAX_DEPTH = 64
MAX_BYTES = 2 * 1024**3
MAX_EXPANSION = 1_000
"""Deflate cannot pass 1,032:1, and weights hardly compress at all."""

_PLAIN_FILTERS = frozenset({"gzip", "lzf", "szip", None})
_EXPORT_AGAIN = 'Save the model again with model.save("model.keras") and send that file.'


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands in a checked file: the number of datasets and the bytes that they declare."""

    datasets: int
    declared_bytes: int


def check_contents(file: h5py.File) -> Contents:
    """Walk every link of `file` without reading a dataset.

    Raises
    ------
    UnsafeModel
        for links, storage or virtual datasets that lead out of the file, and for data types or
        filters that need code of their own.
    LimitExceeded
        for more objects, depth or declared bytes than a model needs.
    UnsupportedModel
        when the file is damaged.
    """
    datasets = 0
    declared = 0
    seen: set[int] = set()
    waiting: list[tuple[h5py.Group, int]] = [(file, 0)]
    try:
        while waiting:
            group, depth = waiting.pop()
            if depth > MAX_DEPTH:
                raise LimitExceeded(
                    "model_too_deep",
                    f"The HDF5 model file nests groups more than {MAX_DEPTH} deep.",
                    hint=_EXPORT_AGAIN,
                )
            for name in group:
                _check_link(group.get(name, getlink=True))
                child = group[name]
                address = h5py.h5o.get_info(child.id).addr
                if address in seen:
                    continue
                seen.add(address)
                if len(seen) > MAX_OBJECTS:
                    raise LimitExceeded(
                        "model_too_many_objects",
                        f"The HDF5 model file holds more than {MAX_OBJECTS:,} objects.",
                        hint=_EXPORT_AGAIN,
                    )
                if isinstance(child, h5py.Group):
                    waiting.append((child, depth + 1))
                elif isinstance(child, h5py.Dataset):
                    datasets += 1
                    declared += _declared_bytes(child)
                    if declared > MAX_BYTES:
                        raise _too_large()
    except (LeakgaugeError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes h5py raise anything at all
        raise damaged() from error
    return Contents(datasets=datasets, declared_bytes=declared)


def damaged() -> UnsupportedModel:
    """The error for an HDF5 file that cannot be walked."""
    return UnsupportedModel(
        "hdf5_damaged", "The HDF5 model file is damaged or cut short.", hint="Upload the file again, whole."
    )


def _check_link(link: object) -> None:
    if isinstance(link, h5py.ExternalLink):
        raise UnsafeModel(
            "hdf5_external_link",
            "The HDF5 model file links to another file.",
            hint=_EXPORT_AGAIN,
        )
    if isinstance(link, h5py.SoftLink):
        raise UnsafeModel(
            "hdf5_soft_link",
            "The HDF5 model file holds symbolic links, which Keras never writes.",
            hint=_EXPORT_AGAIN,
        )


def _declared_bytes(dataset: h5py.Dataset) -> int:
    """Bytes that reading `dataset` would take."""
    if dataset.external:
        raise UnsafeModel(
            "hdf5_external_storage",
            "The HDF5 model file keeps an array in another file.",
            hint=_EXPORT_AGAIN,
        )
    if dataset.is_virtual:
        raise UnsafeModel(
            "hdf5_virtual_dataset",
            "The HDF5 model file holds a virtual dataset, which is put together from other files.",
            hint=_EXPORT_AGAIN,
        )
    if dataset.compression not in _PLAIN_FILTERS:
        raise UnsafeModel(
            "hdf5_filter",
            "The HDF5 model file is packed with a filter that needs a plug-in.",
            hint=_EXPORT_AGAIN,
        )
    if dataset.dtype.kind not in "fiubS":
        raise UnsafeModel(
            "hdf5_data_type",
            "The HDF5 model file holds an array that is neither numbers nor short text.",
            hint=_EXPORT_AGAIN,
        )
    size = math.prod(int(length) for length in dataset.shape or ()) * int(dataset.dtype.itemsize)
    if size > MAX_BYTES or size > MAX_EXPANSION * max(int(dataset.id.get_storage_size()), 4096):
        raise _too_large()
    return size


def _too_large() -> LimitExceeded:
    return LimitExceeded(
        "model_declares_too_much",
        f"The HDF5 model file declares arrays of more than {MAX_BYTES // 1024**3} GB, "
        "or far more than it holds.",
        hint="Audit a smaller model, or save this one again without sparse or empty arrays.",
    )
