"""A table as the audit sees it, whatever file it came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from leakgauge.errors import LimitExceeded

FEWEST_COLUMNS: Final = 2
"""A feature and the label."""


@dataclass(frozen=True, slots=True)
class Table:
    """Records of one file.

    Attributes
    ----------
    name
        the file's name for messages.
    frame
        (n_rows, n_columns) the records, with a RangeIndex. Columns are named by text, or numbered
        0 .. n_columns − 1 where the file has no header. Out of a CSV every cell is text, missing
        where it is empty; a parquet file keeps its own types.
    has_header
        whether the file names its columns.
    warnings
        sentences for the report about what was passed over.
    lines
        (n_rows,) line of the file, from 1, on which each row starts; None for a file without lines.
    decimal
        the sign before decimal places of numbers that are still text.
    label
        the column of labels, where the files themselves say which it is.
    """

    name: str
    frame: pd.DataFrame
    has_header: bool
    warnings: tuple[str, ...]
    lines: Sequence[int] | None
    decimal: str = "."
    label: object | None = None

    def line(self, row: int) -> int:
        """Line of the file, from 1, on which row `row` of `frame` starts.

        In a file without lines (parquet) it is the row's number, from 1.
        """
        return row + 1 if self.lines is None else int(self.lines[row])

    def place(self, row: int) -> str:
        """`line 17` for row 15 of a CSV with header, `row 16` for the same row of a parquet file."""
        return f"{'row' if self.lines is None else 'line'} {self.line(row)}"


def with_object_text(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with text of dtype `object`: pipelines fitted before pandas 3 know no other."""
    text = [column for column in frame.columns if isinstance(frame[column].dtype, pd.StringDtype)]
    return frame.astype(dict.fromkeys(text, object)) if text else frame


def out_of_memory(name: str) -> LimitExceeded:
    """The error for a file that takes more memory than there is."""
    return LimitExceeded(
        "memory", f"{name} needs more memory than an audit is given.", hint="Send fewer rows or columns."
    )
