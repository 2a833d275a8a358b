"""What the cells of a CSV are where nobody says so: the types that `pandas.read_csv` finds by default.

Models were fitted on what that gives, so the same rules hold here, for a column
whose text was read before.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import pandas as pd

MISSING: Final = frozenset(
    (
        "",
        *("#N/A", "#N/A N/A", "#NA", "<NA>", "N/A", "NA", "n/a"),
        *("-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
        *("-NaN", "-nan", "NaN", "nan"),
        *("NULL", "null", "None"),
    )
)
"""Cells that pandas takes for no value."""

_TRUTH: Final = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_THOUSANDS: Final = re.compile(
    r"""\s* [-+]? \d{1,3} (?:
        (?:,\d{3})+ (?:\.\d+)?                    # 52,310.75
      | (?:\.\d{3}){2,} | (?:\.\d{3})+ ,\d+       # 1.052.310 and 52.310,75
      | (?:['’_\x20\xa0\u2009\u202f]\d{3})+ (?:[.,]\d+)?  # 52'310 and 52 310
    ) \s*""",
    re.ASCII | re.VERBOSE,
)

_ONE_POINT: Final = re.compile(r"\s*[-+]?\d{1,3}\.\d{3}\s*", re.ASCII)


def inferred(cells: pd.Series[Any], *, decimal: str) -> pd.Series[Any]:
    """The column as numbers, truth values or, where it holds anything else, text of dtype `object`.

    Parameters
    ----------
    cells
        (n,) text, missing where empty.
    decimal
        the sign that stands before decimal places.
    """
    values = cells.to_numpy(dtype=object, na_value=np.nan)
    present = ~(cells.isna() | cells.isin(MISSING)).to_numpy()
    if not present.any():
        return pd.Series(np.nan, index=cells.index, name=cells.name)
    held = values[present]
    found = _truth(held)
    if found is None:
        found = _numbers(held, decimal)
    if found is None:
        return pd.Series(np.where(present, values, np.nan), index=cells.index, name=cells.name, dtype=object)
    if present.all():
        return pd.Series(found, index=cells.index, name=cells.name)
    wider = np.full(len(values), np.nan, dtype=object if found.dtype == np.bool_ else np.float64)
    wider[present] = found
    return pd.Series(wider, index=cells.index, name=cells.name)


def number_in(cell: str) -> float | None:
    """The finite number that a cell spells, as `inferred` reads it; None for anything else."""
    try:
        found = float(pd.to_numeric(cell))
    except (ValueError, TypeError):
        return None
    return found if np.isfinite(found) else None


def has_thousands_separators(cell: str, *, decimal: str) -> bool:
    """Whether a cell is a number with thousands separators, which no reader takes without being told.

    With a decimal comma `52.310` is one, with a decimal point a number just above 52.
    """
    if _THOUSANDS.fullmatch(cell):
        return True
    return decimal == "," and _ONE_POINT.fullmatch(cell) is not None


def _truth(held: Any) -> Any:
    if any(cell not in _TRUTH for cell in set(held.tolist())):
        return None
    return np.array([_TRUTH[cell] for cell in held], dtype=np.bool_)


def _numbers(held: Any, decimal: str) -> Any:
    if decimal != ".":
        # there, a point stands in no number
        held = np.array([cell.replace(".", "?").replace(decimal, ".") for cell in held], dtype=object)
    try:
        return np.asarray(pd.to_numeric(held))
    except (ValueError, TypeError):
        return None
