"""The report in a real browser: nothing is asked for, nothing complains, nothing sticks out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from profile_reports import profiles_report
from report_examples import inversion_audited, membership_report, with_every_text

from leakgauge.policy import Policy
from leakgauge.report.comparison import compare
from leakgauge.report.comparison.document import comparison_to_json
from leakgauge.report.earlier import add_earlier
from leakgauge.report.gate import held_to
from leakgauge.report.html import render_comparison
from leakgauge.report.model import Audited
from leakgauge.report.writers import write

Scheme = Literal["light", "dark"]
KINDS = ("membership", "inversion", "profiles", "hostile", "comparison")
PLAIN = tuple(kind for kind in KINDS if kind != "hostile")

# whatever is wider or higher than the box that clips it, and text of charts that sticks out of its chart; a
# box that scrolls by itself clips nothing, unless `wide` says that it should not need to
CUT = """(wide) => {
  const cut = [];
  const shown = (element) => element.outerHTML.slice(0, 90);
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest(".visually-hidden") && matchMedia("screen").matches) continue;
    if (element instanceof SVGTextElement) {
      const [text, chart] = [element, element.ownerSVGElement].map((one) => one.getBoundingClientRect());
      const across = Math.max(chart.left - text.left, text.right - chart.right);
      const up = Math.max(chart.top - text.top, text.bottom - chart.bottom);
      if (Math.max(across, up) > 1) cut.push(`sticks out: ${element.textContent}`);
      if (element.textContent.endsWith("…")) cut.push(`shortened: ${element.textContent}`);
      continue;
    }
    if (element instanceof SVGElement || !element.clientWidth) continue;
    const style = getComputedStyle(element);
    const over = element.scrollWidth - element.clientWidth > 1 && style.display !== "inline";
    const scrolls = ["auto", "scroll"].includes(style.overflowX);
    if (over && (wide || !scrolls)) cut.push(`too wide: ${shown(element)}`);
    const high = element.scrollHeight - element.clientHeight > 1;
    if (high && style.overflowY === "hidden") cut.push(`clipped: ${shown(element)}`);
    if (style.textOverflow === "ellipsis") cut.push(`ellipsis: ${shown(element)}`);
  }
  return cut;
}"""
# tables within what is folded away that nobody sees
FOLDED = """() => [...document.querySelectorAll("details table")]
  .filter((table) => !table.checkVisibility({contentVisibilityAuto: true})).length"""
UNFOLD = "document.querySelectorAll('details').forEach((part) => { part.open = true })"

# contrast of every piece of text against the first opaque background behind it, as WCAG 2.1 defines it;
# lists the offenders below 4.5 to 1 (3 to 1 for large text)
LOW_CONTRAST = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const offenders = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || ["title", "desc"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const ink = channels(element instanceof SVGElement ? style.fill : style.color);
    const [high, low] = [luminance(ink), luminance(behind(element))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const enough = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if ((high + 0.05) / (low + 0.05) < enough) offenders.push(element.outerHTML.slice(0, 120));
  }
  return offenders;
}"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("reports")
    report = membership_report(n=300, classes=12)
    wide = "<b>unbreakable" + "\u202e" + "w" * 3_000
    hostile = replace(with_every_text(report, lambda _: wide), verdict=report.verdict)
    reports = {
        "membership": held_to(Audited(report), Policy()),
        "inversion": inversion_audited(classes=3),
        "profiles": Audited(profiles_report()),
        "hostile": Audited(hostile),
    }
    for name, audited in reports.items():
        write(audited, root / name)
        if name in ("profiles", "hostile"):  # with the trend since an earlier report
            add_earlier(root / name, audited.report)
    defended = replace(report, parameters={**report.parameters, "defences": ["rounding=2"]})
    comparison = compare(report, defended)
    (root / "comparison").mkdir()
    # under the names that the tests open and look for
    (root / "comparison" / "report.html").write_text(render_comparison(comparison), "utf-8")
    (root / "comparison" / "comparison.json").write_bytes(comparison_to_json(comparison))
    return {name: root / name for name in KINDS}


def opened(browser: Browser, folder: Path, *, width: int, scheme: Scheme) -> tuple[Page, list[str]]:
    """The page, and everything that it asked for or complained about."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    trouble: list[str] = []
    address = (folder / "report.html").as_uri()
    page.on(
        "request",
        lambda request: (
            None
            if request.url == address or request.url.startswith("data:image/png")
            else trouble.append(f"asked for {request.url[:80]}")
        ),
    )
    page.on("console", lambda message: trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.goto(address)
    return page, trouble


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_page_fits_and_asks_for_nothing(
    browser: Browser, folders: dict[str, Path], kind: str, width: int
) -> None:
    page, trouble = opened(browser, folders[kind], width=width, scheme="dark")
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # the policy let our own stylesheet through
    assert page.evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth") == "6px"
    page.close()


@pytest.mark.parametrize("kind", PLAIN)
def test_no_text_is_cut_at_any_width_nor_on_paper(
    browser: Browser, folders: dict[str, Path], kind: str
) -> None:
    page, _ = opened(browser, folders[kind], width=1366, scheme="light")
    page.evaluate(UNFOLD)
    assert page.evaluate(CUT, True) == []
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate(CUT, False) == []
    page.set_viewport_size({"width": 680, "height": 900})  # A4 between its margins
    page.emulate_media(media="print")
    assert page.evaluate(CUT, True) == []
    page.close()


def test_what_is_cut_is_found(browser: Browser, folders: dict[str, Path]) -> None:
    page, _ = opened(browser, folders["membership"], width=1366, scheme="light")
    page.evaluate("document.querySelector('.sentence').textContent = 'w'.repeat(3000)")
    page.evaluate("document.querySelector('.sentence').style.whiteSpace = 'nowrap'")
    page.evaluate("document.querySelector('svg text').setAttribute('x', '-50')")
    found = " ".join(page.evaluate(CUT, True))
    assert "too wide" in found
    assert "sticks out" in found
    page.close()


@pytest.mark.parametrize("kind", PLAIN)
def test_paper_shows_what_the_screen_folds_away(
    browser: Browser, folders: dict[str, Path], kind: str
) -> None:
    page, _ = opened(browser, folders[kind], width=680, scheme="light")
    page.emulate_media(media="print")
    # the browser shows what was folded away with its next frame
    page.wait_for_function(f"() => ({FOLDED})() === 0")
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLAIN)
def test_axe_finds_nothing(browser: Browser, folders: dict[str, Path], kind: str) -> None:
    # the policy of the page lets no script in, and axe is one
    text = (folders[kind] / "report.html").read_text("utf-8")
    page = browser.new_page(viewport={"width": 1366, "height": 900})
    page.set_content(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text))
    page.evaluate(UNFOLD)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in found] == []
    page.close()


@pytest.mark.parametrize("kind", ["membership", "inversion", "comparison"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(
    browser: Browser, folders: dict[str, Path], kind: str, scheme: Scheme
) -> None:
    page, _ = opened(browser, folders[kind], width=1280, scheme=scheme)
    page.evaluate(UNFOLD)
    assert page.evaluate(LOW_CONTRAST) == []
    page.close()


def test_the_two_schemes_differ_and_print_is_light(browser: Browser, folders: dict[str, Path]) -> None:
    page, _ = opened(browser, folders["membership"], width=1280, scheme="dark")
    ink = "getComputedStyle(document.body).color"
    dark = page.evaluate(ink)
    page.emulate_media(media="print", color_scheme="dark")
    printed = page.evaluate(ink)
    page.emulate_media(media="screen", color_scheme="light")
    assert dark != page.evaluate(ink) == printed
    page.close()


@pytest.mark.parametrize("kind", ["membership", "inversion"])
def test_the_page_prints(browser: Browser, folders: dict[str, Path], kind: str) -> None:
    page, trouble = opened(browser, folders[kind], width=1280, scheme="dark")
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert trouble == []
    page.close()


@pytest.mark.parametrize(
    ("kind", "name"),
    [("membership", "report.json"), ("inversion", "report.json"), ("comparison", "comparison.json")],
)
def test_the_link_downloads_the_very_json(
    browser: Browser, folders: dict[str, Path], kind: str, name: str
) -> None:
    page, trouble = opened(browser, folders[kind], width=1280, scheme="light")
    with page.expect_download() as started:
        page.get_by_role("link", name=f"Download {name}").click()
    download = started.value
    assert download.suggested_filename == name
    assert Path(download.path()).read_bytes() == (folders[kind] / name).read_bytes()
    assert [line for line in trouble if "data:application/json" not in line] == []
    page.close()


def test_the_policy_stops_what_the_page_never_holds(
    browser: Browser, folders: dict[str, Path], tmp_path: Path
) -> None:
    """The meta tag is understood: what is smuggled in behind it does not run and does not load."""
    text = (folders["membership"] / "report.html").read_text("utf-8")
    smuggled = (
        '<script>document.title = "taken"</script><img src="file:///nowhere.png"><p style="color: red">x</p>'
    )
    (tmp_path / "report.html").write_text(text.replace("<main>", "<main>" + smuggled), "utf-8")
    page, trouble = opened(browser, tmp_path, width=1280, scheme="light")
    assert page.title() == "Membership audit · Leakgauge"
    assert len([line for line in trouble if "Content Security Policy" in line]) == 3
    page.close()


def test_wide_tables_scroll_in_their_own_box_and_by_keyboard(
    browser: Browser, folders: dict[str, Path]
) -> None:
    page, _ = opened(browser, folders["membership"], width=375, scheme="light")
    box = page.locator(".scroll").first
    assert box.evaluate("(box) => box.scrollWidth > box.clientWidth")
    box.focus()
    page.keyboard.press("ArrowRight")
    for _ in range(40):  # scrolling is animated, and the policy forbids the page's own wait_for_function
        if box.evaluate("(box) => box.scrollLeft") > 0:
            break
        page.wait_for_timeout(50)
    assert box.evaluate("(box) => box.scrollLeft") > 0
    page.close()


def test_a_screen_reader_meets_named_regions_and_pictures(browser: Browser, folders: dict[str, Path]) -> None:
    page, _ = opened(browser, folders["membership"], width=1280, scheme="light")
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("heading", name="Leakage: high").count() == 1
    pictures = page.get_by_role("img")
    assert pictures.count() >= 4
    assert page.get_by_role("img", name="ROC curves on logarithmic axes").count() == 1
    assert page.get_by_role("region", name="Read this before the figures").count() == 1
    assert page.get_by_role("columnheader", name="Percentage Data").count() == 1
    page.close()
