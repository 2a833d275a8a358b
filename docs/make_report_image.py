"""Render reports for the README and the documentation: `docs/report.png`, `docs/screenshots/*.png`.

    python docs/make_report_image.py REPORT [REPORT ...]

Each REPORT is a folder with a report.html or a comparison.html; the images go by the folder's name, such as
`membership-phone.png`. The first one is also the image of the README. Needs the development extra and a
Chromium; the environment variable `CHROMIUM` may name it.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

LARGEST = 300_000
DOCS = Path(__file__).parent
PAGES = ("report.html", "comparison.html")


@dataclass(frozen=True)
class View:
    """How a page is looked at; sizes in pixels of a style sheet, A4 for paper."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"
    media: Literal["screen", "print"] = "screen"


VIEWS = (
    View("1366", 1366, 1500),
    View("phone", 390, 1500),
    View("dark", 1366, 1500, scheme="dark"),
    View("print", 680, 1000, media="print"),
)
README = View("readme", 1120, 1180)


def rendered(browser: Browser, page_file: Path, view: View) -> bytes:
    """The first screen as a PNG with a palette, which is a third of one without.

    Raises
    ------
    SystemExit
        when the image is too large for a page of documentation.
    """
    page = browser.new_page(viewport={"width": view.width, "height": view.height}, color_scheme=view.scheme)
    page.emulate_media(media=view.media)
    page.goto(page_file.resolve().as_uri())
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    written = io.BytesIO()
    image.quantize(64, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    if written.tell() > LARGEST:
        raise SystemExit(f"the image takes {written.tell():,} bytes, more than {LARGEST:,}")
    return written.getvalue()


def images(browser: Browser, folders: list[Path]) -> Iterator[tuple[Path, bytes]]:
    """Where each image goes, and the image.

    Raises
    ------
    SystemExit
        for a folder without a page.
    """
    for place, folder in enumerate(folders):
        page_file = next((folder / name for name in PAGES if (folder / name).is_file()), None)
        if page_file is None:
            raise SystemExit(f"{folder} holds no report: name the folder of one")
        for view in VIEWS:
            name = f"{folder.resolve().name}-{view.name}.png"
            yield DOCS / "screenshots" / name, rendered(browser, page_file, view)
        if place == 0:
            yield DOCS / "report.png", rendered(browser, page_file, README)


def main(folders: list[Path]) -> None:
    """Write the images of all folders."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        raise SystemExit("install chromium, or name it in the environment variable CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for path, content in images(browser, folders):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main([Path(name) for name in sys.argv[1:]])
