"""Names model files that are no pickle and no skops file, by their first bytes, and says what to do instead.

Nothing is opened but the list of members of a zip archive. Used where a table
model is expected; what an image audit takes is told apart by `formats`.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from leakgauge.errors import UnsupportedModel

HEAD_BYTES = 4096
"""How many of the first bytes tell a format."""

_FIT_A_SCIKIT_LEARN_MODEL = (
    "Models of this library cannot be audited on tables yet. Fit a scikit-learn classifier on the same "
    "training data, such as HistGradientBoostingClassifier, and send it saved with pickle, joblib or skops."
)
_IMAGES_ONLY = (
    "Image classifiers in this form are audited with image sets in the place of the tables. Models of "
    "tables in this form cannot be audited yet: send a scikit-learn classifier, saved with pickle, joblib or "
    "skops."
)
_EXPORT_IMAGES = (
    "A PyTorch image classifier can be exported to ONNX and audited with image sets. PyTorch models of "
    "tables cannot be audited yet: send a scikit-learn classifier, saved with pickle, joblib or skops."
)
_SAVE_FROM_PYTHON = (
    "Such a file holds the model for another program. Save the fitted scikit-learn classifier itself in "
    "Python, with pickle, joblib or skops."
)
_NOT_A_MODEL = "Send a fitted scikit-learn classifier, saved with pickle, joblib or skops."
_UNPACK = "Unpack it and send the model file itself, saved with pickle, joblib or skops."


@dataclass(frozen=True, slots=True)
class ForeignFormat:
    """A kind of file that is not read as a table model.

    Parameters
    ----------
    name:
        what the file is, with its article: "a LightGBM model in text".
    way_in:
        what to send in its place; a sentence or two.
    """

    name: str
    way_in: str

    def refusal(self) -> UnsupportedModel:
        """The error `not_a_model` that names the format and the way in."""
        return UnsupportedModel(
            "not_a_model",
            f"The model file is {self.name}, not a scikit-learn model.",
            hint=self.way_in,
            details={"format": self.name},
        )


def foreign_format(data: bytes) -> ForeignFormat | None:
    """What kind of foreign file the bytes are; `None` where they may be a pickle or a skops file.

    Parameters
    ----------
    data:
        the whole file, or its first `HEAD_BYTES` bytes (archives are then told less exactly).
    """
    head = data[:HEAD_BYTES]
    if head.startswith(b"PK\x03\x04"):
        return _of_archive(io.BytesIO(data))
    return _of_head(_start_of_gzip(head) if head.startswith(b"\x1f\x8b") else head)


def foreign_file(path: Path) -> ForeignFormat | None:
    """The same for a file or a folder; no more than the head and a zip's directory are read."""
    if path.is_dir():
        return _of_folder(path)
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        if head.startswith(b"PK\x03\x04"):
            stream.seek(0)
            return _of_archive(stream)
    return foreign_format(head)


def _of_head(head: bytes) -> ForeignFormat | None:
    for test, found in _HEADS:
        if test(head):
            return found
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"{"):
        return _of_json(head)
    if text.startswith(b"<"):
        return _of_markup(text)
    return None


def _starts(*signs: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signs)


def _is_onnx(head: bytes) -> bool:
    # the first fields of a model: its format's version, then who made it, by whom, or the graph
    return re.match(rb"\x08[\x01-\x7f](\x12[\x00-\x7f]|\x1a|\x22|\x3a|\x42)", head) is not None


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 9 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 2**32


_TORCH_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

_HEADS: tuple[tuple[Callable[[bytes], bool], ForeignFormat], ...] = (
    (_starts(b"\x89HDF"), ForeignFormat("an HDF5 file, such as Keras writes", _IMAGES_ONLY)),
    (
        _starts(b"tree\nversion=", b"tree\r\nversion="),
        ForeignFormat("a LightGBM model in text", _FIT_A_SCIKIT_LEARN_MODEL),
    ),
    (_starts(b"CBM1"), ForeignFormat("a CatBoost model", _FIT_A_SCIKIT_LEARN_MODEL)),
    (
        lambda head: head.startswith((b"binf", b"bs64")) or (head[:1] == b"{" and b"learner{" in head[:40]),
        ForeignFormat("an XGBoost model", _FIT_A_SCIKIT_LEARN_MODEL),
    ),
    (
        lambda head: head.startswith(b"\x80") and head[2:].startswith(_TORCH_MAGIC),
        ForeignFormat("a PyTorch file", _EXPORT_IMAGES),
    ),
    (_is_onnx, ForeignFormat("an ONNX model", _IMAGES_ONLY)),
    (
        _starts(b"\x08"),
        ForeignFormat("a protocol buffer, such as TensorFlow and Core ML write", _IMAGES_ONLY),
    ),
    (lambda head: head[4:8] == b"TFL3", ForeignFormat("a TensorFlow Lite model", _IMAGES_ONLY)),
    (_is_safetensors, ForeignFormat("a safetensors file of weights", _EXPORT_IMAGES)),
    (
        _starts(
            b"RDX2\n",
            b"RDX3\n",
            b"RDA2\n",
            b"RDA3\n",
            b"X\n\x00\x00\x00\x02",
            b"X\n\x00\x00\x00\x03",
            b"A\n2\n",
            b"A\n3\n",
        ),
        ForeignFormat("an R object", _SAVE_FROM_PYTHON),
    ),
    (_starts(b"\x1c\xed"), ForeignFormat("an H2O model", _FIT_A_SCIKIT_LEARN_MODEL)),
    (_starts(b"\xac\xed\x00\x05"), ForeignFormat("a Java object, such as Weka writes", _SAVE_FROM_PYTHON)),
    (_starts(b"MATLAB "), ForeignFormat("a MATLAB file", _SAVE_FROM_PYTHON)),
    (_starts(b"\xba\x16\x4f\x2f"), ForeignFormat("a fastText model", _FIT_A_SCIKIT_LEARN_MODEL)),
    (_starts(b"GGUF"), ForeignFormat("a GGUF language model", _NOT_A_MODEL)),
    (_starts(b"\x93NUMPY"), ForeignFormat("a NumPy array", _NOT_A_MODEL)),
    (_starts(b"PAR1"), ForeignFormat("a Parquet table", _NOT_A_MODEL)),
    (_starts(b"SQLite format 3"), ForeignFormat("an SQLite database", _NOT_A_MODEL)),
    (
        _starts(b"version https://git-lfs.github.com"),
        ForeignFormat(
            "a pointer of Git LFS to a file",
            "Fetch the file itself with `git lfs pull` and send that.",
        ),
    ),
    (lambda head: head[257:262] == b"ustar", ForeignFormat("a tar archive", _UNPACK)),
    (_starts(b"7z\xbc\xaf\x27\x1c"), ForeignFormat("a 7-Zip archive", _UNPACK)),
    (_starts(b"Rar!"), ForeignFormat("a RAR archive", _UNPACK)),
    (_starts(b"\x28\xb5\x2f\xfd"), ForeignFormat("a file compressed with Zstandard", _UNPACK)),
    (_starts(b"%PDF"), ForeignFormat("a PDF document", _NOT_A_MODEL)),
    (
        lambda head: re.match(rb"\s*(#!|import |from \w+ import )", head) is not None,
        ForeignFormat("a Python program", _NOT_A_MODEL),
    ),
)


def _of_json(head: bytes) -> ForeignFormat:
    # where several would do, the first that stands in the file
    for sign, found in (
        (b'"learner"', ForeignFormat("an XGBoost model in JSON", _FIT_A_SCIKIT_LEARN_MODEL)),
        (b'"tree_info"', ForeignFormat("a LightGBM model in JSON", _FIT_A_SCIKIT_LEARN_MODEL)),
        (b'"feature_infos"', ForeignFormat("a LightGBM model in JSON", _FIT_A_SCIKIT_LEARN_MODEL)),
        (b'"max_feature_idx"', ForeignFormat("a LightGBM model in JSON", _FIT_A_SCIKIT_LEARN_MODEL)),
        (b'"oblivious_trees"', ForeignFormat("a CatBoost model in JSON", _FIT_A_SCIKIT_LEARN_MODEL)),
        (b'"features_info"', ForeignFormat("a CatBoost model in JSON", _FIT_A_SCIKIT_LEARN_MODEL)),
        (b'"ctr_data"', ForeignFormat("a CatBoost model in JSON", _FIT_A_SCIKIT_LEARN_MODEL)),
        (b'"class_name"', ForeignFormat("the JSON text of a Keras model", _IMAGES_ONLY)),
        (b'"cells"', ForeignFormat("a notebook", _NOT_A_MODEL)),
    ):
        if sign in head:
            return found
    return ForeignFormat("a JSON text", _NOT_A_MODEL)


def _of_markup(text: bytes) -> ForeignFormat:
    if b"<PMML" in text:
        return ForeignFormat("a PMML model", _SAVE_FROM_PYTHON)
    if re.match(rb"<(!doctype )?html", text, re.IGNORECASE):
        return ForeignFormat("a web page", "Download the model file itself and send that.")
    return ForeignFormat("a page of markup", _NOT_A_MODEL)


def _start_of_gzip(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _of_archive(stream: BinaryIO) -> ForeignFormat | None:
    try:
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError):
        return ForeignFormat("a zip archive that is damaged or cut short", "Send the whole file again.")
    if "schema.json" in names:
        return None
    return _of_members(names)


def _of_members(names: list[str]) -> ForeignFormat:
    last = {name.rsplit("/", 1)[-1] for name in names}
    if {"config.json", "model.weights.h5"} <= last:
        return ForeignFormat("a Keras model", _IMAGES_ONLY)
    if "data.pkl" in last:
        script = "constants.pkl" in last or any("/code/" in name for name in names)
        return ForeignFormat("a TorchScript model" if script else "a PyTorch file", _EXPORT_IMAGES)
    if "saved_model.pb" in last:
        return ForeignFormat("a zipped TensorFlow SavedModel", _IMAGES_ONLY)
    if "model.ini" in last:
        return ForeignFormat("an H2O MOJO model", _FIT_A_SCIKIT_LEARN_MODEL)
    if names and all(name.endswith(".npy") for name in names):
        return ForeignFormat("an archive of NumPy arrays", _NOT_A_MODEL)
    if any(name.startswith("metadata/part-") or "/metadata/part-" in name for name in names):
        return ForeignFormat("a Spark ML model", _FIT_A_SCIKIT_LEARN_MODEL)
    if "MLmodel" in last:
        return ForeignFormat("a zipped MLflow model", "Send the model file inside it (model.pkl) alone.")
    return ForeignFormat("a zip archive", _UNPACK)


def _of_folder(path: Path) -> ForeignFormat:
    names = sorted(entry.name for entry in path.iterdir())[:1000]
    if "saved_model.pb" in names:
        return ForeignFormat("a TensorFlow SavedModel", _IMAGES_ONLY)
    if "MLmodel" in names:
        return ForeignFormat("an MLflow model", "Send the model file inside it (model.pkl) alone.")
    return ForeignFormat("a folder", "Send one model file, saved with pickle, joblib or skops.")
