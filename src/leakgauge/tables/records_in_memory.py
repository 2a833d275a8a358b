"""Records in a caller's memory: features and labels, in whatever form they came."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from leakgauge.errors import BadBundle
from leakgauge.tables.labels import named
from leakgauge.targets.functions import Takes
from leakgauge.targets.ways_in import made_by

_WAYS_IN: Final = {
    "torch": (
        "a PyTorch tensor",
        "Pass {name}.numpy(); a model that takes tensors is handed over as lambda X: "
        "model(torch.as_tensor(X, dtype=torch.float32)).softmax(dim=1).",
    ),
    "tensorflow": ("a TensorFlow tensor", "Pass {name}.numpy()."),
    "scipy": (
        "a sparse matrix",
        "Pass {name}.toarray(), of fewer records if need be: a model that was fitted on sparse rows takes "
        "dense ones too.",
    ),
    "polars": ("a Polars frame", "Pass {name}.to_pandas(), or {name}.to_numpy() as the model was fitted."),
    "pyarrow": ("a table of Arrow", "Pass {name}.to_pandas()."),
}
"""What is no DataFrame or array, by the package of its class: what it is, and what to do."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records in memory.

    Attributes
    ----------
    name, y_name
        of features and labels, as the caller writes them.
    frame
        (n, d) features with a RangeIndex.
    y
        (n,) labels as they came.
    takes
        the form in which the caller holds the features.
    """

    name: str
    y_name: str
    frame: pd.DataFrame
    y: pd.Series[Any]
    takes: Takes

    @classmethod
    def of(cls, x: Any, y: Any, name: str, y_name: str) -> Records:
        """Features and labels as a caller holds them.

        Raises
        ------
        BadBundle
            `not_a_table`, `duplicate_columns`, `lengths_differ`, `labels_shape`.
        """
        frame, takes = framed(x, name)
        labels = labels_in(y, y_name)
        if len(frame) != len(labels):
            raise BadBundle(
                "lengths_differ",
                f"{name} has {len(frame):,} records and {y_name} {len(labels):,} labels.",
                hint="Pass one label for each record, in the same order; the index is not looked at.",
            )
        return cls(name, y_name, frame, labels, takes)

    @property
    def sha256(self) -> dict[str, str]:
        """Digests of features and labels."""
        return {self.name: sha256_of(self.frame), self.y_name: sha256_of(self.y.to_frame())}


def framed(x: Any, name: str) -> tuple[pd.DataFrame, Takes]:
    """The features as a frame with a RangeIndex, and in which form they came."""
    for library, (what, hint) in _WAYS_IN.items():
        if not isinstance(x, pd.DataFrame) and made_by(x, library):
            raise BadBundle("not_a_table", f"{name} is {what}.", hint=hint.format(name=name))
    if isinstance(x, pd.DataFrame):
        twice = x.columns[x.columns.duplicated()]
        if len(twice):
            raise BadBundle(
                "duplicate_columns",
                f"{name} has {len(twice)} column names twice, {named(twice[0])} among them.",
                hint="Give each column a name of its own.",
            )
        return x.reset_index(drop=True), "frame"
    try:
        array = x.to_numpy() if isinstance(x, pd.Series) else np.asarray(x)
    except ValueError as error:  # rows of different lengths
        raise _no_table(name, f"a {type(x).__name__} that is no array") from error
    if (
        array.ndim == 1
        and array.dtype.kind in "OUT"
        and all(isinstance(cell, str) for cell in array.tolist())
    ):
        return pd.DataFrame({"text": array.astype(object)}), "texts"
    if array.ndim == 1 and array.dtype.kind in "biuf":
        raise BadBundle(
            "not_a_table",
            f"{name} has one axis of numbers, not rows of columns.",
            hint=f"Pass {name}.reshape(-1, 1) if it is one column.",
        )
    if array.ndim > 2:
        raise BadBundle(
            "not_a_table",
            f"{name} has shape {array.shape}, which is no table.",
            hint="Images are audited by leakgauge.audit_images; other arrays are flattened to one row a "
            "record, and made whole again in the function that is handed over.",
        )
    if array.ndim != 2 or array.dtype.kind not in "biufOU" or array.shape[1] == 0:
        raise _no_table(name, f"a {type(x).__name__}")
    return pd.DataFrame(array), "array"


def _no_table(name: str, what: str) -> BadBundle:
    return BadBundle(
        "not_a_table",
        f"{name} is {what}, not a table.",
        hint="Pass a DataFrame, an array of one row a record, or a list of texts if the model takes these.",
    )


def labels_in(y: Any, name: str) -> pd.Series[Any]:
    """(n,) the labels, in whatever form they came, with a RangeIndex.

    Raises
    ------
    BadBundle
        `labels_shape`.
    """
    if made_by(y, "torch"):
        raise BadBundle("labels_shape", f"{name} is a PyTorch tensor.", hint=f"Pass {name}.numpy().")
    if isinstance(y, pd.DataFrame):
        y = y.iloc[:, 0] if y.shape[1] == 1 else y.to_numpy()
    if isinstance(y, pd.Series):
        return y.astype(object).reset_index(drop=True)
    if isinstance(y, pd.Categorical | pd.Index | pd.api.extensions.ExtensionArray):
        return pd.Series(y).astype(object)
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise BadBundle(
            "labels_shape",
            f"{name} has shape {array.shape}, not one label for each record.",
            hint=f"If it marks one class a row, pass {name}.argmax(axis=1).",
        )
    return pd.Series(array.tolist(), dtype=object)


def sha256_of(*frames: pd.DataFrame) -> str:
    """Hexadecimal digest of what stands in the cells."""
    digest = hashlib.sha256()
    for frame in frames:
        hashable = frame.apply(lambda column: column if column.dtype.kind in "biuf" else column.map(str))
        digest.update(pd.util.hash_pandas_object(hashable, index=False).to_numpy().tobytes())
    return digest.hexdigest()
