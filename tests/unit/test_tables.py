"""Tables as people export them, and tables that are broken."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal

from leakgauge.bundle import Limits
from leakgauge.errors import InputError
from leakgauge.tables import Header, Table, delimited, read_table, read_tables
from leakgauge.tables.inference import MISSING, has_thousands_separators, inferred

LIMITS = Limits()


def read(content: str | bytes, tmp_path: Path, *, limits: Limits = LIMITS, header: Header = "auto") -> Table:
    path = tmp_path / "stored"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, name="train.csv", limits=limits, header=header)


def inferred_frame(table: Table) -> pd.DataFrame:
    """The columns of a CSV as pandas would read them by default."""
    return table.frame.apply(lambda column: inferred(column, decimal=table.decimal))


def refused(
    content: str | bytes, tmp_path: Path, *, limits: Limits = LIMITS, header: Header = "auto"
) -> InputError:
    with pytest.raises(InputError) as caught:
        read(content, tmp_path, limits=limits, header=header)
    assert str(tmp_path) not in str(caught.value.body())
    return caught.value


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


PLAIN = "a,b,label\n1,x,0\n2.5,y,1\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.rstrip("\n"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", ";").replace(".", ","),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        '"a","b","label"\n"1","x","0"\n"2.5","y","1"\n',
        "\n\n" + PLAIN.replace("\n", "\n\n") + "  \n\n",
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-32"),
        gzip.compress(PLAIN.encode()),
        gzip.compress(PLAIN[:10].encode()) + gzip.compress(PLAIN[10:].encode()) + b"\0" * 100,
        gzip.compress(PLAIN.encode("utf-16")),
    ],
)
def test_one_table_however_it_is_written(content: str | bytes, tmp_path: Path) -> None:
    table = read(content, tmp_path)
    expected = pd.DataFrame({"a": [1.0, 2.5], "b": pd.Series(["x", "y"], dtype=object), "label": [0, 1]})
    assert_frame_equal(inferred_frame(table), expected, check_column_type=False)
    assert all(isinstance(dtype, pd.StringDtype) for dtype in table.frame.dtypes)
    assert table.has_header
    assert table.warnings == ()


def test_text_is_object_and_booleans_are_booleans(tmp_path: Path) -> None:
    frame = inferred_frame(read("a,b,c,label\nx,True,,1\n,False,y,2\n", tmp_path))
    assert [str(dtype) for dtype in frame.dtypes] == ["object", "bool", "object", "int64"]
    assert frame["a"].isna().tolist() == [False, True]
    assert type(frame["a"].iloc[1]) is float
    assert isinstance(frame.index, pd.RangeIndex)


def test_floats_come_back_to_the_last_bit(tmp_path: Path) -> None:
    bits = np.random.default_rng(0).integers(0, 2**63, 20_000)
    values = bits.view(np.float64)
    values = values[np.isfinite(values)]
    text = "a,label\n" + "".join(f"{value!r},0\n" for value in values.tolist())
    assert np.array_equal(inferred_frame(read(text, tmp_path))["a"].to_numpy(), values)
    comma = text.replace(",", ";").replace(".", ",")
    assert np.array_equal(inferred_frame(read(comma, tmp_path))["a"].to_numpy(), values)


@pytest.mark.parametrize(
    ("first_row", "has_header"),
    [
        ("a,b,label", True),
        ("1,2,3", False),
        ("1.5,x,y", False),
        ("1e3,x,y", False),
        ("-.5,x,y", False),
        ("x,y,z", True),
        ("x,x,z", False),
        (",,label", True),
        ("0,1,2", True),
        ("0,1,2,label", True),
        (",0,1,2,label", True),
        ("label,0,1,2", True),
        ("0,1,label", False),
        ("0,1", False),
        ("0,2,1", False),
        ("1,2,3,label", False),
        ("0.0,1.0,2.0", False),
        ("nan,a,b", True),
        ("x1,2b,3-4", True),
    ],
)
def test_the_header_rule(first_row: str, has_header: bool, tmp_path: Path) -> None:
    width = first_row.count(",") + 1
    record = ",".join(["7"] * width)
    table = read(f"{first_row}\n{record}\n{record}\n", tmp_path)
    assert table.has_header is has_header
    assert len(table.frame) == (2 if has_header else 3)
    if not has_header:
        assert table.frame.columns.tolist() == list(range(width))


def test_expected_names_make_a_header_of_a_row_with_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("2020,2021,label\n1,2,0\n3,4,1\n")
    assert not read_table(path, name="t", limits=LIMITS).has_header
    assert read_table(path, name="t", limits=LIMITS, expected=["label"]).has_header
    assert read_table(path, name="t", limits=LIMITS, expected=["2020", "2021"]).has_header
    assert not read_table(path, name="t", limits=LIMITS, expected=["2020", "2022"]).has_header
    assert not read_table(path, name="t", limits=LIMITS, header=False, expected=["label"]).has_header


def test_header_names_are_kept_as_pandas_keeps_them(tmp_path: Path) -> None:
    frame = read(",a, b,\n0,1,2,3\n1,4,5,6\n", tmp_path).frame
    assert frame.columns.tolist() == ["Unnamed: 0", "a", " b", "Unnamed: 3"]
    assert frame["Unnamed: 0"].tolist() == ["0", "1"]


def test_a_delimiter_at_the_end_of_every_line(tmp_path: Path) -> None:
    table = read("a,label,\n1,0,\n2,1,\n", tmp_path)
    assert table.frame.columns.tolist() == ["a", "label"]
    assert len(table.warnings) == 1
    assert "empty last column" in table.warnings[0]


@pytest.mark.parametrize(
    "content",
    [
        "1,5;2,5;3,5\n4,5;5,5;6,5\n",
        "1,5;2;a\n4;5,5;b\n",
        "a,b;c,d\n1,x;y,2\n3,z;w,4\n",
        '"a;b",c,d\n"1;2",3,4\n',
        "a|b;x|c\n1|2;3|4\n",
        "name\ttext\tlabel\n1\ta, b, c\t0\n2\td, e\t1\n",
    ],
)
def test_the_delimiter_is_told_from_rows_that_hold_several(content: str, tmp_path: Path) -> None:
    assert read(content, tmp_path, header=False).frame.shape == (content.count("\n"), 3)


def test_decimal_commas_only_where_no_number_has_a_point(tmp_path: Path) -> None:
    commas = inferred_frame(read("a;b;label\n1,5;2;0\n2;3;1\n", tmp_path))
    assert commas["a"].tolist() == [1.5, 2.0]
    mixed = inferred_frame(read("a;b;label\n1,5;2.5;0\n2;3;1\n", tmp_path))
    assert mixed["b"].tolist() == [2.5, 3.0]
    assert mixed["a"].dtype == object


class TestLines:
    def test_plain(self, tmp_path: Path) -> None:
        table = read(PLAIN, tmp_path)
        assert [table.line(0), table.line(1)] == [2, 3]
        assert table.place(1) == "line 3"

    def test_without_header(self, tmp_path: Path) -> None:
        assert read("1,2\n3,4\n", tmp_path).line(1) == 2

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_blank_lines_and_cells_of_several_lines(self, end: str, tmp_path: Path) -> None:
        content = '\na,label\n"x\ny",0\n\n"z\n\nw",1\nlast,2\n'
        table = read(content.replace("\n", end), tmp_path)
        assert [table.line(row) for row in range(3)] == [3, 6, 9]

    def test_parquet_counts_rows(self, tmp_path: Path) -> None:
        table = read(parquet(pa.table({"a": [1, 2], "label": [0, 1]})), tmp_path)
        assert table.place(1) == "row 2"


BROKEN: dict[str, tuple[str | bytes, str, dict[str, object]]] = {
    "empty": ("", "bad_bundle.empty_table", {}),
    "blank": (" \n\n\t\n", "bad_bundle.empty_table", {}),
    "only a mark": (codecs.BOM_UTF8, "bad_bundle.empty_table", {}),
    "empty gzip": (gzip.compress(b""), "bad_bundle.empty_table", {}),
    "header only": ("a,b,label\n", "bad_bundle.no_rows", {}),
    "one column": ("a\n1\n2\n", "bad_bundle.too_few_columns", {}),
    "longer row": ("a,b,label\n1,2,0\n1,2,3,0\n", "bad_bundle.ragged_row", {"line": 3, "cells": 4}),
    "longer first record": ("a,b,label\n1,2,3,0\n1,2,0\n", "bad_bundle.ragged_row", {"line": 2, "cells": 4}),
    "all records longer": ("a,b\n1,2,3\n1,2,3\n", "bad_bundle.ragged_row", {"line": 2, "cells": 3}),
    "shorter row": ("a,b,label\n1,2,0\n1,2\n1,2,3\n", "bad_bundle.ragged_row", {"line": 3, "cells": 2}),
    "shorter last row": ("a,b,label\n1,2,0\n1", "bad_bundle.ragged_row", {"line": 3, "cells": 1}),
    "shorter after an embedded newline": (
        'a,b,label\n"1\n2",2,0\n1,2\n',
        "bad_bundle.ragged_row",
        {"line": 4, "cells": 2},
    ),
    "quote open in the middle": (
        'a,b,label\n1,2,0\n1,"2,0\n3,4,1\n',
        "bad_bundle.unterminated_quote",
        {"line": 3},
    ),
    "quote open at the start": ('"a,b,label\n1,2,0\n', "bad_bundle.unterminated_quote", {"line": 1}),
    "quote open for long": (
        'a,label\n1,0\n"2,0\n' + "3,0\n" * 50_000,
        "bad_bundle.unterminated_quote",
        {"line": 3},
    ),
    "Latin-1": ("a,label\nx,0\nä,1\n".encode("latin-1"), "bad_bundle.encoding", {}),
    "half a UTF-16": (PLAIN.encode("utf-16")[:-1], "bad_bundle.encoding", {}),
    "UTF-16 without mark": (PLAIN.encode("utf-16-le"), "bad_bundle.nul_byte", {"line": 1}),
    "NUL": ("a,label\n1,0\n\0,1\n", "bad_bundle.nul_byte", {"line": 3}),
    "twins": ("a,b,a,label\n1,2,3,0\n", "bad_bundle.duplicate_columns", {"columns": [1, 3]}),
    "bzip2": (bz2.compress(PLAIN.encode()), "bad_bundle.not_a_table", {}),
    "zip": (b"PK\x03\x04 and so on", "bad_bundle.not_a_table", {}),
    "pickle": (b"\x80\x04N.", "bad_bundle.not_a_table", {}),
    "gzip cut": (gzip.compress(PLAIN.encode())[:-9], "bad_bundle.damaged_gzip", {}),
    "gzip checksum": (gzip.compress(PLAIN.encode())[:-8] + b"\0" * 8, "bad_bundle.damaged_gzip", {}),
    "gzip garbage": (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "bad_bundle.damaged_gzip", {}),
    "gzip in gzip": (gzip.compress(gzip.compress(PLAIN.encode())), "bad_bundle.not_a_table", {}),
    "parquet cut": (parquet(pa.table({"a": [1], "b": [2]}))[:-5], "bad_bundle.damaged_parquet", {}),
    "parquet header alone": (b"PAR1", "bad_bundle.damaged_parquet", {}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_tables_are_refused_by_name_and_place(case: str, tmp_path: Path) -> None:
    content, code, details = BROKEN[case]
    error = refused(content, tmp_path, header=True if case == "twins" else "auto")
    assert error.code == code
    assert "train.csv" in error.message
    assert {key: error.details[key] for key in details} == details
    if "line" in details:
        assert f"line {details['line']}" in error.message


class TestLimits:
    def test_rows(self, tmp_path: Path) -> None:
        limits = replace(LIMITS, table_rows=3)
        assert len(read("a,label\n" + "1,0\n" * 3, tmp_path, limits=limits).frame) == 3
        assert refused("a,label\n" + "1,0\n" * 4, tmp_path, limits=limits).code == "limit_exceeded.table_rows"

    def test_columns(self, tmp_path: Path) -> None:
        limits = replace(LIMITS, table_columns=3)
        assert read("1,2,3\n4,5,6\n", tmp_path, limits=limits).frame.shape == (2, 3)
        assert refused("1,2,3,4\n", tmp_path, limits=limits).code == "limit_exceeded.table_columns"

    def test_a_gzip_bomb_is_stopped(self, tmp_path: Path) -> None:
        bomb = gzip.compress(b"0,1\n" * 2_000_000)
        error = refused(bomb, tmp_path, limits=replace(LIMITS, unpacked_bytes=100_000))
        assert error.code == "limit_exceeded.unpacked_bytes"

    def test_a_parquet_bomb_is_stopped_before_it_is_unpacked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = parquet(pa.table({"a": np.zeros(1_000_000), "label": np.zeros(1_000_000)}))
        assert len(content) < 20_000
        monkeypatch.delattr(pq.ParquetFile, "read")
        error = refused(content, tmp_path, limits=replace(LIMITS, unpacked_bytes=1_000_000))
        assert error.code == "limit_exceeded.unpacked_bytes"
        error = refused(content, tmp_path, limits=replace(LIMITS, table_rows=999_999))
        assert error.code == "limit_exceeded.table_rows"
        error = refused(content, tmp_path, limits=replace(LIMITS, table_columns=1))
        assert error.code == "limit_exceeded.table_columns"


class TestParquet:
    def test_reads_what_the_csv_of_the_same_cells_gives(self, tmp_path: Path) -> None:
        frame = pd.DataFrame(
            {
                "number": [1.5, np.nan, 3.0],
                "text": ["x", None, "z"],
                "flag": [True, False, True],
                "empty": [np.nan] * 3,
                "label": [0, 1, 2],
            },
            index=[5, 6, 7],
        )
        arrow = pa.Table.from_pandas(frame)
        coded = arrow.set_column(1, "text", arrow.column("text").dictionary_encode())
        coded = coded.set_column(3, "empty", pa.nulls(3))
        expected = inferred_frame(read(frame.to_csv(index=False), tmp_path))
        for table in (arrow, coded):
            assert_frame_equal(read(parquet(table), tmp_path).frame, expected, check_column_type=False)

    @pytest.mark.parametrize(
        "column",
        [
            pa.array([[1], [2]]),
            pa.array([{"x": 1}, {"x": 2}]),
            pa.array([b"1", b"2"]),
            pa.array([1, 2], pa.date32()),
        ],
        ids=["list", "struct", "bytes", "date"],
    )
    def test_refuses_columns_that_no_model_takes(self, column: pa.Array, tmp_path: Path) -> None:
        error = refused(parquet(pa.table({"a": [1, 2], "b": column})), tmp_path)
        assert error.code == "bad_bundle.unsupported_column"
        assert error.details["column"] == 2

    def test_refuses_twins_no_rows_and_one_column(self, tmp_path: Path) -> None:
        twins = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
        assert refused(parquet(twins), tmp_path).problem == "duplicate_columns"
        assert refused(parquet(pa.table({"a": [1]})), tmp_path).problem == "too_few_columns"
        empty = pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())})
        assert refused(parquet(empty), tmp_path).problem == "no_rows"


class TestPairs:
    def pair(
        self, first: str | bytes, second: str | bytes, tmp_path: Path, header: Header = "auto"
    ) -> list[Table]:
        paths = (tmp_path / "first", tmp_path / "second")
        for path, content in zip(paths, (first, second), strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        names = ("train.csv", "test.csv")
        return list(read_tables(paths, names=names, limits=LIMITS, header=header))

    def test_a_record_that_counts_by_chance_is_no_header(self, tmp_path: Path) -> None:
        tables = self.pair("0,1,2\n5,5,5\n", "4,4,4\n3,3,3\n", tmp_path)
        assert [table.has_header for table in tables] == [False, False]
        assert [len(table.frame) for table in tables] == [2, 2]

    def test_counting_names_in_both_are_headers(self, tmp_path: Path) -> None:
        tables = self.pair("0,1,2\n5,5,5\n", "0,1,2\n3,3,3\n", tmp_path)
        assert [len(table.frame) for table in tables] == [1, 1]

    def test_a_word_over_numbers_in_both_is_a_header(self, tmp_path: Path) -> None:
        tables = self.pair("2019,2020,churn\n5,5,1\n6,5,0\n", "2019,2020,churn\n3,3,0\n", tmp_path)
        assert [table.frame.columns.tolist() for table in tables] == [["2019", "2020", "churn"]] * 2

    @pytest.mark.parametrize("cell", ["NA", "nan", "?", "-"])
    def test_a_missing_value_is_no_word(self, cell: str, tmp_path: Path) -> None:
        tables = self.pair(f"1,{cell},0\n5,5,1\n", f"1,{cell},0\n3,3,0\n", tmp_path)
        assert [table.has_header for table in tables] == [False, False]

    def test_a_word_over_numbers_in_one_is_no_header(self, tmp_path: Path) -> None:
        tables = self.pair("1,2,churn\n5,5,1\n", "4,4,0\n3,3,0\n", tmp_path)
        assert [table.has_header for table in tables] == [False, False]

    def test_records_of_words_are_no_header(self, tmp_path: Path) -> None:
        tables = self.pair("red,big,yes\nred,tiny,no\nblue,big,yes\n", "blue,big,no\nred,big,no\n", tmp_path)
        assert [len(table.frame) for table in tables] == [3, 2]

    def test_one_header_and_one_record(self, tmp_path: Path) -> None:
        for first, second in (("a,b\n1,2\n", "1,2\n"), ("1,2\n", "a,b\n1,2\n")):
            with pytest.raises(InputError) as caught:
                self.pair(first, second, tmp_path)
            assert caught.value.problem == "headers_differ"
        assert caught.value.message.startswith("test.csv starts with a header")

    def test_one_of_each_format(self, tmp_path: Path) -> None:
        tables = self.pair(parquet(pa.table({"a": [1], "b": [2]})), "a;b\n1,5;2\n", tmp_path)
        assert [table.name for table in tables] == ["train.csv", "test.csv"]
        assert inferred_frame(tables[1])["a"].tolist() == [1.5]

    def test_what_the_caller_says_holds(self, tmp_path: Path) -> None:
        tables = self.pair("0,1,2\n5,5,5\n", "a,b,c\n3,3,3\n", tmp_path, header=False)
        assert [len(table.frame) for table in tables] == [2, 2]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, st.floats(allow_nan=False), CELLS), min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_a_written_frame_comes_back(
    rows: list[tuple[str, float, str]],
    delimiter: str,
    encoding: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    frame = pd.DataFrame(
        [(f"t{first}", number, f"t{second}") for first, number, second in rows], columns=list("abc")
    )
    path = tmp_path_factory.mktemp("table") / "t.csv"
    frame.to_csv(path, index=False, sep=delimiter, encoding=encoding, quoting=2)
    table = read_table(path, name="t", limits=LIMITS, expected=["a"])
    assert inferred_frame(table).to_numpy().tolist() == frame.to_numpy().tolist()
    starts = path.read_bytes().decode(encoding).split("\n")
    assert starts[table.line(len(rows) - 1) - 1].startswith('"t')


@settings(max_examples=300, derandomize=True, deadline=None)
@given(data=st.one_of(st.binary(max_size=60), st.text('ab01.,;\t|"\n\r -', max_size=60).map(str.encode)))
def test_any_bytes_give_a_table_or_an_error_of_ours(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        table = read_table(path, name="any.csv", limits=LIMITS)
    except InputError as error:
        told = error.message
    else:
        told = table.place(len(table.frame) - 1)
        assert table.frame.shape[1] >= 2
    assert told


CELL_SPELLINGS = (
    *("1", "01", "-3", "+5", "1.5", "1e5", "1E2", " 7", "7 ", " 7.5 ", "1.", ".5", "1,5", "1e", "1e400"),
    *("True", "true", "FALSE", "x", "0x10", "1_000", "1j", "١", "2020-01-01", "inf", "-Infinity", "+inf"),
    *("  ", "\t3", *sorted(MISSING)),
)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(cells=st.lists(st.sampled_from(CELL_SPELLINGS), min_size=1, max_size=5), decimal=st.sampled_from(".,"))
def test_types_are_inferred_as_pandas_infers_them(cells: list[str], decimal: str) -> None:
    text = "\n".join(f'"{cell}"' for cell in cells)
    options: dict[str, object] = {"header": None, "names": ["v"], "skip_blank_lines": False}
    expected = pd.read_csv(io.StringIO(text), decimal=decimal, low_memory=False, **options)["v"]
    as_text = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""], **options)["v"]
    found = inferred(as_text, decimal=decimal)
    assert_series_equal(
        found, expected.astype(object) if expected.dtype == "str" else expected, check_names=False
    )


def test_cells_without_a_value_are_those_of_pandas() -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    assert MISSING == STR_NA_VALUES


@pytest.mark.parametrize(
    ("cell", "separated"),
    [
        *[(cell, True) for cell in ("52,310", "1,052,310.75", "-3,000", "1.052.310", "52.310,75")],
        *[(cell, True) for cell in ("52 310", "52\u202f310", "52'310", "52’310,5", " 7,000 ")],
        *[(cell, False) for cell in ("52310", "52.310", "1,5", "1,23,456", "1234,567", "a,000", "", "12:30")],
    ],
)
def test_thousands_separators_are_recognised(cell: str, separated: bool) -> None:
    assert has_thousands_separators(cell, decimal=".") is separated
    assert has_thousands_separators("52.310", decimal=",")


class TestLinesThatAreNoRows:
    @pytest.mark.parametrize("start", ["sep=;\n", '"sep=;"\r\n', "SEP=;\n", "sep=;\n\n"])
    def test_excel_names_the_delimiter(self, start: str, tmp_path: Path) -> None:
        table = read(start + "a;b;label\n1,5;x,y;0\n2;z;1\n", tmp_path)
        assert table.frame.columns.tolist() == ["a", "b", "label"]
        assert table.frame["b"].tolist() == ["x,y", "z"]
        assert table.line(0) == start.count("\n") + 2

    def test_a_delimiter_that_is_none_of_the_usual_ones(self, tmp_path: Path) -> None:
        assert read("sep=^\na^b\n1^2\n", tmp_path).frame.columns.tolist() == ["a", "b"]

    @pytest.mark.parametrize(
        "comments",
        [
            "# exported 2024-01-01\n",
            '# by me, for you, and "others\n#\n# a;b;c\n',
            "#\n\n# one more\n",
        ],
    )
    def test_comments_at_the_head(self, comments: str, tmp_path: Path) -> None:
        table = read(comments + "a,b,label\n1,2,0\n3,4,1\n", tmp_path)
        assert table.frame.columns.tolist() == ["a", "b", "label"]
        assert len(table.frame) == 2
        assert table.line(0) == comments.count("\n") + 2
        assert len(table.warnings) == 1

    def test_comments_between_and_after_the_records(self, tmp_path: Path) -> None:
        table = read("a,b,label\n1,2,0\n# half\n3,4,1\n#end\n", tmp_path)
        assert table.frame["a"].tolist() == ["1", "3"]
        assert [table.line(row) for row in range(2)] == [2, 4]
        assert table.warnings == ("2 lines that begin with # were passed over as comments.",)

    def test_rows_that_begin_with_the_sign_stay(self, tmp_path: Path) -> None:
        table = read('#id,b,label\n#1,2,0\n"#2\n#3",4,1\n', tmp_path)
        assert table.frame.columns.tolist() == ["#id", "b", "label"]
        assert table.frame["#id"].tolist() == ["#1", "#2\n#3"]
        assert table.warnings == ()

    def test_nothing_but_comments(self, tmp_path: Path) -> None:
        assert refused("# a\n# b\n", tmp_path).problem == "too_few_columns"


def test_a_plain_table_is_not_read_a_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0

    def counting(data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        nonlocal seen
        for row in rows(data, delimiter):
            seen += 1
            yield row

    rows = delimited._rows
    monkeypatch.setattr(delimited, "_rows", counting)
    table = read("a,b,label\n" + '1,"x",0\n' * 10_000, tmp_path)
    assert table.line(9_999) == 10_001
    assert 0 < seen < 500
