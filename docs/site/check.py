"""Check a built site: every link leads somewhere, and no page loads anything from outside.

    python docs/site/check.py build/site

Links out of the site are not followed, since a build has no network: they must be well-formed, and https.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    ("img", "src"),
    ("script", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("audio", "src"),
    ("video", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("link", "href"),
}
"""What a browser fetches by itself."""
NAMED_ONLY = {"canonical", "next", "prev", "edit", "alternate"}
"""Relations of a `link` that name an address and fetch nothing."""
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}")
_CSS_URL = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)")


class Page(HTMLParser):
    """What a page holds: its anchors, the addresses it links to, and those it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Keep what matters of one element."""
        given = {name: value or "" for name, value in attributes}
        self.anchors.update(given[name] for name in ("id", "name") if given.get(name))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        fetches = tag != "link" or not NAMED_ONLY & set(given.get("rel", "").split())
        for element, attribute in LOADED:
            if tag == element and attribute in given and fetches:
                self.loads.append(given[attribute])
        if tag in {"img", "source"}:
            self.loads += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        self.loads += _CSS_URL.findall(given.get("style", ""))


def problems(site: Path) -> list[str]:
    """What is wrong with the site in a folder, a line each; nothing where all is well."""
    site = site.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site} holds no page"]
    for path, page in pages.items():
        where = path.relative_to(site)
        for address in page.loads:
            if _is_outside(address):
                found.append(f"{where} loads {address} from outside")
            else:
                found += [f"{where}: {reason}" for reason in _dead(address, path, site, pages)]
        for address in page.links:
            if _is_outside(address):
                found += [f"{where}: {reason}" for reason in _malformed(address)]
            elif not address.startswith(("mailto:", "javascript:", "data:")):
                found += [f"{where}: {reason}" for reason in _dead(address, path, site, pages)]
    for path in sorted(site.rglob("*.css")):
        for address in _CSS_URL.findall(path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(site)} loads {address} from outside")
    return found


def _is_outside(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in {"http", "https", "ftp"}


def _malformed(address: str) -> list[str]:
    parts = urlsplit(address)
    if parts.scheme != "https":
        return [f"{address} is not https"]
    if not _HOST.fullmatch(parts.hostname or "") or " " in address:
        return [f"{address} is no address"]
    return []


def _dead(address: str, path: Path, site: Path, pages: dict[Path, Page]) -> list[str]:
    """Why an address within the site leads nowhere."""
    if address.startswith("data:"):
        return []
    parts = urlsplit(address)
    base = site if parts.path.startswith("/") else path.parent
    target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file() or not target.is_relative_to(site):
        return [f"{address} leads nowhere"]
    anchor = unquote(parts.fragment)
    known = pages.get(target)
    if anchor and known is not None and anchor not in known.anchors:
        return [f"{address} names an anchor that the page does not have"]
    return []


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]))
    print("\n".join(wrong) or "every link leads somewhere, and nothing is loaded from outside")
    sys.exit(bool(wrong))
