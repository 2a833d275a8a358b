"""How Sphinx makes the site: `make site`, from the Markdown under `docs/` and the docstrings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import leakgauge

sys.path.insert(0, str(Path(__file__).parent))
from links import REPOSITORY, ROOT, rewritten

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Leakgauge"
author = "The Leakgauge authors"
project_copyright = author
release = version = leakgauge.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["site"]

html_theme = "furo"
html_title = f"Leakgauge {release}"
html_baseurl = "https://leakgauge.github.io/leakgauge/"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"source_repository": REPOSITORY, "source_branch": "main", "source_directory": "docs/"}

myst_heading_anchors = 4
myst_linkify_fuzzy_links = False

autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
autosummary_generate = False


def setup(app: Sphinx) -> None:
    """Have the links of every page rewritten before they are read."""
    app.connect("source-read", _on_source_read)
    app.connect("include-read", _on_include_read)


def _on_source_read(_app: Sphinx, page: str, content: list[str]) -> None:
    content[0] = rewritten(content[0], source=f"docs/{page}.md", page=f"docs/{page}.md")


def _on_include_read(_app: Sphinx, included: Path, page: str, content: list[str]) -> None:
    source = Path(os.path.normpath(ROOT / "docs" / included)).relative_to(ROOT)
    content[0] = rewritten(content[0], source=source.as_posix(), page=f"docs/{page}.md")
