"""Opens `.skops` files, when the optional library skops is installed."""

from __future__ import annotations

import importlib
import importlib.util
import io
import struct
import warnings
import zipfile
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

from leakgauge.errors import LeakgaugeError, UnsafeModel, UnsupportedModel
from leakgauge.targets.compression import too_large
from leakgauge.targets.pickle_allow_list import CLASSES, Pair

_SCHEMA = "schema.json"

# skops leaves these to its callers, since a crafted tree can crash the process; `soundness` checks them after
_TRUSTED: frozenset[Pair] = CLASSES | {("sklearn.tree._tree", "Tree")}


def is_skops(data: bytes) -> bool:
    """Whether the bytes are a zip archive with a skops schema in it."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _SCHEMA in archive.namelist()
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError):
        return False


def load_skops(data: bytes, *, limit: int) -> tuple[Any, frozenset[str]]:
    """The model in a skops file, and the other versions of scikit-learn that saved parts of it.

    The file may ask for what skops trusts by default, and for scikit-learn's trees.

    Parameters
    ----------
    data:
        the file.
    limit:
        most bytes that its parts may unpack to.

    Raises
    ------
    UnsafeModel
        `refused_globals`, with the types that are not trusted.
    UnsupportedModel
        `skops_not_installed` or `unreadable`.
    LimitExceeded
        `model_too_large`.
    """
    if importlib.util.find_spec("skops") is None:
        raise UnsupportedModel(
            "skops_not_installed",
            "The model file was written by skops, which is not installed here.",
            hint='Save the model with joblib.dump(model, "model.joblib"), or install skops beside Leakgauge.',
        )
    try:
        # zipfile reads no more of a part than its header says
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(part.file_size for part in archive.infolist()) > limit:
                raise too_large(limit)
        skops_io = importlib.import_module("skops.io")
        asked = sorted(str(name) for name in skops_io.get_untrusted_types(data=data))
        untrusted = [name for name in asked if _pair(name) not in _TRUSTED]
        if untrusted:
            raise UnsafeModel(
                "refused_globals",
                f"The model file asks for {', '.join(untrusted[:5])}, which no scikit-learn model needs.",
                hint="Build the model from scikit-learn's own classes and save it again.",
                details={"globals": list(untrusted[:100])},
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = skops_io.loads(data, trusted=asked)
        told = [entry.message for entry in caught if isinstance(entry.message, InconsistentVersionWarning)]
        return model, frozenset(str(message.original_sklearn_version) for message in told)
    except LeakgaugeError:
        raise
    except Exception as error:  # a file can make any step fail in any way; all of them mean the same
        raise UnsupportedModel(
            "unreadable",
            "The skops file is damaged, or written by a version of skops that is not known here.",
            hint="Save the model again, or use joblib.",
        ) from error


def _pair(qualified: str) -> Pair:
    module, _, name = qualified.rpartition(".")
    return module, name
