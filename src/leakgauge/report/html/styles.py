"""The stylesheets of the pages: one of the screen, one of charts, one of paper."""

from __future__ import annotations

import functools
import re
from importlib import resources

_VARIABLE = re.compile(r"(--[a-z0-9-]+): ([^;]+);")
_USE = re.compile(r"var\((--[a-z0-9-]+)\)")


@functools.cache
def page_style() -> str:
    """All of them, as the page carries them; no line break at either end, which its hash would cover."""
    return "\n".join(map(_sheet, ("style.css", "charts.css", "print.css")))


@functools.cache
def chart_style() -> str:
    """That of charts alone, for what knows no variables: its colours are those of paper."""
    light, _, _ = _sheet("style.css").partition("@media")
    colours = dict(_VARIABLE.findall(light))
    return _USE.sub(lambda use: colours[use[1]], _sheet("charts.css"))


def _sheet(name: str) -> str:
    return (resources.files(__package__) / "templates" / name).read_text("utf-8").strip()
