"""The table of contents of a page, read off the page itself, so that no section can be left out of it."""

from __future__ import annotations

from html.parser import HTMLParser

from markupsafe import Markup

_LEVEL = "h2"
_UNSEEN = "visually-hidden"


def headings(sections: Markup) -> list[tuple[str, str]]:
    """The address within the page and the text of each section's heading, in order.

    Parameters
    ----------
    sections
        markup of ours, with an `id` on each heading of a section; those that nobody sees are left out.
    """
    reader = _Reader()
    reader.feed(sections)
    reader.close()
    return [(identifier, " ".join(text.split())) for identifier, text in reader.found]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._inside = self._inside or (
            tag == _LEVEL and "id" in named and _UNSEEN not in (named.get("class") or "")
        )
        if tag == _LEVEL and self._inside:
            self.found.append((named["id"] or "", ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != _LEVEL

    def handle_data(self, data: str) -> None:
        if self._inside:
            identifier, text = self.found[-1]
            self.found[-1] = (identifier, text + data)
