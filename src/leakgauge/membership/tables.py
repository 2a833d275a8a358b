"""A CSV or parquet file -> a `Table`, or an error that names file, line and column.

What comes out is what `pandas.read_csv` with its defaults gives, since that is
what the models under audit were fitted on, in three respects made stricter:
text columns are of dtype `object` (pipelines fitted before pandas 3 know no
other), rows that are too short are refused instead of being filled up, and
columns of one name are refused instead of being renamed.

Whether a CSV starts with a header is decided by its first row. It is one

1. if it holds a name that the caller expects (a feature of the model, the label
   column) and that is not a number, or all expected names;
2. if no cell in it is a number, and no two cells are equal;
3. if its numbers count 0, 1, 2, ... (three of them or more), as pandas names
   the columns of an array, whatever text stands between them.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from leakgauge.bundle import Limits
from leakgauge.errors import BadBundle, LimitExceeded

Header: TypeAlias = Literal["auto", True, False]

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_ROWS: Final = 64
_FEWEST_COUNTED_NAMES: Final = 3
_FEWEST_COLUMNS: Final = 2
_NUMBER: Final = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*", re.ASCII)
_COMMA_NUMBER: Final = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*", re.ASCII)
_COMMA_CELL: Final = re.compile(rb'[;\n]"?[ \t]*[-+]?\d*,\d+([eE][-+]?\d+)?[ \t]*"?(?=[;\r\n])')
_POINT_CELL: Final = re.compile(rb'[;\n]"?[ \t]*[-+]?\d*\.\d+([eE][-+]?\d+)?[ \t]*"?(?=[;\r\n])')


@dataclass(frozen=True, slots=True)
class Table:
    """Records of one file.

    Attributes
    ----------
    name:
        the file's name for messages.
    frame:
        (n_rows, n_columns) the records, with a RangeIndex. Columns are named by text, or numbered
        0 .. n_columns − 1 where the file has no header.
    has_header:
        whether the file names its columns.
    warnings:
        sentences for the report about what was passed over.
    """

    name: str
    frame: pd.DataFrame
    has_header: bool
    warnings: tuple[str, ...]
    _lines: Sequence[int] | None

    def line(self, row: int) -> int:
        """Line of the file, from 1, on which row `row` of `frame` starts.

        In a file without lines (parquet) it is the row's number, from 1.
        """
        return row + 1 if self._lines is None else int(self._lines[row])

    def place(self, row: int) -> str:
        """`line 17` for row 15 of a CSV with header, `row 16` for the same row of a parquet file."""
        return f"{'row' if self._lines is None else 'line'} {self.line(row)}"


def read_table(
    path: Path,
    *,
    name: str,
    limits: Limits,
    header: Header = "auto",
    expected: Collection[str] = (),
) -> Table:
    """The table in one file, whose format is told from its bytes.

    Taken are CSV in UTF-8 or, with byte order mark, UTF-16, delimited by comma, semicolon, tab or
    bar, with decimal commas where semicolons delimit, also gzipped; and parquet of flat columns.

    Parameters
    ----------
    name:
        the file's name for messages.
    header:
        whether the first row names the columns; `auto` decides by the rule above.
    expected:
        names that a header would hold.

    Raises
    ------
    BadBundle
        with file, line and column of what is wrong.
    LimitExceeded
        `unpacked_bytes`, `table_rows` or `table_columns`.
    """
    content = _content(path, name, limits)
    if isinstance(content, _Text):
        has_header = content.header_evidence(expected) != "none" if header == "auto" else header
        return _parse(content, has_header=has_header, limits=limits)
    return content


def read_pair(
    members: Path,
    subjects: Path,
    *,
    names: tuple[str, str],
    limits: Limits,
    header: Header = "auto",
    expected: Collection[str] = (),
) -> tuple[Table, Table]:
    """The two tables of a bundle, with or without header both, so far as they are CSV.

    A first row that merely counts (rule 3) is taken for a header only where both files start alike:
    it could be a record by chance.

    Raises
    ------
    BadBundle, LimitExceeded
        as `read_table`; further `headers_differ` where only one file has a header.
    """
    contents = [_content(path, name, limits) for path, name in zip((members, subjects), names, strict=True)]
    if header == "auto":
        headers = _agree([content for content in contents if isinstance(content, _Text)], expected)
    else:
        headers = header
    first, second = (
        _parse(content, has_header=headers, limits=limits) if isinstance(content, _Text) else content
        for content in contents
    )
    return first, second


def _agree(texts: Sequence[_Text], expected: Collection[str]) -> bool:
    """Whether all of `texts` start with a header, or none does."""
    evidence = {text.name: text.header_evidence(expected) for text in texts}
    if set(evidence.values()) == {"counts", "none"}:
        return False
    with_header = [name for name, found in evidence.items() if found != "none"]
    without = [name for name, found in evidence.items() if found == "none"]
    if with_header and without:
        raise BadBundle(
            "headers_differ",
            f"{with_header[0]} starts with a header, {without[0]} with a record.",
            hint='Give both files the same first row, or set "header" to true or false.',
            details={"with_header": with_header[0], "without_header": without[0]},
        )
    return bool(with_header)


# --- bytes ------------------------------------------------------------------------------------------

_OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "a zip or a spreadsheet"),
    (b"\xd0\xcf\x11\xe0", "an Excel file"),
    (b"\x1f\x8b", "a gzip file in another"),
    (b"PAR1", "a parquet file in a gzip file"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ARROW1", "an Arrow file"),
    (b"ORC", "an ORC file"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
)
_PARQUET: Final = (b"PAR1", b"PARE")
_BYTE_ORDER_MARKS: Final = (
    # UTF-32 first: its mark begins with that of UTF-16
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True, slots=True)
class _Text:
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


def _content(path: Path, name: str, limits: Limits) -> _Text | Table:
    with path.open("rb") as handle:
        head = handle.read(8)
    if head.startswith(_PARQUET):
        return _read_parquet(path, name, limits)
    data = _gunzipped(path, name, limits) if head.startswith(b"\x1f\x8b") else path.read_bytes()
    return _text(_utf8(data, name), name, limits)


def _gunzipped(path: Path, name: str, limits: Limits) -> bytes:
    try:
        with gzip.open(path) as stream:
            data = stream.read(limits.unpacked_bytes + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadBundle(
            "damaged_gzip",
            f"{name} is a gzip file that is damaged or cut short.",
            hint="Compress the table again.",
        ) from error
    if len(data) > limits.unpacked_bytes:
        raise limits.exceeded("unpacked_bytes", f"{name} unpacks to too many bytes.")
    return data


def _utf8(data: bytes, name: str) -> bytes:
    """`data` as UTF-8 without byte order mark, its lines not ended by carriage returns alone."""
    for magic, what in _OTHER_FORMATS:
        if data.startswith(magic):
            raise BadBundle(
                "not_a_table", f"{name} is not a table but {what}.", hint="Export it as CSV or parquet."
            )
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                data = data.decode(encoding).encode()
            except UnicodeError as error:
                raise _bad_encoding(name, f"is marked as {encoding.upper()} but is not") from error
            break
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _bad_encoding(name, f"is not UTF-8: line {line} holds other bytes") from error
    nul = data.find(b"\0")
    if nul >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise BadBundle(
            "nul_byte",
            f"{name} holds a NUL byte in line {line}: it is not text, or is UTF-16 without its mark.",
            hint="Save the table as CSV in UTF-8.",
            details={"file": name, "line": line},
        )
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def _bad_encoding(name: str, what: str) -> BadBundle:
    return BadBundle(
        "encoding", f"{name} {what}.", hint="Save the table as CSV in UTF-8.", details={"file": name}
    )


# --- the shape of a CSV -----------------------------------------------------------------------------


def _text(data: bytes, name: str, limits: Limits) -> _Text:
    if not data or data.isspace():
        raise BadBundle("empty_table", f"{name} is empty.", hint="Send a table with one record a row.")
    delimiter = _delimiter(data)
    first_row = next((cells for _, cells in _sample(data, delimiter)), None)
    if first_row is None:
        _refuse_quote(name, 1)
    if len(first_row) < _FEWEST_COLUMNS:
        if "\n" in first_row[0]:
            _refuse_quote(name, 1)
        raise BadBundle(
            "too_few_columns",
            f"{name} has only one column, whichever of comma, semicolon, tab and bar delimits it.",
            hint="A table needs at least one feature and the label; check its delimiter.",
            details={"file": name},
        )
    if len(first_row) > limits.table_columns:
        raise limits.exceeded("table_columns", f"{name} has {len(first_row):,} columns.")
    return _Text(name, data, delimiter, _decimal(data, delimiter), tuple(first_row))


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
        if width < _FEWEST_COLUMNS:
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


# --- parsing ----------------------------------------------------------------------------------------


def _parse(text: _Text, *, has_header: bool, limits: Limits) -> Table:
    columns = _column_names(text) if has_header else list(range(len(text.first_row)))
    try:
        with warnings.catch_warnings():
            # rows longer than the first are an error here, not a loss of data to be warned about
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.BytesIO(text.data),
                sep=text.delimiter,
                decimal=text.decimal,
                header=0 if has_header else None,
                names=columns,
                index_col=False,
                nrows=limits.table_rows + 1,
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        _refuse_shape(text, error)
    except MemoryError as error:
        raise _out_of_memory(text.name) from error
    if len(frame) > limits.table_rows:
        raise limits.exceeded("table_rows", f"{text.name} has too many rows.")
    if frame.empty:
        raise BadBundle(
            "no_rows",
            f"{text.name} has a header but no records.",
            hint="Send at least a few hundred records.",
        )
    if frame.iloc[:, -1].isna().any():
        # pandas fills short rows up from the right, so that only now there can be any
        _refuse_uneven_rows(text, shorter=True)
    frame, notes = _without_empty_last_column(frame, text.name)
    return Table(
        text.name, _with_object_text(frame), has_header, notes, _line_numbers(text, has_header, len(frame))
    )


def _column_names(text: _Text) -> list[str]:
    """The header's names; pandas' own `Unnamed: 3` for an empty one."""
    names = [cell if cell else f"Unnamed: {position}" for position, cell in enumerate(text.first_row)]
    seen: dict[str, int] = {}
    for position, column in enumerate(names):
        if column in seen:
            raise BadBundle(
                "duplicate_columns",
                f"{text.name} has the same name over columns {seen[column] + 1} and {position + 1}.",
                hint='Rename one of them; if the first row is a record, set "header" to false.',
                details={"file": text.name, "columns": [seen[column] + 1, position + 1]},
            )
        seen[column] = position
    return names


def _without_empty_last_column(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Drops the column that a delimiter at the end of every line makes."""
    last = frame.columns[-1]
    unnamed = not isinstance(last, str) or last == f"Unnamed: {frame.shape[1] - 1}"
    if unnamed and frame.shape[1] > _FEWEST_COLUMNS and bool(frame.iloc[:, -1].isna().all()):
        note = f"{name}: every line ends with a delimiter; the empty last column was left out."
        return frame.iloc[:, :-1], (note,)
    return frame, ()


def _with_object_text(frame: pd.DataFrame) -> pd.DataFrame:
    text = [column for column in frame.columns if isinstance(frame[column].dtype, pd.StringDtype)]
    return frame.astype(dict.fromkeys(text, object)) if text else frame


def _line_numbers(text: _Text, has_header: bool, n_rows: int) -> Sequence[int] | None:
    """First line of each record; None where our count of records differs from that of pandas."""
    data = text.data
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if lines == n_rows + has_header and data.count(b"\r") == data.count(b"\r\n"):
        # no blank line and no cell of several lines: the usual case, for which nothing is read again
        return range(1 + has_header, 1 + has_header + n_rows)
    try:
        starts = [line for line, _ in text.rows()][int(has_header) :]
    except csv.Error:
        return None
    return starts if len(starts) == n_rows else None


def _refuse_shape(text: _Text, error: Exception) -> NoReturn:
    """Names the line on which pandas stumbled, found by reading the file a second time."""
    if "EOF inside string" in str(error):
        _refuse_quote(text.name, _line_of_open_quote(text))
    _refuse_uneven_rows(text, shorter=False)
    raise BadBundle(
        "damaged_table", f"{text.name} cannot be read as CSV.", hint="Export the table again."
    ) from error


def _refuse_uneven_rows(text: _Text, *, shorter: bool) -> None:
    width = len(text.first_row)
    line = 0
    try:
        for line, cells in text.rows():
            if len(cells) != width and (len(cells) < width) == shorter:
                raise BadBundle(
                    "ragged_row",
                    f"{text.name}, line {line}: {len(cells)} cells where the first row has {width}.",
                    hint="Give every row the same number of cells; quote cells that hold the delimiter.",
                    details={"file": text.name, "line": line, "cells": len(cells), "expected": width},
                )
    except csv.Error as error:
        raise BadBundle(
            "cell_too_long",
            f"{text.name}: a cell after line {line} is longer than 128 KiB.",
            hint="Check that every quote is closed.",
            details={"file": text.name, "line": line},
        ) from error


def _refuse_quote(name: str, line: int) -> NoReturn:
    raise BadBundle(
        "unterminated_quote",
        f"{name}: a quote that is opened on or after line {line} is never closed.",
        hint="Close the quote, and double the quotes inside quoted cells.",
        details={"file": name, "line": line},
    )


def _line_of_open_quote(text: _Text) -> int:
    """The line on which the last row starts: the open quote has swallowed all after it."""
    last = 1
    try:
        for line, _ in text.rows():
            last = line
    except csv.Error:
        return last + 1
    return last


def _out_of_memory(name: str) -> LimitExceeded:
    return LimitExceeded(
        "memory", f"{name} needs more memory than an audit is given.", hint="Send fewer rows or columns."
    )


# --- parquet ----------------------------------------------------------------------------------------

_BYTES_PER_CELL: Final = 8
_INDEX_COLUMN: Final = re.compile(r"__index_level_\d+__")


def _read_parquet(path: Path, name: str, limits: Limits) -> Table:
    try:
        with pq.ParquetFile(path) as file:
            _check_parquet(file, name, limits)
            columns = [column for column in file.schema_arrow.names if not _INDEX_COLUMN.fullmatch(column)]
            table = file.read(columns=columns, use_threads=False)
        for position, column in enumerate(table.schema):
            plain = _plain_type(column.type)
            if plain != column.type:
                table = table.set_column(position, column.name, table.column(position).cast(plain))
        table.validate(full=True)
        frame = table.to_pandas(ignore_metadata=True, use_threads=False)
    except MemoryError as error:
        raise _out_of_memory(name) from error
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise BadBundle(
            "damaged_parquet",
            f"{name} is a parquet file that cannot be read.",
            hint="Export the table again.",
        ) from error
    frame = _with_object_text(frame)
    for column in frame.columns[[pd.api.types.is_object_dtype(kind) for kind in frame.dtypes]]:
        # a CSV gives NaN for what is missing, and models were fitted on that
        frame[column] = frame[column].where(frame[column].notna(), np.nan)
    return Table(name, frame, has_header=True, warnings=(), _lines=None)


def _check_parquet(file: pq.ParquetFile, name: str, limits: Limits) -> None:
    """Sizes from the file's own summary, before any of it is unpacked: runs of equal cells cost nothing."""
    rows, columns = file.metadata.num_rows, file.metadata.num_columns
    if rows > limits.table_rows:
        raise limits.exceeded("table_rows", f"{name} has {rows:,} rows.")
    if columns > limits.table_columns:
        raise limits.exceeded("table_columns", f"{name} has {columns:,} columns.")
    stored = sum(
        file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups)
    )
    if max(stored, rows * columns * _BYTES_PER_CELL) > limits.unpacked_bytes:
        raise limits.exceeded("unpacked_bytes", f"{name} unpacks to too many bytes.")
    schema = file.schema_arrow
    for position, field in enumerate(schema):
        if not _is_flat(field.type):
            raise BadBundle(
                "unsupported_column",
                f"{name}: column {position + 1} holds neither numbers, text nor booleans.",
                hint="Nested lists, dates and bytes have to become numbers or text before the export.",
                details={"file": name, "column": position + 1},
            )
    kept = [column for column in schema.names if not _INDEX_COLUMN.fullmatch(column)]
    if len(set(kept)) < len(kept):
        raise BadBundle(
            "duplicate_columns", f"{name} has two columns of one name.", hint="Rename one of them."
        )
    if len(kept) < _FEWEST_COLUMNS:
        raise BadBundle(
            "too_few_columns",
            f"{name} has fewer than two columns.",
            hint="A table needs at least one feature and the label.",
        )
    if rows < 1:
        raise BadBundle("no_rows", f"{name} has no records.", hint="Send at least a few hundred records.")


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """What a CSV of the same cells would hold: categories as their values, an empty column as numbers."""
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    return pa.float64() if pa.types.is_null(kind) else kind


def _is_flat(kind: pa.DataType) -> bool:
    plain = _plain_type(kind)
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_string,
        pa.types.is_large_string,
    )
    return any(test(plain) for test in tests)
