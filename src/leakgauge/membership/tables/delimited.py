"""What the first rows of a CSV tell: its delimiter, its decimal sign, and whether it has a header.

The first row is a header

1. if it holds a name that the caller expects (a feature of the model, the label
   column) and that is not a number, or all expected names;
2. if no cell in it is a number, and no two cells are equal;
3. if its numbers count 0, 1, 2, ... (three of them or more), as pandas names
   the columns of an array, whatever text stands between them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal, NoReturn

from leakgauge.bundle import Limits
from leakgauge.errors import BadBundle
from leakgauge.membership.tables.table import FEWEST_COLUMNS

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_ROWS: Final = 64
_FEWEST_COUNTED_NAMES: Final = 3
_NUMBER: Final = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*", re.ASCII)
_COMMA_NUMBER: Final = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*", re.ASCII)
_COMMA_CELL: Final = re.compile(rb'[;\n]"?[ \t]*[-+]?\d*,\d+([eE][-+]?\d+)?[ \t]*"?(?=[;\r\n])')
_POINT_CELL: Final = re.compile(rb'[;\n]"?[ \t]*[-+]?\d*\.\d+([eE][-+]?\d+)?[ \t]*"?(?=[;\r\n])')


@dataclass(frozen=True, slots=True)
class Text:
    """A CSV in UTF-8 without byte order mark, and what its first rows tell."""

    name: str
    data: bytes
    delimiter: str
    decimal: str
    first_row: tuple[str, ...]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of each row; like pandas, without blank ones."""
        return _rows(self.data, self.delimiter)

    def header_evidence(self, expected: Collection[str]) -> Literal["names", "counts", "none"]:
        """What makes the first row a header: names, or numbers that count; `none` if it is a record."""
        cells = [cell.strip() for cell in self.first_row]
        present = [column for column in expected if column in cells]
        if any(not _NUMBER.fullmatch(column) for column in present):
            return "names"
        if expected and len(present) == len(expected):
            return "names"
        named = [cell for cell in cells if cell]
        numbers = [cell for cell in named if _NUMBER.fullmatch(cell)]
        if len(set(named)) < len(named):
            return "none"
        if not numbers:
            return "names"
        counting = len(numbers) >= _FEWEST_COUNTED_NAMES and numbers == [str(k) for k in range(len(numbers))]
        return "counts" if counting else "none"


def text_of(data: bytes, name: str, limits: Limits) -> Text:
    """The CSV in `data`, UTF-8 without byte order mark.

    Raises
    ------
    BadBundle
        `empty_table`, `too_few_columns`, `unterminated_quote`.
    LimitExceeded
        `table_columns`.
    """
    if not data or data.isspace():
        raise BadBundle("empty_table", f"{name} is empty.", hint="Send a table with one record a row.")
    delimiter = _delimiter(data)
    first_row = next((cells for _, cells in _sample(data, delimiter)), None)
    if first_row is None:
        refuse_quote(name, 1)
    if len(first_row) < FEWEST_COLUMNS:
        if "\n" in first_row[0]:
            refuse_quote(name, 1)
        raise BadBundle(
            "too_few_columns",
            f"{name} has only one column, whichever of comma, semicolon, tab and bar delimits it.",
            hint="A table needs at least one feature and the label; check its delimiter.",
            details={"file": name},
        )
    if len(first_row) > limits.table_columns:
        raise limits.exceeded("table_columns", f"{name} has {len(first_row):,} columns.")
    return Text(name, data, delimiter, _decimal(data, delimiter), tuple(first_row))


def _rows(data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline=""), delimiter=delimiter)
    before = 0
    for cells in reader:
        if cells and (len(cells) > 1 or cells[0].strip()):
            yield before + 1, cells
        before = reader.line_num


def _sample(data: bytes, delimiter: str) -> list[tuple[int, list[str]]]:
    """The first rows, fewer where a quote is left open."""
    found: list[tuple[int, list[str]]] = []
    try:
        found.extend(islice(_rows(data, delimiter), _SAMPLE_ROWS))
    except csv.Error:
        # a cell beyond the reader's limit: what came before it still tells the delimiter
        return found
    return found


def _delimiter(data: bytes) -> str:
    """The delimiter that cuts the first rows into the same number of cells, and the cleanest ones.

    A cell is clean if no other delimiter stands in it, but for the comma of a decimal number. Without
    this, `1,5;2,5` would pass for three columns delimited by commas.
    """
    best, best_score = _DELIMITERS[0], (False, 0.0, 0)
    for delimiter in _DELIMITERS:
        rows = [cells for _, cells in _sample(data, delimiter)]
        width = len(rows[0]) if rows else 0
        if width < FEWEST_COLUMNS:
            continue
        others = set(_DELIMITERS) - {delimiter}
        cells = [cell for row in rows for cell in row]
        clean = sum(not others & set(cell) or _COMMA_NUMBER.fullmatch(cell) is not None for cell in cells)
        score = (all(len(row) == width for row in rows), clean / len(cells), width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _decimal(data: bytes, delimiter: str) -> str:
    """The comma where semicolons delimit and numbers have commas but never points, else the point."""
    if delimiter != ";":
        return "."
    return "," if _COMMA_CELL.search(data) and not _POINT_CELL.search(data) else "."


def refuse_quote(name: str, line: int) -> NoReturn:
    """Refuse a file in which the quote that is opened on or after `line` never ends."""
    raise BadBundle(
        "unterminated_quote",
        f"{name}: a quote that is opened on or after line {line} is never closed.",
        hint="Close the quote, and double the quotes inside quoted cells.",
        details={"file": name, "line": line},
    )
