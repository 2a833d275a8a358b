"""Untrusted text, made printable for each place that shows it."""

from __future__ import annotations

import csv
import html
import io
import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakgauge.text import Sink, printable

ANYTHING = st.text(alphabet=st.characters(), max_size=80)  # lone surrogates among them
LINES = (Sink.TERMINAL, Sink.MESSAGE, Sink.CSV, Sink.MARKDOWN)
PAGES = (Sink.PAGE, Sink.XML)
BIDIRECTIONAL = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HARMFUL = {
    "an escape sequence": "\x1b[2J\x1b]0;title\x07",
    "an eight-bit escape sequence": "\x9b31m",
    "a null": "a\0b",
    "a backspace": "abc\b\b\bxyz",
    "a carriage return": "told\rforged",
    "a delete": "a\x7fb",
    "a next line": "a\x85b",
    "an override": "a\u202eb",
    "an isolate": "a\u2066b\u2069",
    "a surrogate": "a\ud800b",
    "a noncharacter": "a\uffffb",
}


@pytest.mark.parametrize("sink", Sink)
@pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL)
def test_nothing_harmful_gets_anywhere(sink: Sink, text: str) -> None:
    shown = printable(text, sink)
    assert not {"\x1b", "\x9b", "\0", "\b", "\r", "\x7f", "\x85", "\ud800", "\uffff"} & set(shown)
    assert not set(BIDIRECTIONAL) & set(shown)
    shown.encode()


@pytest.mark.parametrize("sink", Sink)
@pytest.mark.parametrize("text", ["", "Zürich", "שלום", "数据", "🦊", "a b", "50 %", "e\u0301"])
def test_what_people_write_stays(sink: Sink, text: str) -> None:
    assert printable(text, sink) == text


@pytest.mark.parametrize("sink", LINES)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_line_stays_one(sink: Sink, end: str) -> None:
    shown = printable(f"told{end}forged", sink)
    assert shown.splitlines() == [shown]
    assert shown.startswith("told")
    assert shown.endswith("forged")


@pytest.mark.parametrize("sink", PAGES)
def test_a_page_keeps_lines_and_tabs(sink: Sink) -> None:
    assert printable("line\nbreak\tand", sink) == "line\nbreak\tand"


def test_a_message_says_which_character_it_was() -> None:
    assert printable("a\x1b[31m\n\u202e\ud800", Sink.MESSAGE) == r"a\x1b[31m\n\u202e\ud800"


def test_a_terminal_gets_one_mark_for_each() -> None:
    assert printable("Zürich \x1b[31m\r\n\u202e", Sink.TERMINAL) == "Zürich \ufffd[31m\ufffd\ufffd\ufffd"


@pytest.mark.parametrize("start", list("=+-@"))
def test_no_spreadsheet_takes_a_cell_for_a_formula(start: str) -> None:
    shown = printable(f"{start}HYPERLINK(1)", Sink.CSV)
    assert shown == f"'{start}HYPERLINK(1)"
    assert printable(f"a{start}b", Sink.CSV) == f"a{start}b"


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1"])
def test_nor_behind_what_is_not_seen(text: str) -> None:
    assert printable(text, Sink.CSV) == "\ufffd=1"


@pytest.mark.parametrize(
    "text", ["[a](javascript:b)", "<img>", "a|b", "`c`", "# d", "*e*", "![f](g)", "&lt;"]
)
def test_markdown_is_shown_as_written(text: str) -> None:
    shown = printable(text, Sink.MARKDOWN)
    bare = shown.replace("\\\\", "")
    assert all(bare[place - 1] == "\\" for place, sign in enumerate(bare) if sign in "[]<|`#*!&")


@pytest.mark.parametrize("sink", Sink)
@pytest.mark.parametrize("character", ["x", "\x1b", "\u202e", "\ud800", "*", "="])
def test_the_result_is_never_longer_than_asked(sink: Sink, character: str) -> None:
    for longest in (1, 2, 7, 60):
        for length in (0, longest - 1, longest, longest + 1, 10 * longest):
            shown = printable(character * length, sink, longest=longest)
            assert len(shown) <= longest
            assert (shown == "") is (length == 0)


@pytest.mark.parametrize("sink", Sink)
def test_what_is_cut_says_so(sink: Sink) -> None:
    assert printable("x" * 60, sink, longest=60) == "x" * 60
    assert printable("x" * 61, sink, longest=60) == "x" * 59 + "…"
    assert len(printable("x" * 10**7, sink)) == 2_000


def test_no_escape_is_cut_in_two() -> None:
    assert printable("abc\u202e", Sink.MESSAGE, longest=8) == "abc…"
    assert printable("abc\u202e", Sink.MESSAGE, longest=9) == r"abc\u202e"


@given(ANYTHING, st.sampled_from(Sink), st.integers(1, 90))
def test_any_text_is_shown_in_so_many_characters(text: str, sink: Sink, longest: int) -> None:
    shown = printable(text, sink, longest=longest)
    assert len(shown) <= longest
    shown.encode()
    if sink in LINES:
        assert shown.isprintable()


@given(ANYTHING)
def test_any_text_survives_xml(text: str) -> None:
    element = ET.Element("a")
    element.text = shown = printable(text, Sink.XML)
    assert (ET.fromstring(ET.tostring(element, encoding="utf-8")).text or "") == shown


@given(ANYTHING)
def test_any_text_survives_html_and_json(text: str) -> None:
    shown = printable(text, Sink.PAGE)
    assert html.unescape(html.escape(shown)) == shown
    assert json.loads(json.dumps(shown, ensure_ascii=False).encode()) == shown


@given(ANYTHING)
def test_any_text_is_one_cell(text: str) -> None:
    shown = printable(text, Sink.CSV)
    written = io.StringIO()
    csv.writer(written).writerow([shown, "next"])
    assert list(csv.reader(io.StringIO(written.getvalue(), newline=""))) == [[shown, "next"]]
    assert not shown.startswith(("=", "+", "-", "@"))
