"""What the first rows of a CSV tell: its delimiter, its decimal sign, and whether it has a header.

The first row is a header

1. if it holds a name that the caller expects (a feature of the model, the label
   column) and that is not a number, or all expected names;
2. if no cell in it is a number, no two cells are equal, and hardly any stands
   again in its own column;
3. if its numbers count 0, 1, 2, ... (three of them or more), as pandas names
   the columns of an array, whatever text stands between them;
4. if it holds a word over a column of nothing but numbers.

Rules 3 and 4 could hold of a record by chance, so they count only where both
tables start alike.

Before that, two kinds of lines that are no rows are blanked out, so that every
line keeps its number: Excel's `sep=;` at the very start, and comments, which are
lines that begin with `#`: those above the table, but for one of the table's width
right above a record, which is its header, and further down those of another width.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal, NoReturn

from leakgauge.bundle import Limits
from leakgauge.errors import BadBundle
from leakgauge.tables.inference import MISSING
from leakgauge.tables.table import FEWEST_COLUMNS

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_ROWS: Final = 64
_FEWEST_COUNTED_NAMES: Final = 3
_MOST_REPEATED: Final = 0.2
"""Share of a header's names that may stand again in their own columns, as `yes` or `date` might."""
_SEPARATOR_LINE: Final = re.compile(rb"\"?sep=([^\r\n\"])\"?[ \t]*(?=\r?\n|$)", re.IGNORECASE)
_COMMENT: Final = b"#"
_LETTER: Final = re.compile(r"[^\W\d_]")
_NUMBER: Final = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*", re.ASCII)
_COMMA_NUMBER: Final = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*", re.ASCII)
_COMMA_CELL: Final = re.compile(rb'[;\n]"?[ \t]*[-+]?\d*,\d+([eE][-+]?\d+)?[ \t]*"?(?=[;\r\n])')
_POINT_CELL: Final = re.compile(
    rb'[;\n]"?[ \t]*[-+]?(?!\d{1,3}\.\d{3}[ \t]*"?[;\r\n])\d*\.\d+([eE][-+]?\d+)?[ \t]*"?(?=[;\r\n])'
)


Evidence = Literal["names", "counts", "words", "none"]


@dataclass(frozen=True, slots=True)
class Text:
    """A CSV in UTF-8 without byte order mark, and what its first rows tell.

    Attributes
    ----------
    data
        the bytes; lines that are no rows are blank.
    sample
        cells of the first rows.
    notes
        sentences for the report about what was passed over.
    """

    name: str
    data: bytes
    delimiter: str
    decimal: str
    sample: tuple[tuple[str, ...], ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def first_row(self) -> tuple[str, ...]:
        """Cells of the first row, which may be a header."""
        return self.sample[0]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of each row; like pandas, without blank ones."""
        return _rows(self.data, self.delimiter)

    def header_evidence(self, expected: Collection[str]) -> Evidence:
        """Which of the rules makes the first row a header: 1 or 2 (`names`), 3, 4 (`words`); none of them."""
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
            return "none" if self._stands_again() > _MOST_REPEATED else "names"
        counting = len(numbers) >= _FEWEST_COUNTED_NAMES and numbers == [str(k) for k in range(len(numbers))]
        if counting:
            return "counts"
        return "words" if self._has_word_over_numbers() else "none"

    def _stands_again(self) -> float:
        """Share of the first row's cells that stand in their own column again, as values do."""
        again = [cell in below for cell, below in self._columns() if cell]
        return sum(again) / max(len(again), 1)

    def _has_word_over_numbers(self) -> bool:
        return any(
            _LETTER.search(cell) is not None
            and cell not in MISSING
            and not _NUMBER.fullmatch(cell)
            and bool(below)
            and all(_NUMBER.fullmatch(value) for value in below)
            for cell, below in self._columns()
        )

    def _columns(self) -> Iterator[tuple[str, set[str]]]:
        """For each column, the cell in the first row and those below it that are not empty."""
        whole = [row for row in self.sample[1:] if len(row) == len(self.first_row)]
        for place, cell in enumerate(self.first_row):
            yield cell.strip(), {row[place].strip() for row in whole} - {""}


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
    data, delimiter = _without_separator_line(data)
    if delimiter is None:
        delimiter = _delimiter(data)
    data, comments = _without_comments(data, delimiter)
    sample = tuple(tuple(cells) for _, cells in _sample(data, delimiter))
    if not sample:
        refuse_quote(name, 1)
    first_row = sample[0]
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
    notes = (_passed_over(comments),) if comments else ()
    return Text(name, data, delimiter, _decimal(data, delimiter), sample, notes)


def _without_separator_line(data: bytes) -> tuple[bytes, str | None]:
    """The data with Excel's `sep=;` blanked out, and the delimiter that it names."""
    found = _SEPARATOR_LINE.match(data)
    if found is None:
        return data, None
    return data[found.end() :], found[1].decode("latin-1")


def _without_comments(data: bytes, delimiter: str) -> tuple[bytes, int]:
    """The data with comment lines blanked out, and how many there were."""
    if not data.startswith(_COMMENT) and b"\n" + _COMMENT not in data:
        return data, 0
    lines = data.splitlines(keepends=True)
    # comments at the head are taken line by line: a quote in one would swallow the lines after it
    head = next((place for place, line in enumerate(lines) if line.strip() and line[:1] != _COMMENT), None)
    if head is None:
        return data, 0
    widths = Counter(
        len(cells) for _, cells in _sample(b"".join(lines[head:]), delimiter) if cells[0][:1] != "#"
    )
    if not widths:
        return data, 0
    (width, _), *_others = widths.most_common(1)
    comments = [place for place in range(head) if lines[place][:1] == _COMMENT]
    above = _cells_of(lines[comments[-1]], delimiter, width) if comments else None
    below = _cells_of(lines[head], delimiter, width) or []
    if above is not None and any(_NUMBER.fullmatch(cell) for cell in below):
        comments.pop()
    try:
        for line, cells in _rows(b"".join(lines[head:]), delimiter):
            if cells[0][:1] == "#" and len(cells) != width:
                comments.append(head + line - 1)
    except csv.Error:
        return data, 0  # whoever reads the records says where
    for place in comments:
        lines[place] = b"\n"
    return b"".join(lines), len(comments)


def _passed_over(comments: int) -> str:
    if comments == 1:
        return "A line that begins with # was passed over as a comment."
    return f"{comments:,} lines that begin with # were passed over as comments."


def _cells_of(line: bytes, delimiter: str, width: int) -> list[str] | None:
    """The cells in one line by itself, if there are `width` of them and no quote is left open."""
    try:
        cells = next(csv.reader([line.decode()], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None
    return cells if len(cells) == width else None


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
        rows = _without_leading_comments([cells for _, cells in _sample(data, delimiter)])
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


def _without_leading_comments(rows: Sequence[list[str]]) -> Sequence[list[str]]:
    """The rows without those that begin with `#`, unless that is all of them."""
    return [cells for cells in rows if cells[0][:1] != "#"] or rows


def _decimal(data: bytes, delimiter: str) -> str:
    """The comma where semicolons delimit and numbers have commas but never points, else the point.

    `52.310` is no number with a point there: it may be 52 thousand.
    """
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
