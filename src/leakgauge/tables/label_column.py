"""Which column of a table holds the label.

In this order: the column that the parameter names; one called `label`; the only
one that can be. A column that the model knows as a feature is never the label,
and neither is the index that `DataFrame.to_csv` writes. Where the model knows its
columns by number alone, any of them could be the label: then a column that holds
other values than the model's classes, or than numbers, is out, and among those that are left the
model itself is asked, since with the wrong label its features are the wrong ones too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leakgauge.errors import BadBundle
from leakgauge.report.model import Notice
from leakgauge.tables import Table
from leakgauge.tables.inference import inferred
from leakgauge.tables.labels import Labels, named

DEFAULT_LABEL = "label"
LISTED_AT_MOST = 10
MOSTLY = 0.9
"""Share of cells that must hold a class of the model, or a number, for a column to be the label. A label or
two may be wrong, which is told by line once the column is known."""
MOST_TRIED = 20
"""Columns that the model is asked about at most to tell which holds the label."""
CLEARLY_BETTER = 0.15
"""By how much the mean share of right answers over the classes, or the share of the numbers that the model
explains, must exceed that of any other column."""

Fit = Callable[[Any], float]
"""How well the model's answers about the members agree with a column if that is the label; 0 where it cannot
answer."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Columns among which the label is looked for.

    Attributes
    ----------
    tables
        that of members first.
    columns
        names or numbers of the columns that may be it.
    labels
        what labels are to the model.
    """

    tables: Sequence[Table]
    columns: Sequence[Any]
    labels: Labels

    def chosen(self, notices: list[Notice], *, fit: Fit | None = None) -> Any:
        """The label column.

        Parameters
        ----------
        notices
            where the column had to be found out, the reader is told so here.
        fit
            how well the model answers if a column is the label, where that tells columns apart.

        Raises
        ------
        BadBundle
            `no_label_column`, with the candidates.
        """
        by_name = [name for name in self.columns if str(name).strip().lower() == DEFAULT_LABEL]
        if by_name:
            return by_name[0]
        if len(self.columns) == 1:
            return self.columns[0]
        possible = [name for name in self.columns if self._share_known(name) >= MOSTLY]
        found = self._only(possible, fit) if len(possible) == 1 else self._fitting(possible, fit)
        if found is None:
            self._refuse(possible)
        notices.append(
            Notice(
                "label_column",
                f"Column {named(found)} was taken for the label; set label_column if it is another.",
            )
        )
        return found

    def _share_known(self, name: Any) -> float:
        """Share of cells that can be labels, in the worst table; 0 for a constant."""
        return min(self.labels.share_known(table, name) for table in self.tables)

    def _only(self, possible: Sequence[Any], fit: Fit | None) -> Any:
        """The only candidate, unless the model can do nothing with the columns that are left then."""
        (name,) = possible
        return name if fit is None or fit(name) > 0.0 else None

    def _fitting(self, possible: Sequence[Any], fit: Fit | None) -> Any:
        """The one column with which the model answers clearly better than with any other; else None."""
        if fit is None or not possible:
            return None
        # of hundreds of flags one could be the label, but it would stand at an end
        ends = (self.columns[0], self.columns[-1])
        tried = possible if len(possible) <= MOST_TRIED else [name for name in possible if name in ends]
        shares = {name: fit(name) for name in tried}
        best, second, *_others = [*sorted(shares.values(), reverse=True), 0.0, 0.0]
        if best - max(second, self.labels.chance) < CLEARLY_BETTER:
            return None
        return max(tried, key=lambda name: shares[name])

    def _refuse(self, possible: Sequence[Any]) -> None:
        table = self.tables[0]
        listed = [named(name) for name in (possible or self.columns)[:LISTED_AT_MOST]]
        more = ", …" if len(possible or self.columns) > LISTED_AT_MOST else ""
        raise BadBundle(
            "no_label_column",
            f"{table.name} has no column called “{DEFAULT_LABEL}”, and "
            + (
                f"which one holds the label is not clear: {', '.join(listed)}{more} could."
                if possible
                else f"none of {', '.join(listed)}{more} holds {self.labels.words}."
            ),
            hint="Name the column with the true labels as label_column in parameters.json.",
        )


def is_index(column: pd.Series[Any], name: object) -> bool:
    """Whether this is the row index that `DataFrame.to_csv` writes when nobody stops it.

    It carries no name and numbers every row differently, in any order where the table was split at
    random; in a file without header it has to count.
    """
    if isinstance(column.dtype, pd.StringDtype):
        column = inferred(column, decimal=".")
    if not pd.api.types.is_integer_dtype(column):
        return False
    if isinstance(name, int):
        return bool((column.to_numpy() == np.arange(len(column)) + column.iloc[0]).all())
    unnamed = str(name).startswith("Unnamed:") or str(name).strip() in ("", "index")
    return unnamed and column.is_unique
