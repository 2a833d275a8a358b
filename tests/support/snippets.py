"""The commands and the Python that README and docs show, as readers copy them."""

from __future__ import annotations

import ast
import contextlib
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "container/*.md", "marketplace-listing/*.md", "examples/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
PROGRAMS = (
    *("leakgauge", "curl", "python", "make", "docker", "pip", "aws", "gh", "cosign", "open", "sudo", "."),
    *("python3.11", "export", "meson"),
)
"""What the first word of a line for a shell can be."""
_ENDS = {";", "&&", "|", "||", ">", ">>"}


class Command(NamedTuple):
    """A call of `leakgauge` on a page."""

    page: str
    line: int
    words: tuple[str, ...]


def commands(page: str) -> Iterator[Command]:
    """Every call of `leakgauge` in the code of a page; a line that ends in a backslash goes on."""
    for number, text in _code(page):
        found = re.match(r"(?:\$ )?leakgauge (.*)", text.strip())
        if found:
            words = shlex.split(found[1].replace(";", " ; "), comments=True)
            end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
            # a page may show that something can be left out
            yield Command(page, number, tuple(word.strip("[]") for word in words[:end]))


def python(page: str) -> Iterator[tuple[int, str]]:
    """Every piece of Python in a page that does something, and the number of its first line."""
    for number, block in _blocks(page):
        source = textwrap.dedent(block)
        with contextlib.suppress(SyntaxError):
            found = {type(node) for node in ast.walk(ast.parse(source))}
            if found & {ast.Import, ast.ImportFrom, ast.Call}:
                yield number, source


def shell(page: str) -> Iterator[tuple[int, str]]:
    """Every line of a page that is for a shell, whole where a backslash ends it, without its comment."""
    for number, text in _code(page):
        line = text.strip().removeprefix("$ ")
        if re.match(rf"(?:{'|'.join(map(re.escape, PROGRAMS))})(?: |$)", line):
            yield number, re.sub(r"\s+# .*", "", line)


def _code(page: str) -> Iterator[tuple[int, str]]:
    for number, block in _blocks(page):
        whole = re.sub(r"\\\n\s*", " ", block)
        for place, text in enumerate(whole.splitlines()):
            yield number + place, text


def _blocks(page: str) -> Iterator[tuple[int, str]]:
    """Fenced and indented code, with the number of its first line."""
    fenced, block, first = False, [], 0
    for number, text in enumerate([*(ROOT / page).read_text().splitlines(), ""], start=1):
        fence = text.lstrip().startswith("```")
        inside = not fence and (fenced or text.startswith("    ") or (block and not text.strip()))
        if inside:
            first = first if block else number
            block.append(text if fenced else text[4:])
        elif block:
            yield first, "\n".join(block).rstrip() + "\n"
            block = []
        fenced = fenced != fence
