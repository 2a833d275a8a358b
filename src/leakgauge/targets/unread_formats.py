"""Formats of files that are sent as models and not read: each has its row, and what to send in its place.

Rows are looked through in their order; the first whose sign is there names the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.exports import WITH_TENSORFLOW, WITH_TORCH
from leakgauge.targets.signs import JSON, SPACE, Signs

_FIT_A_SCIKIT_LEARN_MODEL = (
    "Models of this library cannot be audited on tables yet. Fit a scikit-learn classifier on the same "
    "training data, such as HistGradientBoostingClassifier, and send it saved with pickle, joblib or skops."
)
_SAVE_FROM_PYTHON = (
    "Such a file holds the model for another program. Save the fitted scikit-learn classifier itself in "
    "Python, with pickle, joblib or skops."
)
_NOT_A_MODEL = "Send a fitted scikit-learn classifier, saved with pickle, joblib or skops."
_UNPACK = "Unpack it and send the model file itself, saved with pickle, joblib or skops."

_PROTOCOL_BUFFER = "a protocol buffer, such as TensorFlow and Core ML write"


@dataclass(frozen=True, slots=True)
class Unread(Signs):
    """A kind of file that is not read as a model.

    Parameters
    ----------
    way_in
        what to send in its place for an audit of tables; a sentence or two.
    image_problem
        the problem of the refusal where an image classifier is expected; None where the first bytes
        alone do not settle that it is none.
    """

    way_in: str
    image_problem: str | None = field(default=None, kw_only=True)


def not_read(words: str, way_in: str) -> UnsupportedModel:
    """The error `not_a_model` of an audit of tables that names the format and the way in."""
    return UnsupportedModel(
        "not_a_model",
        f"The model file is {words}, which is not read as a model.",
        hint=way_in,
        details={"format": words},
    )


DAMAGED = Unread(
    "a zip archive that is damaged or cut short",
    "Send the whole file again.",
    image_problem="keras_archive_damaged",
)
ZIP = Unread("a zip archive", _UNPACK, image_problem="not_a_model")

UNREAD: tuple[Unread, ...] = (
    # by their first bytes
    Unread(
        "an XGBoost model in the binary form of before XGBoost 2.1",
        'Save it with model.save_model("model.json"), which XGBoost 1.0 and later can, and send that file.',
        starts=rb"binf|bs64|CONFIG-offset:",
        is_model=True,
    ),
    Unread(
        "a PyTorch file",
        WITH_TORCH,
        starts=rb"\x80.\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19\.",  # before version 1.6
        suffixes=(".pt", ".pth"),
        is_model=True,
        image_problem="torch_model",
    ),
    Unread(
        _PROTOCOL_BUFFER,
        WITH_TENSORFLOW,
        starts=rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x2a\x32\x3a\x42]",  # it may still be an ONNX model
        is_model=True,
    ),
    Unread(_PROTOCOL_BUFFER, WITH_TENSORFLOW, starts=rb"\x08"),
    Unread(
        "a TensorFlow Lite model",
        WITH_TENSORFLOW,
        starts=rb".{4}TFL3",
        suffixes=(".tflite",),
        is_model=True,
        image_problem="tflite_model",
    ),
    Unread(
        "a safetensors file of weights",
        WITH_TORCH,
        starts=rb"(?![\x00\x01]\x00{3}).{4}\x00{4}\{.",
        suffixes=(".safetensors",),
    ),
    Unread(
        "an R object",
        _SAVE_FROM_PYTHON,
        starts=rb"RD[AX][23]\n|X\n\x00{3}[\x02\x03]",
        suffixes=(".rds",),
        is_model=True,
    ),
    Unread("an R object", _SAVE_FROM_PYTHON, starts=rb"A\n[23]\n"),
    Unread("an H2O model", _FIT_A_SCIKIT_LEARN_MODEL, starts=rb"\x1c\xed"),
    Unread("a Java object, such as Weka writes", _SAVE_FROM_PYTHON, starts=rb"\xac\xed\x00\x05"),
    Unread("a MATLAB file", _SAVE_FROM_PYTHON, starts=rb"MATLAB "),
    Unread("a fastText model", _FIT_A_SCIKIT_LEARN_MODEL, starts=rb"\xba\x16\x4f\x2f"),
    Unread("a GGUF language model", _NOT_A_MODEL, starts=rb"GGUF"),
    Unread("a NumPy array", _NOT_A_MODEL, starts=rb"\x93NUMPY"),
    Unread("a Parquet table", _NOT_A_MODEL, starts=rb"PAR1"),
    Unread("an SQLite database", _NOT_A_MODEL, starts=rb"SQLite format 3"),
    Unread(
        "a pointer of Git LFS to a file",
        "Fetch the file itself with `git lfs pull` and send that.",
        starts=rb"version https://git-lfs\.github\.com",
    ),
    Unread("a tar archive", _UNPACK, starts=rb".{257}ustar"),
    Unread("a 7-Zip archive", _UNPACK, starts=rb"7z\xbc\xaf\x27\x1c"),
    Unread("a RAR archive", _UNPACK, starts=rb"Rar!"),
    Unread("a file compressed with Zstandard", _UNPACK, starts=rb"\x28\xb5\x2f\xfd"),
    Unread("a PDF document", _NOT_A_MODEL, starts=rb"%PDF"),
    Unread("a Python program", _NOT_A_MODEL, starts=rb"\s*(#!|import |from \w+ import )"),
    # these keys stand deeper in the text, where other files may have them too
    Unread(
        "a LightGBM model in JSON",
        'LightGBM does not read it back. Save the model with model.booster_.save_model("model.txt") and send '
        "that file.",
        starts=JSON + rb'.*"(tree_info|feature_infos|max_feature_idx)"',
    ),
    Unread("the JSON text of a Keras model", WITH_TENSORFLOW, starts=JSON + rb'.*"class_name"'),
    Unread("a notebook", _NOT_A_MODEL, starts=JSON + rb'.*"cells"'),
    Unread("a JSON text", _NOT_A_MODEL, starts=JSON),
    Unread(
        "a PMML model",
        _SAVE_FROM_PYTHON,
        starts=SPACE + rb"<[^\x00]*?<?PMML[\s>]",
        suffixes=(".pmml",),
        is_model=True,
    ),
    Unread(
        "a web page",
        "Download the model file itself and send that.",
        starts=SPACE + rb"(?i:<(!doctype )?html)",
    ),
    Unread("a page of markup", _NOT_A_MODEL, starts=SPACE + rb"<"),
    # zip archives, by the names in them
    Unread(
        "a TorchScript model",
        WITH_TORCH,
        entries=(r"(.*/)?data\.pkl", r"(.*/)?constants\.pkl|.*/code/.*"),
        image_problem="torch_model",
    ),
    Unread(
        "a PyTorch file",
        WITH_TORCH,
        entries=(r"(.*/)?data\.pkl",),
        first_entries=rb".*/(data\.pkl|version|byteorder|\.format_version|constants\.pkl)",
        loose=("data.pkl", "version"),
        image_problem="torch_model",
    ),
    Unread(
        "a zipped TensorFlow SavedModel",
        WITH_TENSORFLOW,
        entries=(r"(.*/)?saved_model\.pb",),
        first_entries=rb"(.*/)?(saved_model|keras_metadata|fingerprint)\.pb",
        image_problem="saved_model",
    ),
    Unread(
        "an H2O MOJO model",
        _FIT_A_SCIKIT_LEARN_MODEL,
        entries=(r"(.*/)?model\.ini",),
        image_problem="not_a_model",
    ),
    Unread(
        "a Spark ML model",
        _FIT_A_SCIKIT_LEARN_MODEL,
        entries=(r"(.*/)?metadata/part-.*",),
        image_problem="not_a_model",
    ),
    Unread(
        "a zipped MLflow model",
        "Send the model file inside it (model.pkl) alone.",
        entries=(r"(.*/)?MLmodel",),
        image_problem="not_a_model",
    ),
    Unread("an archive of NumPy arrays", _NOT_A_MODEL, entries=(r".*\.npy",), image_problem="not_a_model"),
)
