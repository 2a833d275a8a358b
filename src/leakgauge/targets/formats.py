"""The table of model formats: one row a format.

A new kind of model is one file, which opens it, and one row here, which names it. Bundles, audits,
the sanitiser and the documentation read the table. It imports no library that opens a model: a
row says by name where that is done.

A format is told by its bytes: a regular expression of the first of them, unpacked, or the names in a
zip archive. Its suffix decides where the bytes say nothing.
"""

from __future__ import annotations

import importlib
import io
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Final

from leakgauge.errors import UnsupportedModel
from leakgauge.extras import Extra
from leakgauge.targets.compression import unpacked_head
from leakgauge.targets.exports import WITH_KERAS
from leakgauge.targets.libraries import NAMES, to_install
from leakgauge.targets.signs import ARCHIVE_SIGN, JSON, Data, Signs
from leakgauge.targets.unread_formats import DAMAGED, UNREAD, ZIP, Unread

HEAD_BYTES: Final = 4_096
"""First bytes of a file that are looked at."""
_PACKED_SUFFIXES: Final = (".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4")

WEIGHTS_ALONE: Final = ".weights.h5"
"""How Keras calls files of weights, which are no model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format(Signs):
    """A row of the table: a kind of model file that is read.

    Attributes
    ----------
    name
        for reports and tests, one word.
    loaders
        by the data that such models are audited on, "module:function" that opens a file of this kind
        and takes it for untrusted: `(path) -> TableTarget` for tables, `(path, InputSettings) ->
        ImageModel` for images.
    sanitizer
        "module:function" that writes such a file without what attacks on model files read; see
        `leakgauge.defences.sanitize`. None where there is none.
    extras
        what installs the libraries of the loaders.
    default_on
        data with which it is tried on files that are no other format by their bytes, so that its
        loader says what is wrong with them; None for none. One row for each kind of data.
    modules
        modules that the loaders need and that an audit does without.
    library
        what `modules` belong to, as it writes itself.
    without
        what to do where they are not installed.
    """

    name: str
    loaders: Mapping[Data, str]
    sanitizer: str | None = None
    extras: tuple[Extra, ...] = ()
    is_model: bool = True
    default_on: Data | None = None
    modules: tuple[str, ...] = ()
    library: str = ""
    without: str = ""

    @property
    def audited_on(self) -> tuple[Data, ...]:
        """The data that such models are audited on."""
        return tuple(self.loaders)

    def load(self, data: Data, path: Path, *settings: Any) -> Any:
        """What the loader for models of such data makes of the file.

        Raises
        ------
        LeakgaugeError
            whatever the file deserves; `<library>_not_installed` where its modules are not.
        """
        self.check_installed()
        return _named(self.loaders[data])(path, *settings)

    def check_installed(self) -> None:
        """See that the modules of the loaders can be imported; none is.

        Raises
        ------
        UnsupportedModel
            `<library>_not_installed`.
        """
        if not all(map(find_spec, self.modules)):
            raise UnsupportedModel(
                f"{self.library.lower()}_not_installed",
                f"The model file is {self.words}, and {self.library} is not installed here.",
                hint=self.without,
            )


_SANITIZE: Final = "leakgauge.defences.sanitize:sanitize"
_SANITIZE_BOOSTER: Final = "leakgauge.defences.sanitize:sanitize_booster"

PICKLE = Format(
    name="pickle",
    words="a pickle, such as scikit-learn models come in",
    suffixes=(".pkl", ".pickle", ".joblib", ".sav"),
    loaders={"tables": "leakgauge.targets.sklearn.target:open_sklearn"},
    sanitizer=_SANITIZE,
    extras=("membership",),
    # not the pickle of a number by which PyTorch marked its files
    starts=rb"\x80[\x02-\x05](?!\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19\.)|ccopy_?reg\n",
    default_on="tables",
)
SKOPS = Format(
    name="skops",
    words="a skops file",
    suffixes=(".skops",),
    loaders={"tables": "leakgauge.targets.sklearn.target:open_sklearn"},
    sanitizer=_SANITIZE,
    extras=("membership",),
    entries=(r"schema\.json",),
    first_entries=rb"schema\.json|[0-9]{6,}\.np[yz]",
    loose=("schema.json",),
)
_KERAS_MODULES: Final = ("keras", "tensorflow", "h5py")
_WITHOUT_KERAS: Final = (
    f"{WITH_KERAS} Or run the audit where the extra is installed: pip install 'leakgauge[inversion]'."
)
HDF5 = Format(
    name="hdf5",
    words="an HDF5 file, such as Keras writes",
    suffixes=(".h5", ".hdf5"),
    loaders={
        "tables": "leakgauge.targets.keras.tables:open_hdf5_table",
        "images": "leakgauge.targets.keras.reading:open_hdf5_model",
    },
    extras=("inversion",),
    starts=rb"\x89HDF",
    modules=_KERAS_MODULES,
    library="Keras",
    without=_WITHOUT_KERAS,
)
KERAS = Format(
    name="keras",
    words="a Keras model",
    suffixes=(".keras",),
    loaders={
        "tables": "leakgauge.targets.keras.tables:open_keras_table",
        "images": "leakgauge.targets.keras.reading:open_keras_model",
    },
    extras=("inversion",),
    entries=(r"config\.json", r"metadata\.json|model\.weights\.h5"),
    first_entries=rb"(metadata|config)\.json|model\.weights\.h5",
    loose=("config.json", "metadata.json"),
    modules=_KERAS_MODULES,
    library="Keras",
    without=_WITHOUT_KERAS,
)
ONNX = Format(
    name="onnx",
    words="an ONNX model",
    suffixes=(".onnx",),
    loaders={
        "tables": "leakgauge.targets.onnx.tables:open_onnx_table",
        "images": "leakgauge.targets.onnx.reading:open_onnx_model",
    },
    extras=("membership", "inversion"),
    # the version of its format (field 1), then who made it (2 to 4), its graph (7) or operator set (8)
    starts=rb"\x08[\x01-\x20](\x12[\x00-\x7f]|[\x1a\x22\x3a\x42])",
    default_on="images",
)

XGBOOST = Format(
    name="xgboost",
    words="an XGBoost model",
    suffixes=(".ubj",),
    loaders={"tables": "leakgauge.targets.sklearn.booster_files:open_xgboost"},
    sanitizer=_SANITIZE_BOOSTER,
    extras=("membership",),
    # in UBJSON and in JSON, whose first name may be the version's
    starts=rb"\{L\x00{7}[\x00-\xff](learner|version|Config|Model)|"
    + JSON
    + rb'\s*("version"\s*:\s*\[[0-9, \t\r\n]*\]\s*,\s*)?"(learner|Config)"\s*:',
    modules=("xgboost",),
    library=NAMES["xgboost"][0],
    without=to_install("xgboost"),
)

LIGHTGBM = Format(
    name="lightgbm",
    words="a LightGBM model in text",
    suffixes=(".lgb",),
    loaders={"tables": "leakgauge.targets.sklearn.booster_files:open_lightgbm"},
    sanitizer=_SANITIZE_BOOSTER,
    extras=("membership",),
    starts=rb"tree\r?\nversion=",
    modules=("lightgbm",),
    library=NAMES["lightgbm"][0],
    without=to_install("lightgbm"),
)

CATBOOST = Format(
    name="catboost",
    words="a CatBoost model",
    suffixes=(".cbm",),
    loaders={"tables": "leakgauge.targets.sklearn.booster_files:open_catboost"},
    sanitizer=_SANITIZE_BOOSTER,
    extras=("catboost",),
    # its own format, and JSON
    starts=rb"CBM1|"
    + JSON
    + rb'\s*"(class_params|ctr_data|features_info|model_info|oblivious_trees|scale_and_bias)"\s*:',
    modules=("catboost",),
    library=NAMES["catboost"][0],
    without=to_install("catboost"),
)

FORMATS: tuple[Format, ...] = (PICKLE, SKOPS, HDF5, KERAS, ONNX, XGBOOST, LIGHTGBM, CATBOOST)
"""Every format that is read. One that is not here is named by its row in `unread_formats`, if it has one."""


def read_on(data: Data) -> tuple[Format, ...]:
    """The formats of models that are audited on such data."""
    return tuple(row for row in FORMATS if data in row.audited_on)


def suffixes_of(data: Data) -> tuple[str, ...]:
    """How their files are called."""
    return tuple(suffix for row in read_on(data) for suffix in row.suffixes)


def archives() -> tuple[Format | Unread, ...]:
    """The formats that are zip archives of files which can lie loose in a bundle."""
    return tuple(row for row in _rows() if row.loose)


def kind_in_bundle(head: bytes, name: str) -> Format | Unread | None:
    """What kind of model a file of a bundle can be, None when it can be none.

    Parameters
    ----------
    head
        its first `HEAD_BYTES` bytes, fewer where it is shorter or cannot be read.
    name
        its name in lower case. It decides where the bytes say nothing: an empty `clf.pkl` is
        a model file too, and its reader says what is wrong with it.
    """
    if name.endswith(WEIGHTS_ALONE):
        return None
    if head.startswith(ARCHIVE_SIGN):
        found = (row for row in _rows() if row.starts_like_archive(head))
    else:
        starts = (head, unpacked_head(head, HEAD_BYTES))
        found = (row for start in starts for row in _rows() if row.is_model and row.starts_like(start))
    return next(found, None) or _by_suffix(name)


def recognise(file: bytes | BinaryIO) -> Format | Unread | None:
    """What kind of file it is, as far as its bytes tell.

    Parameters
    ----------
    file
        its content, or the open file, of which no more is read than the head and the directory of
        a zip archive.
    """
    stream = io.BytesIO(file) if isinstance(file, bytes) else file
    head = stream.read(HEAD_BYTES)
    if head.startswith(ARCHIVE_SIGN):
        stream.seek(0)
        return _of_archive(stream)
    start = unpacked_head(head, HEAD_BYTES) or head
    return next((row for row in _rows() if row.starts_like(start)), None)


def format_of(path: Path, data: Data) -> Format:
    """The row by which a model of such data is opened; the default one where the bytes tell of none."""
    with path.open("rb") as stream:
        found = recognise(stream)
    if isinstance(found, Format) and data in found.audited_on:
        return found
    return next(row for row in FORMATS if row.default_on == data)


def sanitizer_of(path: Path) -> Callable[..., Any]:
    """What sanitises a model file; see `leakgauge.defences.sanitize.sanitize`.

    Raises
    ------
    UnsupportedModel
        `not_sanitized` for a format without one.
    """
    row = format_of(path, "tables")
    if row.sanitizer is None:
        raise UnsupportedModel(
            "not_sanitized",
            f"The model file is {row.words}, of which nothing is known that could be taken out.",
            hint="Audit it as it is; to lower its leak, regularise the model and fit it anew.",
        )
    sanitizer: Callable[..., Any] = _named(row.sanitizer)
    return sanitizer


def _rows() -> Iterator[Format | Unread]:
    yield from FORMATS
    yield from UNREAD


def _of_archive(stream: BinaryIO) -> Format | Unread:
    try:
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError):
        return DAMAGED
    return next((row for row in _rows() if row.holds(names)), ZIP)


def _by_suffix(name: str) -> Format | Unread | None:
    for packed in _PACKED_SUFFIXES:
        name = name.removesuffix(packed)
    return next((row for row in _rows() if row.suffixes and name.endswith(row.suffixes)), None)


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
