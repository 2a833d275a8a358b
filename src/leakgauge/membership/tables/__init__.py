"""A CSV or parquet file -> a `Table`, or an error that names file, line and column.

file ─▶ encoding ─▶ delimited ─▶ parsing ─▶ Table, or file ─▶ parquet ─▶ Table
"""

from leakgauge.membership.tables.arrays import read_rows
from leakgauge.membership.tables.reading import Header, read_table, read_tables
from leakgauge.membership.tables.table import Table

__all__ = ["Header", "Table", "read_rows", "read_table", "read_tables"]
