"""Parquet files of flat columns, read as the CSV of the same cells would be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from leakgauge.bundle import Limits
from leakgauge.errors import BadBundle
from leakgauge.tables.table import FEWEST_COLUMNS, Table, out_of_memory, with_object_text

MAGIC: Final = (b"PAR1", b"PARE")
"""First bytes of a parquet file, plain or encrypted."""
_BYTES_PER_CELL: Final = 8
_INDEX_COLUMN: Final = re.compile(r"__index_level_\d+__")


def read_parquet(path: Path, name: str, limits: Limits) -> Table:
    """The table in a parquet file, without the index columns that pandas adds.

    Raises
    ------
    BadBundle
        `damaged_parquet`, `unsupported_column`, `duplicate_columns`, `too_few_columns`, `no_rows`.
    LimitExceeded
        `table_rows`, `table_columns`, `unpacked_bytes`, `memory`.
    """
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
        raise out_of_memory(name) from error
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise BadBundle(
            "damaged_parquet",
            f"{name} is a parquet file that cannot be read.",
            hint="Export the table again.",
        ) from error
    frame = with_object_text(frame)
    for column in frame.columns[[pd.api.types.is_object_dtype(kind) for kind in frame.dtypes]]:
        # a CSV gives NaN for what is missing, and models were fitted on that
        frame[column] = frame[column].where(frame[column].notna(), np.nan)
    return Table(name, frame, has_header=True, warnings=(), lines=None)


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
    if len(kept) < FEWEST_COLUMNS:
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
