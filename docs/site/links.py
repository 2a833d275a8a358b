"""Links that hold in a repository browser, made into links that hold on the site.

The pages are read in both places, so their links are relative to the repository. One that leaves `docs/`
becomes a link to the page made of that file, or to the file in the repository. A link to nothing is a
warning, and every warning ends the build.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/leakgauge/leakgauge"
PAGES = {
    f"{name.upper()}.md": f"docs/project/{name}.md" for name in ("changelog", "contributing", "security")
}
"""Files at the root of the repository that are included in pages of the site, by the page."""

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
_CODE = re.compile(r"(^```.*?^```$|^(?: {4}|\t).*?$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
# below Sphinx's own logger, which counts warnings
_log = logging.getLogger("sphinx.leakgauge.links")


def rewritten(markdown: str, *, source: str, page: str) -> str:
    """Markdown of the file `source` with links that hold on `page`; those in code stay as they are.

    Parameters
    ----------
    source, page
        Paths from the root of the repository, with slashes.
    """
    parts = _CODE.split(markdown)
    parts[::2] = [_LINK.sub(lambda found: _link(found, source, page), text) for text in parts[::2]]
    return "".join(parts)


def _link(link: re.Match[str], source: str, page: str) -> str:
    path, anchor = link[1], link[2] or ""
    target = os.path.normpath(PurePosixPath(source).parent / path)
    if not (ROOT / target).exists():
        _log.warning("%s links to %s, which does not exist", source, path)
        return link[0]
    target = PAGES.get(target, target)
    if not target.startswith("docs/") or (ROOT / target).is_dir():
        kind = "tree" if (ROOT / target).is_dir() else "blob"
        return f"{REPOSITORY}/{kind}/main/{target}{anchor}"
    return os.path.relpath(target, PurePosixPath(page).parent) + anchor
