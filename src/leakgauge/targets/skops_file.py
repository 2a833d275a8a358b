"""Opens `.skops` files, when the optional library skops is installed."""

from __future__ import annotations

import importlib
import importlib.util
import io
import zipfile
from typing import Any

from leakgauge.errors import LeakgaugeError, UnsafeModel, UnsupportedModel
from leakgauge.targets.compression import too_large

_SCHEMA = "schema.json"


def is_skops(data: bytes) -> bool:
    """Whether the bytes are a zip archive with a skops schema in it."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _SCHEMA in archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def load_skops(data: bytes, *, limit: int) -> Any:
    """The model in a skops file that asks for nothing but what skops trusts by default.

    Parameters
    ----------
    data:
        the file.
    limit:
        most bytes that its parts may unpack to.

    Raises
    ------
    UnsafeModel
        `refused_globals`, with the types that skops does not trust.
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
        untrusted = sorted(str(name) for name in skops_io.get_untrusted_types(data=data))
        if untrusted:
            raise UnsafeModel(
                "refused_globals",
                f"The model file asks for {', '.join(untrusted[:5])}, which skops does not trust by itself.",
                hint="Build the model from scikit-learn's own classes and save it again.",
                details={"globals": list(untrusted[:100])},
            )
        return skops_io.loads(data, trusted=[])
    except LeakgaugeError:
        raise
    except Exception as error:  # a file can make any step fail in any way; all of them mean the same
        raise UnsupportedModel(
            "unreadable",
            "The skops file is damaged, or written by a version of skops that is not known here.",
            hint="Save the model again, or use joblib.",
        ) from error
