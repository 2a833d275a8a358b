"""The report as a PDF: whole, with its fonts inside, and set without asking anybody for anything."""

from __future__ import annotations

import builtins
import io
import re
import socket
import sys
from collections.abc import Iterator

import pytest
from PIL import ImageFile
from pypdf import PdfReader
from pypdf.generic import DictionaryObject
from report_examples import inversion_audited, membership_report, png, with_every_text

from leakgauge.errors import AuditFailed
from leakgauge.report.html import pdf, render
from leakgauge.report.html.pdf import to_pdf
from leakgauge.report.html.styles import chart_style
from leakgauge.report.model import Audited

pytestmark = pytest.mark.slow

MEMBERSHIP = Audited(membership_report(n=120))


@pytest.fixture(scope="module")
def written() -> PdfReader:
    return PdfReader(io.BytesIO(to_pdf(render(MEMBERSHIP))))


def text_of(reader: PdfReader) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))


def fonts_of(reader: PdfReader) -> Iterator[DictionaryObject]:
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            for descendant in font.get_object()["/DescendantFonts"]:
                yield descendant.get_object()["/FontDescriptor"]


def test_every_section_has_its_bookmark(written: PdfReader) -> None:
    titles = re.findall(r"<h2 id=[^>]*>([^<]+)</h2>", render(MEMBERSHIP))
    assert len(titles) > 5

    def every(outline: list) -> Iterator[str]:
        for entry in outline:
            if isinstance(entry, list):
                yield from every(entry)
            else:
                yield entry.title

    assert set(titles) <= set(every(written.outline))


def test_every_page_has_its_number(written: PdfReader) -> None:
    total = len(written.pages)
    assert total > 3
    for number, page in enumerate(written.pages, start=1):
        assert f"{number} / {total}" in page.extract_text()


def test_the_contents_lead_to_pages(written: PdfReader) -> None:
    links = [
        note.get_object()
        for page in written.pages
        for note in page.get("/Annots", [])
        if note.get_object().get("/Subtype") == "/Link"
    ]
    assert len(links) > 5
    assert all("/A" not in link or link["/A"].get("/S") == "/GoTo" for link in links), "none leads out"


def test_fonts_are_inside(written: PdfReader) -> None:
    fonts = list(fonts_of(written))
    assert fonts
    assert all({"/FontFile2", "/FontFile3"} & set(font) for font in fonts)


def test_the_language_and_the_title_are_said_and_the_text_is_tagged(written: PdfReader) -> None:
    assert written.trailer["/Root"]["/Lang"] == "en"
    assert written.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert written.metadata.title == "Membership audit · Leakgauge"


def test_no_attack_and_no_sentence_is_missing(written: PdfReader) -> None:
    text = text_of(written)
    report = MEMBERSHIP.report
    for said in (
        report.verdict.sentence,
        *(attack.title for attack in report.attacks),
        *(advice.title for advice in report.recommendations),
    ):
        assert said in text


def test_the_same_report_gives_the_same_bytes() -> None:
    page = render(Audited(membership_report(n=60)))
    assert to_pdf(page) == to_pdf(page)


def test_nothing_is_fetched_whatever_stands_in_the_page(tmp_path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(1))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        outside = f"http://127.0.0.1:{listening.getsockname()[1]}"
        smuggled = (
            f'<img src="{outside}/a.png"><img src="{secret.as_uri()}">'
            f'<link rel="stylesheet" href="{outside}/a.css"><link rel="attachment" href="{secret.as_uri()}">'
            f"<style>@import url('{outside}/b.css'); p {{ background: url('{secret.as_uri()}') }}</style>"
        )
        made = PdfReader(io.BytesIO(to_pdf(render(MEMBERSHIP).replace("<main>", "<main>" + smuggled))))
        with pytest.raises(TimeoutError):
            listening.accept()
    assert not any(page.images for page in made.pages)
    assert not made.attachments


@pytest.mark.parametrize(
    "text", ["</svg><b>", "\u202e\u0000evil", "w" * 300, "漢字 العربية", "&lt;style&gt;"]
)
def test_names_are_text_whatever_they_hold(text: str) -> None:
    report = with_every_text(membership_report(n=60, classes=3), lambda _: text)
    assert to_pdf(render(Audited(report))).startswith(b"%PDF")


def test_images_come_along() -> None:
    made = PdfReader(io.BytesIO(to_pdf(render(inversion_audited(classes=2)))))
    assert any(page.images for page in made.pages)


def test_without_its_libraries_it_says_what_to_install(monkeypatch) -> None:
    def broken(name: str, *rest: object, **others: object) -> object:
        if name.startswith("weasyprint"):
            raise OSError("cannot load library 'libpango-1.0-0'")
        return imported(name, *rest, **others)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(AuditFailed, match="Pango") as raised:
        pdf.to_pdf("")
    monkeypatch.undo()
    assert "libpango" in raised.value.hint


def test_images_that_are_cut_short_stay_refused(written: PdfReader) -> None:
    assert "weasyprint" in sys.modules
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_charts_know_no_variable() -> None:
    assert "var(" not in chart_style()


@pytest.mark.parametrize("kind", ["membership", "inversion"])
@pytest.mark.usefixtures("written")  # with which the library is there
def test_nothing_that_goes_on_over_pages_is_laid_out_anew_on_each(kind, monkeypatch) -> None:
    """WeasyPrint begins a grid from its start on every page: 1,000 classes took 97 s and 1.5 GB."""
    grids = set()

    def counted(context, box, *rest):
        grids.add(box.element.get("class"))
        return laid_out(context, box, *rest)

    block = sys.modules["weasyprint.layout.block"]
    laid_out = block.grid_layout
    monkeypatch.setattr(block, "grid_layout", counted)
    audited = MEMBERSHIP if kind == "membership" else inversion_audited(classes=2)
    to_pdf(render(audited))
    assert "side-by-side" in grids, "the first page has one"
    assert not grids & {"beside", "gallery"}
