"""The tables of every audit on tables: from files to columns and labels as the model knows them.

file ─▶ encoding ─▶ delimited ─▶ parsing ─▶ Table, or file ─▶ parquet ─▶ Table; whatever is wrong is an
error that names file, line and column. `columns` finds which column is what, `column_types` gives each
the type that training had, `labels` reads the labels as the model's classes or numbers.
"""

from leakgauge.tables.arrays import read_rows
from leakgauge.tables.reading import Header, read_table, read_tables
from leakgauge.tables.table import Table

__all__ = ["Header", "Table", "read_rows", "read_table", "read_tables"]
