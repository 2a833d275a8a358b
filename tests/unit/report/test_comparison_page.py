"""The page of a comparison: self-contained, without script, safe with any text, the same bytes every time."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from report_examples import membership_report

from leakgauge.report.comparison import compare
from leakgauge.report.comparison.document import comparison_from_json, comparison_to_json
from leakgauge.report.comparison.model import Effect, Side
from leakgauge.report.html import LARGEST_PAGE, render_comparison

HOSTILE = "<script>alert(1)</script>\"'&\x1b\u202e"


@pytest.fixture(scope="module")
def found():
    made = membership_report(n=60)
    defended = dataclasses.replace(made, parameters={**made.parameters, "defences": ["rounding=2"]})
    return compare(made, defended)


class Elements(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_the_page_is_one_file_without_script_or_outside_address(found):
    page = render_comparison(found)
    elements = Elements(page).found
    assert not {tag for tag, _ in elements} & {"script", "iframe", "object", "embed", "link", "base", "form"}
    for _, attributes in elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith(("data:", "#"))
    policy = next(
        each["content"]
        for tag, each in elements
        if tag == "meta" and "content" in each and each.get("http-equiv")
    )
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert len(page.encode()) < LARGEST_PAGE
    assert page == render_comparison(found)


def test_the_page_tells_the_verdict_the_figures_and_the_defence(found):
    page = render_comparison(found)
    assert found.sentence in page
    assert "rounding=2" in page
    assert page.count("<svg") == 1  # 60 subjects cannot resolve a rate, which the table then says
    identifiers = re.findall(r' id="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert "The attacker sees labels only" in page
    assert "failed" in page


@pytest.mark.parametrize("effect", list(Effect))
def test_every_effect_has_words_and_a_colour(found, effect):
    page = render_comparison(dataclasses.replace(found, effect=effect))
    assert re.search(r'class="verdict severity-(low|moderate|high|critical|inconclusive)"', page)


def test_hostile_text_stays_text(found):
    attacks = tuple(dataclasses.replace(change, title=HOSTILE, scope=HOSTILE) for change in found.attacks)
    page = render_comparison(
        dataclasses.replace(
            found,
            sentence=HOSTILE,
            reasons=(HOSTILE,),
            defences=(HOSTILE,),
            attacks=attacks,
            versions={HOSTILE: HOSTILE},
        )
    )
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_comparison_without_any_figure_can_be_shown(found):
    nothing = Side("failed", "x", None, "broke")
    empty = tuple(
        dataclasses.replace(change, before=nothing, after=nothing, reduction=None) for change in found.worst
    )
    page = render_comparison(dataclasses.replace(found, worst=empty, attacks=(), accuracy=None))
    assert "<svg" not in page
    assert "not measured" in page


def test_the_document_survives_and_is_read_strictly(found):
    written = comparison_to_json(found)
    again = comparison_from_json(written)
    assert comparison_to_json(again) == written
    assert (again.effect, again.sentence, again.defences) == (found.effect, found.sentence, found.defences)
    with pytest.raises(ValueError, match="effect"):
        comparison_from_json(written.replace(b'"no effect found"', b'"wonderful"'))
