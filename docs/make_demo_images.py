"""Render the demo page as `docs/demo.png`, `docs/demo-phone.png` and `docs/demo-training.png`.

    python docs/make_demo_images.py ADDRESS [FOLDER]

ADDRESS is where a demo answers that has been trained, such as http://localhost:8000. The last
image is taken in mid-training, which it starts and calls off again. Needs the development extra
and a Chromium; the environment variable `CHROMIUM` may name it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

LARGEST = 300_000
DIGIT = "3"
PATIENCE = 300_000.0


def render(address: str, folder: Path) -> None:
    """Render the three images.

    Raises
    ------
    SystemExit
        when there is no browser, or a image is too large for a README.
    """
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        raise SystemExit("install chromium, or name it in the environment variable CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = opened(browser, address, width=1280, height=1000, scheme="light")
        page.get_by_label("On the answers, without training").select_option(label="Nothing")
        page.locator("#digits").get_by_text(DIGIT, exact=True).click()
        page.get_by_role("img", name=f"The digit {DIGIT} as reconstructed from the defended model").wait_for()
        page.locator("#work").wait_for(state="hidden")
        keep(page, folder / "demo.png")
        phone = opened(browser, address, width=390, height=1250, scheme="light")
        phone.locator("#download").wait_for()
        keep(phone, folder / "demo-phone.png")
        page.get_by_label("While training").select_option(label="DP-SGD")
        page.get_by_role("button", name="Train models").click()
        page.locator("#lesson-chart .curve.defended").wait_for()
        page.wait_for_timeout(3_000)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 1280, "height": 1700})
        page.evaluate("scrollTo(0, 0)")
        keep(page, folder / "demo-training.png")
        page.get_by_role("button", name="Cancel").click()
        page.locator("#work").wait_for(state="hidden")
        browser.close()


def opened(browser: Browser, address: str, *, width: int, height: int, scheme: str) -> Page:
    """The page at that size."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(address)
    page.locator("#original img").wait_for()
    return page


def keep(page: Page, image: Path) -> None:
    """Write what the page shows into `image`."""
    rendered = page.screenshot()
    if len(rendered) > LARGEST:
        raise SystemExit(f"{image.name} takes {len(rendered):,} bytes, more than {LARGEST:,}")
    image.write_bytes(rendered)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    render(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).parent)
