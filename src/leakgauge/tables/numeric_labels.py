"""Labels that are numbers, as a regressor predicts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from leakgauge.errors import BadBundle
from leakgauge.report.model import Notice
from leakgauge.tables import Table
from leakgauge.tables.inference import MISSING, has_thousands_separators, inferred
from leakgauge.tables.label_column import DEFAULT_LABEL, MOSTLY
from leakgauge.tables.labels import ClassLabels, Labels, named
from leakgauge.targets.protocol import (
    LARGEST_NUMBER,
    BoolArray,
    FloatArray,
    MayPredictNumbers,
    Regressor,
    TableTarget,
)


def labels_of(target: TableTarget) -> Labels:
    """What the labels of a target are: numbers for a regressor, its classes for any other model."""
    if target.gives == "predictions":
        return NumericLabels(target.type_name)
    return ClassLabels(target.classes)


def settled_by_labels(
    target: TableTarget, tables: Sequence[Table], label_column: str | None, notices: list[Notice]
) -> TableTarget:
    """The target as a regressor, where it may be one and no column of labels holds classes of it alone.

    Parameters
    ----------
    label_column
        as in the parameters; None for the column called `label`, or any that is no feature.
    notices
        where a reader is told of it.
    """
    numbers = target.predicting_numbers() if isinstance(target, MayPredictNumbers) else None
    if numbers is None:
        return target
    columns = list(tables[0].frame.columns)
    called = (label_column or DEFAULT_LABEL).lower()
    possible = [name for name in columns if str(name).strip().lower() == called] or [
        name for name in columns if name not in (target.feature_names or ())
    ]

    def least(labels: Labels) -> float:
        return max(min(labels.share_known(table, name) for table in tables) for name in possible)

    if not possible or least(ClassLabels(target.classes)) == 1.0:
        return target
    if least(NumericLabels(numbers.type_name)) < MOSTLY:
        return target
    notices.append(
        Notice(
            "read_as_regressor",
            f"The {numbers.type_name} gives one number for each row. The labels are numbers too, and not "
            "0 and 1 alone, so it was audited as a model that predicts numbers.",
        )
    )
    return numbers


@dataclass(frozen=True, slots=True)
class NumericLabels:
    """Labels that are numbers.

    Attributes
    ----------
    model
        what the regressor is, for messages.
    """

    model: str

    chance = 0.0
    words = "numbers"

    def read(self, table: Table, column: Any) -> FloatArray:
        """(n,) the numbers in `column`.

        Raises
        ------
        BadBundle
            `missing_labels`, `labels_not_numbers`, `labels_out_of_range`, `one_label`: with file and line.
        """
        cells = table.frame[column]
        y = numbers_in(cells, table.decimal)
        missing = (cells.isna() | cells.isin(MISSING)).to_numpy(dtype=np.bool_)
        _refuse(
            missing,
            table,
            "missing_labels",
            "records without a label",
            f"Fill in or remove them; the label column is {named(column)}.",
        )
        _refuse(
            np.isnan(y),
            table,
            "labels_not_numbers",
            "records whose label is no number",
            f"A {self.model} predicts numbers. The label column is {named(column)}; set label_column in "
            "parameters.json if another column holds them."
            + (" Write them without thousands separators." if _separated(cells[np.isnan(y)], table) else ""),
        )
        _refuse(
            ~(np.abs(y) <= LARGEST_NUMBER),
            table,
            "labels_out_of_range",
            f"records whose label is infinite or beyond {LARGEST_NUMBER:g}, whose squared errors no computer "
            "holds",
            "Remove them, or state the numbers in another unit, in which the model is fitted again.",
        )
        if y.min() == y.max():
            raise BadBundle(
                "one_label",
                f"Every record of {table.name} carries the same label.",
                hint=f"The label column is {named(column)}; send records with different numbers.",
            )
        return y

    def share_known(self, table: Table, column: Any) -> float:
        """Share of cells that hold a number."""
        if column not in table.frame.columns:
            return 0.0
        y = numbers_in(table.frame[column], table.decimal)
        known = y[np.isfinite(y)]
        return len(known) / len(y) if len(known) and known.min() < known.max() else 0.0

    def agreement(self, target: TableTarget, x: Any, table: Table, column: Any) -> float:
        """Share of the numbers' distances from their median that the predictions explain; 0 for none."""
        y = numbers_in(table.frame[column], table.decimal)
        known = np.abs(y) <= LARGEST_NUMBER
        if not known.any():
            return 0.0
        predictions = cast(Regressor, target).predictions(x)
        spread = np.abs(y - np.median(y[known]))[known].sum()
        left = np.abs(y - predictions)[known].sum()
        return max(1.0 - float(left / spread), 0.0) if spread > 0.0 else 0.0


def numbers_in(cells: pd.Series[Any], decimal: str) -> FloatArray:
    """(n,) the cells as numbers; NaN for what is none."""
    untyped = cells.dtype == object or isinstance(cells.dtype, pd.StringDtype)
    if untyped and all(isinstance(cell, str) for cell in cells.dropna()):
        read = inferred(cells, decimal=decimal)
        if read.dtype != object:
            return read.to_numpy(dtype=np.float64)
        # one cell that is no number must not hide which one it is
        text = cells.astype(object).where(cells.notna(), "")
        if decimal != ".":
            text = text.map(lambda cell: cell.replace(".", "?").replace(decimal, "."))
        cells = text
    elif not (untyped or pd.api.types.is_numeric_dtype(cells) or pd.api.types.is_bool_dtype(cells)):
        return np.full(len(cells), np.nan)  # dates, say, would turn into numbers of nanoseconds
    numbers = pd.to_numeric(cells, errors="coerce")
    if pd.api.types.is_complex_dtype(numbers):
        return np.full(len(cells), np.nan)
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def _separated(cells: pd.Series[Any], table: Table) -> bool:
    return any(
        isinstance(cell, str) and has_thousands_separators(cell, decimal=table.decimal) for cell in cells
    )


def _refuse(bad: BoolArray, table: Table, problem: str, what: str, hint: str) -> None:
    """Refuse a table where there are bad labels, with the place of the first."""
    if bad.any():
        raise BadBundle(
            problem,
            f"{table.name} has {int(bad.sum()):,} {what}, the first in {table.place(int(np.argmax(bad)))}.",
            hint=hint,
        )
