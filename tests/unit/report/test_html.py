"""report.html: complete, self-contained, small, and unmoved by what stands in the names."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from profile_reports import profiles_report
from report_examples import inversion_audited, measured, membership_report, png, with_every_text

from leakgauge.estimates import proportion
from leakgauge.report.comparison import compare
from leakgauge.report.html import LARGEST_PAGE, render
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import (
    Audited,
    ExposedRecord,
    GateOutcome,
    GateResult,
    InversionReport,
    MembershipReport,
    ProfilesReport,
    Report,
    RuleResult,
    Severity,
    Verdict,
)

VOID = {"meta", "img", "br", "hr", "link", "input"}
EXAMPLES = {
    "membership": Audited(membership_report(n=120)),
    "inversion": inversion_audited(classes=2),
    "profiles": Audited(profiles_report()),
}


class Page(HTMLParser):
    """Elements, attributes and text of a page; fails where a tag is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.said.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.said))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=list(EXAMPLES))
def audited(request: pytest.FixtureRequest) -> Audited:
    return EXAMPLES[request.param]


def test_the_page_asks_for_nothing_and_runs_nothing(audited: Audited) -> None:
    text = render(audited)
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form", "video", "use", "image"}
    assert "://" not in text
    for tag, attributes in page.elements:
        assert not [
            key for key in attributes if key.startswith("on") or key in ("style", "srcset", "xmlns")
        ], tag
        for key in ("src", "href"):
            assert (attributes.get(key) or "#").startswith(("data:", "#"))
    assert "@import" not in text
    assert "url(" not in text


def test_the_policy_allows_the_stylesheet_by_its_hash_and_nothing_more(audited: Audited) -> None:
    text = render(audited)
    policy = next(
        attributes["content"]
        for attributes in Page(text).attributes("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_the_download_is_the_very_json(audited: Audited) -> None:
    (link,) = [link for link in Page(render(audited)).attributes("a") if "download" in link]
    kind, _, encoded = (link["href"] or "").partition(",")
    assert kind == "data:application/json;base64"
    assert base64.b64decode(encoded) == to_json(audited.report)
    assert link["download"] == "report.json"


def test_rendering_is_repeatable(audited: Audited) -> None:
    assert render(audited) == render(audited)


def test_headings_are_in_order_and_landmarks_named(audited: Audited) -> None:
    page = Page(render(audited))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    for _, attributes in page.elements:
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in identifiers
    assert len(page.attributes("main")) == 1
    assert all(image.get("alt") for image in page.attributes("img"))
    assert len(page.attributes("caption")) == len(page.attributes("table"))


def test_the_order_of_the_membership_page() -> None:
    page = render(EXAMPLES["membership"])
    text = Page(
        re.sub(r"<nav.*?</nav>", "", page, flags=re.DOTALL)
    ).text  # its contents name everything first
    places = [
        text.index(part)
        for part in (
            "Leakage: high",
            "right about 75 of 100",
            "AUC from 0.70, or TPR at 1 % FPR from 10 %",
            "What this means for the people",
            "AUC 0.835",
            "What to do first",
            "Saves",
            "Costs",
            "Read this before the figures",
            "How easily is it told",
            "What each attack found",
            "The attacker sees labels only",
            "The attacker sees probabilities",
            "Failed: the reference models",
            "Withheld: 120 non-members cannot resolve",
            "Percentage Data",
            "Who is most exposed",
            "stand out most",
            "If the file leaks",
            "The attacker holds the model file",
            "Not applicable: the target is a forest",
            "how many training records of each class",
            "What to strip",
            "How this was measured",
            "Glossary",
            "Sources",
            "What went in",
            "Download report.json",
        )
    ]
    assert places == sorted(places)


def test_without_an_attack_on_the_file_nothing_is_said_of_it() -> None:
    report = membership_report(n=120)
    answers = tuple(attack for attack in report.attacks if attack.threat_model != "model_file")
    page = Page(render(Audited(dataclasses.replace(report, attacks=answers))))
    assert "If the file leaks" not in page.text


def test_where_no_attack_on_the_file_ran_no_stripping_is_advised() -> None:
    report = membership_report(n=120)
    attacks = tuple(attack for attack in report.attacks if attack.name != "leaf_counts")
    text = Page(render(Audited(dataclasses.replace(report, attacks=attacks)))).text
    assert "If the file leaks" in text
    assert "sanitize" not in text


def test_every_withheld_rate_points_to_its_reason() -> None:
    page = Page(render(EXAMPLES["membership"]))
    # six attacks withhold at both limits, and each limit has one reason for all of them
    assert [page.text.count(f"withheld{sign}") for sign in "abc"] == [6, 6, 0]
    assert page.text.count("Withheld:") == 2


@pytest.mark.parametrize("severity", list(Severity))
def test_no_verdict_calls_a_model_safe(severity: Severity) -> None:
    report = dataclasses.replace(membership_report(n=40), verdict=Verdict(severity, "A sentence.", ()))
    text = Page(render(Audited(report))).text
    assert f"Leakage: {severity.value}" in text
    assert not re.search(r"\b(safe|secure)\b", text, re.IGNORECASE)
    assert ("does not prove that no attack can do more" in text) == (severity is Severity.LOW)
    assert ("is not “low”" in text) == (severity is Severity.INCONCLUSIVE)


HOSTILE_TEXTS = {
    "script": "<script>alert(1)</script>",
    "closing": "</style></title></svg></td></table><h1>",
    "quotes": "\"'`><img src=x onerror=alert(1)>",
    "template": "{{ 7 * 7 }}{% raw %}&amp;",
    "order": "\u202eevil\u2066 \u200f",
    "controls": "a\0b\x1b[31m\x85",
    "long": "n" * 10_000,
    "words": "wide " * 2_000,
    "emoji": "👩‍👩‍👧‍👦" * 50,
    "comment": "--><!--",
    "markdown": "]]>&lt;",
    "empty": "",
}


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_no_text_breaks_the_page(audited: Audited, text: str) -> None:
    plain = Page(render(audited))
    report: Report = with_every_text(audited.report, lambda _: text)
    hostile_source = render(Audited(report, audited.files))
    hostile = Page(hostile_source)
    allowed = {tag for tag, _ in plain.elements} | {"ul", "sup", "span"}
    assert {tag for tag, _ in hostile.elements} <= allowed
    for _, attributes in hostile.elements:
        assert not [key for key in attributes if key.startswith("on")]
    body = hostile_source.split("</style>", 1)[1]
    assert not set("\u202e\u2066\0\x1b\x85") & set(body)
    assert len(hostile.attributes("main")) == 1
    assert len(hostile_source.encode()) < LARGEST_PAGE


def test_a_hundred_classes_and_twelve_attacks_stay_small() -> None:
    report = membership_report(n=3_500, classes=100)
    further = tuple(
        measured(
            f"further_{place}",
            f"Further attack {place}",
            "probabilities",
            "Someone 2020",
            strength=1.0,
            n=3_500,
        )
        for place in range(6)
    )
    classes = tuple(part for part in report.slices if part.by == "class")
    page = render(Audited(dataclasses.replace(report, attacks=report.attacks + further, slices=classes)))
    assert len(page.encode()) < LARGEST_PAGE
    assert "Exposure of each class" in page
    assert "The 20 with" in page


def test_a_table_of_very_many_rows_shows_the_first_and_counts_the_others() -> None:
    report = membership_report(n=60, classes=1_000)
    report = dataclasses.replace(
        report, inputs={f"auxiliary/{place:05}.png": "0" * 64 for place in range(5_000)}
    )
    page = render(Audited(report))
    classes = [part for part in report.slices if part.by == "class"]
    assert page.count('<th scope="row"><bdi>auxiliary/') == 200
    assert "4,800 more are in report.json" in page
    assert f"{len(classes) - 200} more are in report.json" in page


def test_the_chart_of_reconstructions_fits_a_sheet() -> None:
    audited = inversion_audited(classes=2)
    report = audited.report
    many = tuple(
        dataclasses.replace(each, target_class=2 * place + each.target_class)
        for place in range(30)
        for each in report.reconstructions
    )
    page = render(dataclasses.replace(audited, report=dataclasses.replace(report, reconstructions=many)))
    assert "The first 20 of 60." in page
    assert "The first" not in render(audited)


def by_hand(report: Report, change: Callable[[dict], None]) -> Report:
    """The report that somebody changed in its file."""
    document = json.loads(to_json(report))
    change(document)
    return from_json(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("report", "change"),
    [
        (EXAMPLES["inversion"].report, lambda found: found["reconstructions"][0].update(target_class=-7)),
        (EXAMPLES["inversion"].report, lambda found: found["reconstructions"][0].update(target_class=10**6)),
        (EXAMPLES["inversion"].report, lambda found: found["parameters"].update(class_names=["a"])),
        (EXAMPLES["inversion"].report, lambda found: found["reconstructions"][0].update(ssim_ceiling=None)),
        (
            EXAMPLES["inversion"].report,
            lambda found: found["attacks"][0]["metrics"]["leakage"].update(high=1e308),
        ),
        (EXAMPLES["profiles"].report, lambda found: found["profiles"][0]["columns"][0].update(chance=None)),
    ],
)
def test_a_report_that_was_changed_by_hand_has_a_page_all_the_same(
    report: Report, change: Callable[[dict], None]
) -> None:
    changed = by_hand(report, change)
    assert "</html>" in render(Audited(changed))
    assert compare(changed, changed).effect


def test_a_page_that_would_grow_too_large_points_to_the_json_instead() -> None:
    notes = {f"parameter {place}": "x" * 1_000 for place in range(110)}
    page = render(Audited(dataclasses.replace(membership_report(n=60), parameters=notes)))
    assert "data:application/json" not in page
    assert "too large to be carried" in page
    assert len(page.encode()) < LARGEST_PAGE


def bare(report: Report) -> Report:
    empty: dict[str, object] = {
        part.name: () for part in dataclasses.fields(report) if isinstance(getattr(report, part.name), tuple)
    }
    if isinstance(report, MembershipReport):
        empty["tradeoffs"] = None
    elif isinstance(report, InversionReport):
        empty["evasion"] = None
    emptied = dataclasses.replace(report, parameters={}, inputs={}, versions={}, **empty)  # type: ignore[arg-type]  # by name
    assert isinstance(emptied, MembershipReport | InversionReport | ProfilesReport)
    return emptied


def test_a_report_with_nothing_in_it_is_still_a_page(audited: Audited) -> None:
    page = Page(render(Audited(bare(audited.report))))
    assert audited.report.verdict.sentence in page.text
    assert len(page.attributes("svg")) == 0


def test_a_membership_page_has_four_pictures_at_most() -> None:
    report = membership_report()
    assert {part.by for part in report.slices} == {"class", "group"}
    drawn = [picture["aria-labelledby"] for picture in Page(render(Audited(report))).attributes("svg")]
    assert [name.split()[0].removesuffix("-title") for name in drawn] == [
        "roc",
        "proportions",
        "slices-group",
        "tradeoffs-chart",
    ]


def test_images_are_inlined_and_missing_ones_named() -> None:
    audited = EXAMPLES["inversion"]
    sources = [image["src"] for image in Page(render(audited)).attributes("img")]
    assert sources[0] == "data:image/png;base64," + base64.b64encode(audited.files["original.png"]).decode()
    files = {name: content for name, content in audited.files.items() if name != "original.png"}
    page = Page(render(Audited(audited.report, files)))
    assert "original.png" in page.text
    assert len(page.attributes("img")) == len(sources) - 1


def test_only_png_is_inlined() -> None:
    audited = EXAMPLES["inversion"]
    svg = b"<svg onload=alert(1)>"
    page = Page(render(Audited(audited.report, dict.fromkeys(audited.files, svg))))
    assert page.attributes("img") == []


def test_large_images_are_left_out_in_the_order_of_importance() -> None:
    audited = inversion_audited(classes=10)
    files = {name: content + b"\0" * 4_000 for name, content in audited.files.items()}
    page = render(Audited(audited.report, files))
    assert len(page.encode()) < LARGEST_PAGE
    shown = [image["alt"] for image in Page(page).attributes("img")]
    assert "Your image of the class" in shown
    assert "Reconstruction of class 9 after 1500 iterations" in shown
    assert "Reconstruction of class 9 after 250 iterations" not in shown


def test_small_images_of_ten_classes_stay_small() -> None:
    assert len(render(inversion_audited(classes=10)).encode()) < LARGEST_PAGE
    assert len(png(1)) < 1_500


def test_the_inversion_page_says_what_a_reconstruction_is() -> None:
    text = Page(render(EXAMPLES["inversion"])).text
    assert "reconstructs the typical image of a class, not this very image" in text
    assert "No of iterations" in text
    assert "1,500 iterations" in text


def test_the_page_on_profiles_shows_the_class_of_the_verdict_first_and_one_chart() -> None:
    page = Page(render(EXAMPLES["profiles"]))
    assert len(page.attributes("svg")) == 1
    first, second = (
        page.text.index(f"What an attacker learns about class “class {place}”") for place in (1, 0)
    )
    assert first < second
    assert "58 %" in page.text
    assert "33.1" in page.text
    assert "describes a group" in page.text


def test_a_hundred_classes_of_a_hundred_columns_stay_small() -> None:
    page = render(Audited(profiles_report(classes=100, columns=100)))
    assert len(page.encode()) < LARGEST_PAGE
    assert "Profiles of 90 further classes" in page
    assert "75 further columns" in page


def test_a_result_that_is_no_snapshot_is_shown_too() -> None:
    audited = EXAMPLES["inversion"]
    assert isinstance(audited.report, InversionReport)
    found = dataclasses.replace(audited.report.reconstructions[0], image="other.png", iterations=9_999)
    report = dataclasses.replace(audited.report, reconstructions=(found,))
    text = Page(render(Audited(report, audited.files))).text
    assert "9,999 iterations" in text


def test_what_the_gate_says_is_text_whoever_wrote_it() -> None:
    text = "<script>alert(1)</script>\x1b"
    rule = RuleResult(text, text, GateOutcome.FAILED, text)
    report = dataclasses.replace(membership_report(n=60), gate=GateResult(GateOutcome.FAILED, text, (rule,)))
    source = render(Audited(report))
    assert "The policy is broken" in source
    assert "&lt;script&gt;alert(1)" in source
    assert "<script" not in source
    assert "\x1b" not in source


def records_of(rates: list[tuple[int, int]], *, tied: bool = True) -> tuple[ExposedRecord, ...]:
    """Records in runs of equal rates: (how many are listed, how many tie)."""
    records: list[ExposedRecord] = []
    for place, (listed, alike) in enumerate(rates):
        rate = proportion(place, 1_000)
        records += [
            ExposedRecord(1_000 * place + number, "rmia", rate, alike if tied else None)
            for number in range(listed)
        ]
    return tuple(records)


def text_with(records: tuple[ExposedRecord, ...]) -> str:
    report = dataclasses.replace(EXAMPLES["membership"].report, records=records)
    return " ".join(Page(render(Audited(report))).text.split())


def test_records_that_all_tie_are_no_ranking() -> None:
    text = text_with(records_of([(20, 812)]))
    assert "812 tied records, 0, 1, 2 among them" in text
    assert "they are listed by number, and their order means nothing" in text
    assert "stand out most" not in text
    assert "17 more are in report.json" in text


def test_single_records_come_before_a_tie_that_finds_no_room() -> None:
    text = text_with(records_of([(1, 1), (2, 2), (17, 300)]))
    assert "stand out most" in text
    assert "300 tied records, 2,000, 2,001, 2,002 among them" in text
    assert re.search(r"\b1,000 ?Relative likelihood", text)
    assert re.search(r"\b1,001 ?Relative likelihood", text)
    assert "2,003" not in text


def test_without_ties_nothing_is_said_of_them() -> None:
    text = text_with(records_of([(1, 1)] * 5))
    assert "tie" not in text[text.index("stand out most") : text.index("If the file leaks")].split()


@pytest.mark.parametrize("listed", [20, 21, 60])
def test_a_report_of_before_ties_were_counted_is_shown_without_a_ranking(listed: int) -> None:
    text = text_with(records_of([(listed, 1)], tied=False))
    assert "means nothing" in text
    assert (f"{listed} tied records" in text) is (listed > 20)
