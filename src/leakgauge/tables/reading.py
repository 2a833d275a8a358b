"""From the files of a bundle to its tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from leakgauge.bundle import Limits
from leakgauge.errors import BadBundle
from leakgauge.tables.delimited import Text, text_of
from leakgauge.tables.encoding import read_utf8
from leakgauge.tables.parquet import MAGIC, read_parquet
from leakgauge.tables.parsing import parse
from leakgauge.tables.table import Table

Header: TypeAlias = Literal["auto", True, False]


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
    name
        the file's name for messages.
    header
        whether the first row names the columns; `auto` decides by rules 1 to 3 of `delimited`.
    expected
        names that a header would hold.

    Raises
    ------
    BadBundle
        with file, line and column of what is wrong.
    LimitExceeded
        `unpacked_bytes`, `table_rows` or `table_columns`.
    """
    content = _content(path, name, limits)
    if isinstance(content, Text):
        # a word over numbers (rule 4) is too little where no second table starts alike
        evidence = content.header_evidence(expected)
        has_header = evidence in ("names", "counts") if header == "auto" else header
        return parse(content, has_header=has_header, limits=limits)
    return content


def read_tables(
    paths: Sequence[Path],
    *,
    names: Sequence[str],
    limits: Limits,
    header: Header = "auto",
    expected: Collection[str] = (),
) -> tuple[Table, ...]:
    """The tables of a bundle, all of them with or without header, so far as they are CSV.

    A first row that merely counts or holds a word over numbers (rules 3 and 4) is taken for a header
    only where all files start alike: it could be a record by chance.

    Raises
    ------
    BadBundle, LimitExceeded
        as `read_table`; further `headers_differ` where only some files have a header.
    """
    contents = [_content(path, name, limits) for path, name in zip(paths, names, strict=True)]
    if header == "auto":
        headers = _agree([content for content in contents if isinstance(content, Text)], expected)
    else:
        headers = header
    return tuple(
        parse(content, has_header=headers, limits=limits) if isinstance(content, Text) else content
        for content in contents
    )


def _agree(texts: Sequence[Text], expected: Collection[str]) -> bool:
    """Whether all of `texts` start with a header, or none does."""
    evidence = {text.name: text.header_evidence(expected) for text in texts}
    alike = len({text.first_row for text in texts}) == 1
    if not alike and "names" not in evidence.values():
        # by counts or words alone: a record that happens to look so, in some files or in all
        return set(evidence.values()) == {"counts"}
    with_header = [name for name, found in evidence.items() if found != "none"]
    without = [name for name, found in evidence.items() if found == "none"]
    if with_header and without:
        raise BadBundle(
            "headers_differ",
            f"{with_header[0]} starts with a header, {without[0]} with a record.",
            hint='Give all files the same first row, or set "header" to true or false.',
            details={"with_header": with_header[0], "without_header": without[0]},
        )
    return bool(with_header)


def _content(path: Path, name: str, limits: Limits) -> Text | Table:
    with path.open("rb") as handle:
        is_parquet = handle.read(4) in MAGIC
    if is_parquet:
        return read_parquet(path, name, limits)
    return text_of(read_utf8(path, name, limits), name, limits)
