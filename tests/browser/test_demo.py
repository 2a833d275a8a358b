"""The demo in a real browser, over the real sandbox: digits, training, a reload, a cancel, the report."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from leakgauge.demo.server import demo
from leakgauge.demo.worker import Effort

PATIENCE = 120_000.0  # milliseconds, on a machine that has much else to do
QUICK = Effort(iterations=100, seeds=3, epochs=12)
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("demo")
    with demo(host="127.0.0.1", port=0, folder=folder, effort=QUICK) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join(10)


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """The page, which must ask for nothing elsewhere and complain about nothing."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    trouble: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, "data:image/png;base64,"))
            else trouble.append(f"asked for {request.url[:80]}")
        ),
    )
    page.on("console", lambda message: trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.goto(address)
    yield page
    page.close()
    assert trouble == []


def settled(page: Page) -> None:
    """Until nothing runs and a verdict stands."""
    expect(page.locator("#download")).to_be_visible()
    expect(page.locator("#work")).to_be_hidden()


def images(page: Page) -> list[str | None]:
    return [
        page.locator(f"#{side} img").get_attribute("src") for side in ("original", "baseline", "defended")
    ]


def reconstruction(page: Page, digit: int, side: str) -> Locator:
    return page.get_by_role("img", name=f"The digit {digit} as reconstructed from the {side} model")


def choose(page: Page, digit: int) -> None:
    page.locator("#digits").get_by_text(str(digit), exact=True).click()


def serious(page: Page) -> list[str]:
    """Findings of axe that would keep somebody out."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:100]}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.slow
def test_anyone_can_see_it_happen(opened: Page) -> None:
    page = opened
    # the first start trains by itself, and shows how far it is
    expect(page.locator("#bar")).to_be_visible()
    settled(page)

    seen = [images(page)]
    for digit in (1, 0, 7):
        choose(page, digit)
        expect(page.locator("#download")).to_be_hidden()
        lengths = grown(page)
        # the first look may still find the curve of the digit before
        assert len(set(lengths)) > 3, "the chart did not grow step by step"
        assert any(later > earlier for earlier, later in pairwise(lengths))
        settled(page)
        expect(page.get_by_role("radio", name=str(digit), exact=True)).to_be_checked()
        expect(
            page.get_by_role("img", name=f"The digit {digit} as reconstructed from the baseline model")
        ).to_be_visible()
        seen.append(images(page))
    for place in range(3):
        assert len({each[place] for each in seen}) == 4, "an image did not change"
    assert page.locator("#verdict").inner_text().strip()
    assert "%" in page.locator("#accuracy-defended").inner_text()

    # train, reload in the middle, find everything there, cancel
    page.get_by_label("While training").select_option(label="DP-SGD")
    page.get_by_role("button", name="Train models").click()
    expect(page.locator("#lesson-chart .curve.baseline")).to_have_count(1)
    expect(page.get_by_role("button", name="Train models")).to_be_disabled()
    page.reload()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator("#lesson-chart .curve.baseline")).to_have_count(1)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#notice")).to_contain_text("Cancelled")
    expect(page.locator("#baseline img")).to_be_visible()
    expect(page.get_by_role("button", name="Train models")).to_be_enabled()

    # train again, to the end, by keyboard
    page.get_by_label("While training").select_option(label="Dropout with weight decay")
    page.get_by_role("button", name="Train models").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#download")).to_be_hidden()
    settled(page)
    expect(page.locator("#defended .about")).to_contain_text("dropout")

    with page.expect_download() as started:
        page.get_by_role("link", name="Download the before/after report").click()
    content = Path(started.value.path()).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        comparison = json.loads(archive.read("comparison.json"))
    assert {"comparison.html", "before/report.html", "after/report.json"} <= names
    assert comparison["sentence"] == page.locator("#verdict").inner_text()


def grown(page: Page) -> list[int]:
    """Corners of the attack's curve, each time that one looks, until the attack is done."""
    lengths = []
    while not page.locator("#download").is_visible():
        points = page.locator("#chart .curve.baseline").first
        lengths.append(len((points.get_attribute("points") or "").split()) if points.count() else 0)
        page.wait_for_timeout(50)
    return [*lengths, len((page.locator("#chart .curve.baseline").get_attribute("points") or "").split())]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280, 1920])
def test_it_fits_and_keeps_nobody_out(opened: Page, width: int, scheme: str) -> None:
    page = opened
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('#baseline .frame').getBoundingClientRect().width") > 80
    if width in (390, 1280):
        assert serious(page) == []


def test_digits_are_chosen_by_the_arrow_keys(opened: Page) -> None:
    page = opened
    settled(page)
    chosen = page.locator("input[name=digit]:checked")
    before = int(chosen.get_attribute("value") or "")
    following = (before + 1) % 10
    chosen.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("input[name=digit]:checked")).to_have_attribute("value", str(following))
    expect(page.locator("#download")).to_be_hidden()
    settled(page)
    expect(
        page.get_by_role("img", name=f"The digit {following} as reconstructed from the defended model")
    ).to_be_visible()
