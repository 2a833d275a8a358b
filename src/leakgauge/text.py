"""Untrusted text made printable, as the place that shows it asks.

Names of files and columns, labels, stages and titles come from uploads and from the child that opened them.
Wherever such text is shown it goes through `printable`, which names the place.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

_REPLACEMENT: Final = "\ufffd"
_LONGEST: Final = 2_000
# orders that the text around them would obey; a name must not turn the rest of a page
_BIDIRECTIONAL_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# what makes a spreadsheet take a cell for a formula
_FORMULA_STARTS: Final = ("=", "+", "-", "@")
_MARKDOWN_SYNTAX: Final = frozenset("\\`*_{}[]<>#|~!&")


class Sink(Enum):
    """Where text is shown, and what would do harm there."""

    TERMINAL = "terminal"
    """A line for people: what could move the cursor, colour the screen or begin another line is replaced."""
    MESSAGE = "message"
    r"""An error's message or a line of a log: as on a terminal, but escaped (`\x1b`), so that a sender finds
    the character in its own file."""
    PAGE = "page"
    """HTML and JSON, which others escape: lines and tabs stay, and only what a page cannot hold or would
    obey is replaced."""
    XML = "xml"
    """XML 1.0, which others escape: as in a page, whose characters are those that XML allows."""
    CSV = "csv"
    """A cell of a table, which others quote: one line, that no spreadsheet takes for a formula."""
    MARKDOWN = "markdown"
    """A piece of a line of Markdown, shown as it is written."""


def printable(text: str, sink: Sink, *, longest: int = _LONGEST) -> str:
    """Text that does no harm where it is shown.

    Parameters
    ----------
    text
        from whomever; lone surrogates and control characters may be in it.
    sink
        where it goes.
    longest
        most characters of the result, at least 1; what is longer ends in an ellipsis.
    """
    made = _RULES[sink]
    # every character becomes one at least, so no more of them are needed
    pieces = [made(character) for character in text[: longest + 1]]
    if sink is Sink.CSV and text.startswith(_FORMULA_STARTS):
        pieces[0] = f"'{pieces[0]}"
    if sum(map(len, pieces)) > longest:
        while sum(map(len, pieces)) > longest - 1:
            pieces.pop()
        pieces.append("…")
    return "".join(pieces)


def _on_a_line(character: str) -> str:
    return character if character.isprintable() else _REPLACEMENT


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _on_a_page(character: str) -> str:
    code = ord(character)
    harmful = (
        (code < 0x20 and character not in "\n\t")
        or 0x7F <= code < 0xA0
        or 0xD800 <= code < 0xE000
        or code & 0xFFFE == 0xFFFE
        or character in _BIDIRECTIONAL_CONTROLS
    )
    return _REPLACEMENT if harmful else character


def _in_markdown(character: str) -> str:
    return f"\\{character}" if character in _MARKDOWN_SYNTAX else _on_a_line(character)


_RULES: Final[dict[Sink, Callable[[str], str]]] = {
    Sink.TERMINAL: _on_a_line,
    Sink.MESSAGE: _escaped,
    Sink.PAGE: _on_a_page,
    Sink.XML: _on_a_page,
    Sink.CSV: _on_a_line,
    Sink.MARKDOWN: _in_markdown,
}
