"""The columns of a table that a model takes, by name or by their number."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from leakgauge.errors import UnsupportedModel


def columns_by_name(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The columns that a model knows by name, in its own order.

    Raises
    ------
    UnsupportedModel
        `columns_do_not_fit`, with those that are missing.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise UnsupportedModel(
            "columns_do_not_fit",
            f"The model was fitted on columns that the table lacks: {', '.join(missing[:5])}.",
            hint="Send the table with the columns that the model was fitted on, by the same names.",
            details={"missing": list(missing[:100])},
        )
    return frame[list(names)]


def check_width(frame: pd.DataFrame, n_features: int | None) -> None:
    """Refuse a table with another number of columns than the model takes; None where it does not say.

    Raises
    ------
    UnsupportedModel
        `columns_do_not_fit`, with both numbers.
    """
    if n_features is not None and n_features != frame.shape[1]:
        raise UnsupportedModel(
            "columns_do_not_fit",
            f"The model was fitted on {n_features} columns, and the table has {frame.shape[1]}.",
            hint="Send the table with the columns that the model was fitted on, in the same order.",
            details={"model_columns": n_features, "table_columns": int(frame.shape[1])},
        )
