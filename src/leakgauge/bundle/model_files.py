"""Which files of a bundle can be its model, whatever they are called: told from their first bytes.

Nothing is opened here. What a file really is, its reader says, and names it where it is no model that can
be audited; see `leakgauge.targets`.
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

HEAD_BYTES: Final = 4_096
"""First bytes of a file that are looked at."""
_LZMA_MEMORY: Final = 128 << 20


@dataclass(frozen=True, slots=True)
class ModelKind:
    """What kind of model a file can be.

    Attributes
    ----------
    audited_on:
        the data that such models are audited on; None where none are, which their reader explains.
    words:
        the file in words.
    """

    audited_on: Literal["tables", "images"] | None
    words: str


_PICKLE: Final = ModelKind("tables", "a pickle, such as scikit-learn models come in")
_SKOPS: Final = ModelKind("tables", "a skops file")
_KERAS: Final = ModelKind("images", "a Keras model")
_HDF5: Final = ModelKind("images", "an HDF5 file, such as Keras writes")
_ONNX: Final = ModelKind("images", "an ONNX model")
_OTHER: Final = ModelKind(None, "a model of another library")

_BY_ENDING: Final[tuple[tuple[tuple[str, ...], ModelKind], ...]] = (
    ((".pkl", ".pickle", ".joblib", ".sav"), _PICKLE),
    ((".skops",), _SKOPS),
    ((".keras",), _KERAS),
    ((".h5", ".hdf5"), _HDF5),
    ((".onnx",), _ONNX),
    ((".cbm", ".ubj", ".pmml", ".pt", ".pth", ".rds", ".tflite", ".safetensors"), _OTHER),
)
_PACKED_ENDINGS: Final = (".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4")
_WEIGHTS_ALONE: Final = ".weights.h5"

_BY_START: Final[tuple[tuple[bytes, ModelKind], ...]] = (
    (rb"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19\.", _OTHER),  # PyTorch before version 1.6
    (rb"\x80[\x02-\x05]|ccopy_?reg\n", _PICKLE),
    (rb"\x89HDF\r\n\x1a\n", _HDF5),
    # the version of its format (field 1), then its producer (2) or what else may come next
    (rb"\x08[\x01-\x20][\x12\x1a\x22\x2a\x32\x3a\x42]", _ONNX),
    (rb"tree\r?\nversion=", _OTHER),  # LightGBM
    (rb"CBM1", _OTHER),  # CatBoost
    (rb'\{\s*"(class_params|ctr_data|features_info)"\s*:', _OTHER),  # CatBoost's JSON
    (rb'binf|bs64|\{\s*"learner"\s*:|\{L.{7}\x07learner\{', _OTHER),  # XGBoost
    (rb"(\xef\xbb\xbf)?\s*<[^\0]{0,1000}<?PMML[\s>]", _OTHER),
    (rb"X\n\0\0\0|RD[AX][23]\n", _OTHER),  # R
    (rb".{4}TFL3", _OTHER),  # TensorFlow Lite
)
# of a model file that is a zip, the name that stands first in it
_BY_FIRST_ENTRY: Final[tuple[tuple[bytes, ModelKind], ...]] = (
    (rb"(metadata|config)\.json|model\.weights\.h5", _KERAS),
    (rb"schema\.json|[0-9]{6,}\.np[yz]", _SKOPS),
    (rb".*/(data\.pkl|version|byteorder|\.format_version|constants\.pkl)", _OTHER),  # PyTorch
    (rb"(.*/)?(saved_model|keras_metadata|fingerprint)\.pb", _OTHER),  # TensorFlow
)
_LOCAL_HEADER_BYTES: Final = 30

# what joblib packs with, and people by hand
_UNPACKERS: Final[tuple[tuple[bytes, Callable[[], Any]], ...]] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31)),
    (b"x", zlib.decompressobj),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)),
)


def model_kind(head: bytes, name: str) -> ModelKind | None:
    """What kind of model a file can be, None when it can be none.

    Parameters
    ----------
    head:
        its first `HEAD_BYTES` bytes, fewer where it is shorter or cannot be read.
    name:
        its name in lower case. It decides where the bytes say nothing: an empty `clf.pkl` is
        a model file too, and its reader says what is wrong with it.
    """
    if name.endswith(_WEIGHTS_ALONE):
        return None
    return _by_start(head) or _by_start(unpacked_head(head)) or _by_ending(name)


def unpacked_head(head: bytes) -> bytes:
    """The first bytes of what was compressed into `head`; none where nothing was, or too little is there."""
    for sign, make in _UNPACKERS:
        if head.startswith(sign):
            with contextlib.suppress(zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
                found: bytes = make().decompress(head, HEAD_BYTES)
                return found
    return b""


def _by_start(head: bytes) -> ModelKind | None:
    if head.startswith(b"PK\x03\x04"):
        length = int.from_bytes(head[26:28], "little")
        first = head[_LOCAL_HEADER_BYTES : _LOCAL_HEADER_BYTES + length]
        return next((kind for name, kind in _BY_FIRST_ENTRY if re.fullmatch(name, first)), None)
    return next((kind for start, kind in _BY_START if re.match(start, head, re.DOTALL)), None)


def _by_ending(name: str) -> ModelKind | None:
    for packed in _PACKED_ENDINGS:
        name = name.removesuffix(packed)
    return next((kind for endings, kind in _BY_ENDING if name.endswith(endings)), None)
