"""Render the first screen of a report as `docs/report.png`, for the README.

    python docs/make_report_image.py build/membership [docs/report.png]

Needs the development extra and a Chromium; the environment variable `CHROMIUM`
may name it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

LARGEST = 300_000
WIDTH, HEIGHT = 1120, 1180


def render(folder: Path, image: Path) -> None:
    """Render `report.html` of `folder` into the PNG file `image`.

    Raises
    ------
    SystemExit
        when there is no report or no browser, or when the image is too large for a README.
    """
    report = folder / "report.html"
    if not report.is_file():
        raise SystemExit(f"{report} is missing: name the folder of a report")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        raise SystemExit("install chromium, or name it in the environment variable CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        rendered = page.screenshot()
        browser.close()
    if len(rendered) > LARGEST:
        raise SystemExit(f"the image takes {len(rendered):,} bytes, more than {LARGEST:,}")
    image.write_bytes(rendered)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    render(
        Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).with_name("report.png")
    )
