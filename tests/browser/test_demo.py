"""The demo in a real browser, over the real sandbox: pick, attack, guard, switch, retrain, download.

Every step of the story leaves a screenshot. The documentation's own are made so:

    SCREENSHOTS=docs python -m pytest -m slow tests/browser/test_demo.py
"""

from __future__ import annotations

import io
import json
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from leakgauge.demo.server import demo
from leakgauge.demo.worker import Effort

PATIENCE = 240_000.0  # milliseconds, on a machine that has much else to do
QUICK = Effort(iterations=60, seeds=2, epochs=4)
FOLD = {"width": 1366, "height": 768}
LARGEST_SCREENSHOT = 300_000
QUESTIONS = ("memory", "membership", "profile")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Effort | None], str]]:
    """The address of a demo with so much effort behind it; one for each effort."""
    with ExitStack() as stack:

        @cache
        def address(effort: Effort | None) -> str:
            folder = tmp_path_factory.mktemp("demo")
            server = stack.enter_context(demo(host="127.0.0.1", port=0, folder=folder, effort=effort))
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}/"

        yield address


@pytest.fixture
def opened(browser: Browser, served: Callable[[Effort | None], str]) -> Iterator[Page]:
    """The page of a demo with little effort."""
    yield from _opened(browser, served(QUICK))


@pytest.fixture
def whole(browser: Browser, served: Callable[[Effort | None], str]) -> Iterator[Page]:
    """The page of a demo as `make demo` starts it."""
    yield from _opened(browser, served(None))


def _opened(browser: Browser, address: str) -> Iterator[Page]:
    """The page, which must ask for nothing elsewhere and complain about nothing."""
    page = browser.new_page(viewport={"width": FOLD["width"], "height": FOLD["height"]})
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


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[Page, str], None]:
    """Keeps what the page shows as `demo-NAME.png`, small enough for a README."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)

    def kept(page: Page, name: str) -> None:
        shown = page.screenshot()
        assert len(shown) < LARGEST_SCREENSHOT
        (folder / f"{name}.png").write_bytes(shown)

    return kept


def settled(page: Page) -> None:
    """Until nothing runs and a result stands."""
    expect(page.locator("#replay")).to_be_visible()
    expect(page.locator("#status")).to_be_hidden()


def choose(page: Page, target: int) -> None:
    page.locator("#controls .keys label").nth(target).click()


def image(page: Page, side: str) -> Locator:
    return page.locator(f"#{side} img")


def hidden(page: Page) -> int:
    """The first class from 3 on that is read from the open model alone; nearly all of them are."""
    for target in (3, 4, 5, 6):
        if target != 3:
            choose(page, target)
            expect(page.locator("#defended.under-way")).to_have_count(1)
            settled(page)
        if page.locator("#verdict").get_attribute("data-outcome") == "stopped":
            return target
    raise AssertionError("the guard hid none of four classes")


def downloads(page: Page) -> None:
    """The report, as a page, as a PDF and with everything."""
    sizes = {}
    for name in ("HTML", "PDF", "all files"):
        with page.expect_download() as started:
            page.get_by_role("link", name=name).click()
        sizes[name] = Path(started.value.path()).read_bytes()
    assert sizes["HTML"].startswith(b"<!doctype html>")
    assert sizes["PDF"].startswith(b"%PDF-")
    with zipfile.ZipFile(io.BytesIO(sizes["all files"])) as archive:
        assert archive.testzip() is None
        assert {"comparison.html", "before/report.html", "after/report.json"} <= set(archive.namelist())
        comparison = json.loads(archive.read("comparison.json"))
    assert comparison["sentence"] in (page.locator("#audit").text_content() or "")


def above_the_fold(page: Page, *selectors: str) -> bool:
    """Whether all of these end above the lower edge of a screen of the usual size."""
    ends = [page.locator(selector).bounding_box() for selector in selectors]
    return page.evaluate("scrollY") == 0 and all(
        box is not None and box["y"] + box["height"] <= FOLD["height"] for box in ends
    )


def serious(page: Page) -> list[str]:
    """Findings of axe."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:100]}" for each in found for node in each["nodes"]]


@pytest.mark.slow
def test_anyone_can_follow_the_story(whole: Page, keep: Callable[[Page, str], None]) -> None:
    page = whole
    sentence = page.locator("#sentence")
    # the first start trains by itself, and shows how far it is
    expect(page.locator("#bar")).to_be_visible()
    settled(page)

    # both sides of the class that is picked were reconstructed
    expect(page.get_by_role("radio", name="3", exact=True)).to_be_checked()
    digit = hidden(page)
    expect(sentence).to_have_text(
        f"The attacker reads the {digit} from the open model. From the guarded one it gets noise."
    )
    assert above_the_fold(page, "#sentence", "#caveat", "#original .frame", "#defended .frame")
    keep(page, "demo")
    before = image(page, "defended").get_attribute("src")

    # an attacker with similar images gets past the guard, and the page says so
    page.get_by_role("switch", name="Attacker has similar images").check()
    expect(page.locator("#defended.under-way img")).to_be_visible()
    keep(page, "demo-attack")
    settled(page)
    expect(sentence).to_have_text(
        f"With similar images the attacker reads the {digit} from both models. "
        "The guard hides; it does not remove."
    )
    assert above_the_fold(page, "#sentence", "#caveat", "#defended .frame")
    assert image(page, "defended").get_attribute("src") != before
    keep(page, "demo-similar-images")
    page.get_by_role("switch", name="Attacker has similar images").uncheck()
    expect(page.locator("#defended.under-way")).to_have_count(1)
    settled(page)

    # over all classes the audit concludes against either attacker, and leaves its report
    page.get_by_role("button", name="Compare over all ten classes").click()
    effects = page.locator("#attackers li")
    expect(effects).to_have_count(2)
    assert {
        row.get_attribute("data-attacker"): row.get_attribute("data-effect") for row in effects.all()
    } == {
        "asks": "reduces",
        "similar_images": "only hides",
    }
    page.locator("#overall").scroll_into_view_if_needed()
    keep(page, "demo-compared")
    downloads(page)
    page.evaluate("scrollTo(0, 0)")

    # retrain, reload in the middle, find everything there, and see new models attacked
    page.locator("#defence").select_option(label="Dropout with weight decay")
    expect(page.locator("#notice")).to_contain_text("Train both models anew")
    page.get_by_role("button", name="Train both models anew").click()
    expect(page.locator("#lesson-chart .curve.baseline")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator("#lesson-chart .curve.baseline")).to_have_count(1)
    keep(page, "demo-training")
    settled(page)
    expect(page.locator("#defence")).to_have_value("dropout weight_decay")

    # and the two other questions
    for name in ("membership", "profile"):
        page.locator(f"#tab-{name}").click()
        expect(page.locator(f"#{name}-sentence")).not_to_be_empty()
        expect(page.locator("#status")).to_be_hidden()
        assert above_the_fold(page, f"#{name}-sentence")
        keep(page, f"demo-{name}")
    page.reload()  # the question that was open is open again
    expect(page.locator("#profile-sentence")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.locator("#tab-memory").click()
    keep(page, "demo-phone")


def test_one_chart_each_attack_and_a_replay_of_it(opened: Page) -> None:
    page = opened
    settled(page)
    charts = page.locator("#charts figure")
    expect(charts).not_to_have_count(0)
    for chart in charts.all():
        assert chart.locator(".curve.baseline").count() <= 1
        assert chart.locator(".curve.defended").count() <= 1
    titles = [chart.locator("figcaption").inner_text() for chart in charts.all()]
    assert len(set(titles)) == len(titles) >= 2
    shown = image(page, "baseline").get_attribute("src")
    page.get_by_role("button", name="Replay").click()
    expect(page.locator("#baseline.under-way img")).to_be_visible()
    expect(page.locator("#baseline.under-way")).to_have_count(0)
    assert image(page, "baseline").get_attribute("src") == shown


def test_a_training_that_is_cancelled_leaves_everything_as_it_was(opened: Page) -> None:
    page = opened
    settled(page)
    page.get_by_role("button", name="Train both models anew").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#notice")).to_contain_text("Cancelled")
    settled(page)
    expect(image(page, "baseline")).to_be_visible()


def test_what_a_defence_needs_is_told_before_and_after_an_attack_ends(opened: Page) -> None:
    page = opened
    settled(page)
    page.get_by_role("switch", name="Attacker has similar images").check()
    page.locator("#defence").select_option(label="Dropout with weight decay")
    expect(page.locator("#notice")).to_contain_text("Train both models anew")
    expect(page.locator("#defended.under-way")).to_have_count(1)
    expect(page.locator("#notice")).to_contain_text("Train both models anew")
    settled(page)
    expect(page.locator("#notice")).to_contain_text("Train both models anew")
    page.locator("#defence").select_option(value="guard")
    expect(page.locator("#notice")).to_be_empty()
    settled(page)


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_fits_and_keeps_nobody_out(opened: Page, question: str) -> None:
    page = opened
    settled(page)
    page.locator(f"#tab-{question}").click()
    expect(page.locator(f"#{question} .sentence")).not_to_be_empty()
    expect(page.locator("#status")).to_be_hidden()
    for width in (320, 390, 1366, 1920):
        page.set_viewport_size({"width": width, "height": 768})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for scheme, width in (("light", 390), ("dark", 1366)):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 768})
        assert serious(page) == []


def test_classes_and_questions_are_chosen_by_the_arrow_keys(opened: Page) -> None:
    page = opened
    settled(page)
    chosen = page.locator("input[name=target]:checked")
    following = (int(chosen.get_attribute("value") or "") + 1) % 10
    chosen.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("input[name=target]:checked")).to_have_attribute("value", str(following))
    settled(page)
    expect(image(page, "defended")).to_have_attribute(
        "alt", f"What the attacker got of the {following} from the defended model"
    )
    page.locator("#tab-memory").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#membership")).to_be_visible()
    expect(page.locator("#memory")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#memory")).to_be_visible()
