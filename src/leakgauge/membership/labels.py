"""Labels of a table -> positions in the target's classes, whatever each of them is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import BadBundle
from leakgauge.membership.tables import Table
from leakgauge.targets.protocol import IntArray

TRUTH = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
SHOWN_CLASSES = 10


def positions_of(table: Table, column: Any, classes: NDArray[Any]) -> IntArray:
    """(n,) positions in `classes` of the labels in `column`.

    A table knows numbers, booleans and text; a model's classes may be any of
    them and need not agree with it: "1", 1, 1.0 and, for a model of booleans,
    "True" are found where they mean the same.

    Raises
    ------
    BadBundle
        `missing_labels`, `unknown_labels`, `one_label`: with file and line.
    """
    labels = table.frame[column]
    absent = labels.isna().to_numpy()
    if absent.any():
        raise BadBundle(
            "missing_labels",
            f"{table.name} has {int(absent.sum()):,} records without a label, the first in "
            f"{table.place(int(np.argmax(absent)))}.",
            hint=f"Fill in or remove them; the label column is {named(column)}.",
        )
    known = {_key(value, classes): position for position, value in enumerate(classes)}
    of_values = {value: known.get(_key(value, classes), -1) for value in labels.unique()}
    positions: IntArray = labels.map(of_values).to_numpy(dtype=np.int64)
    unknown = positions < 0
    if unknown.any():
        shown = ", ".join(str(value) for value in classes[:SHOWN_CLASSES])
        more = ", …" if len(classes) > SHOWN_CLASSES else ""
        raise BadBundle(
            "unknown_labels",
            f"{table.name} has {int(unknown.sum()):,} of {len(labels):,} records with a label that the model "
            f"never saw, the first in {table.place(int(np.argmax(unknown)))}.",
            hint=f"The label column is {named(column)} and the model's classes are {shown}{more}; set "
            "label_column in parameters.json if another column holds the label.",
        )
    if len(np.unique(positions)) < 2:
        raise BadBundle(
            "one_label",
            f"Every record of {table.name} carries the same label.",
            hint=f"The label column is {named(column)}; send records of at least two classes.",
        )
    return positions


def named(column: object) -> str:
    """A column for a message: its quoted name, or its position from 0 where the file has no header."""
    return f"at position {column} (from 0)" if isinstance(column, int) else f"“{column}”"


def _key(value: Any, classes: NDArray[Any]) -> Any:
    """What two spellings of the same label have in common, given what the classes are made of."""
    if classes.dtype.kind == "b":
        return TRUTH.get(str(value).strip().lower(), str(value))
    if classes.dtype.kind in "iuf":
        try:
            return float(value)
        except (TypeError, ValueError):
            return str(value)
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()
