"""Rows in one NPY file and their labels in another, as one table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leakgauge.bundle import BundledFile, Limits
from leakgauge.errors import BadBundle
from leakgauge.images.arrays import map_array
from leakgauge.tables.table import Table, out_of_memory


def read_rows(rows: BundledFile, labels: BundledFile, limits: Limits) -> Table:
    """The table of an array of rows, with its columns by number and the labels behind them.

    Raises
    ------
    BadBundle
        what `map_array` raises; `labels_do_not_match`.
    LimitExceeded
        `table_rows`, `table_columns`, `memory`.
    """
    array, y = map_array(rows.path, rows.name), map_array(labels.path, labels.name)
    if array.ndim != 2 or y.shape not in ((len(array),), (len(array), 1)):
        raise BadBundle(
            "labels_do_not_match",
            f"{rows.name} has shape {array.shape} and {labels.name} has shape {y.shape}.",
            hint="Save (n, columns) rows and (n,) labels in the same order; one label for each row, and not "
            "one column for each class.",
        )
    n, columns = array.shape
    if n > limits.table_rows:
        raise limits.exceeded("table_rows", f"{rows.name} has {n:,} rows.")
    if columns + 1 > limits.table_columns:
        raise limits.exceeded("table_columns", f"{rows.name} has {columns:,} columns.")
    try:
        frame = pd.DataFrame(np.array(array))
        frame[columns] = np.array(y).ravel()
    except MemoryError as error:
        raise out_of_memory(rows.name) from error
    return Table(rows.name, frame, has_header=False, warnings=(), lines=None, label=columns)
