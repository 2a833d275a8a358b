"""`report.html`: one file without script or outside address, which says so in its own policy."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leakgauge.report import formatting
from leakgauge.report.comparison.document import comparison_from_json, comparison_to_json
from leakgauge.report.comparison.model import Comparison
from leakgauge.report.evidence.clauses import READ, Answer, answers
from leakgauge.report.evidence.origins import Support, rests_on
from leakgauge.report.evidence.precision import PRIORS, precision_table
from leakgauge.report.history.document import history_from_json, history_to_json
from leakgauge.report.history.model import History
from leakgauge.report.html.addresses import data_address
from leakgauge.report.html.comparison import ComparisonPage
from leakgauge.report.html.first_page import FirstPage
from leakgauge.report.html.headings import headings
from leakgauge.report.html.history import HistoryPage
from leakgauge.report.html.inversion import InversionPage
from leakgauge.report.html.membership import MembershipPage
from leakgauge.report.html.profiles import ProfilesPage
from leakgauge.report.html.styles import page_style
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import Audited, InversionReport, MembershipReport, Report
from leakgauge.text import Sink, printable

LARGEST_PAGE: Final = 250_000
"""Bytes. A page that would be larger goes without its copy of report.json and points to the file."""


_MOST_ROWS: Final = 200
"""Of a table with a row for each class or file; a page with thousands takes minutes to become a PDF."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a report is evidence of, for the section of that name."""

    rests_on: tuple[Support, ...]
    answers: tuple[Answer, ...]


def render(audited: Audited, *, trend: History | None = None) -> str:
    """The report as one self-contained page.

    The page is rendered from the JSON that `to_json` writes, not from the figures
    in memory, so that the two can never tell different stories.

    Parameters
    ----------
    trend
        of this report against an earlier one, which the page shows too.

    Raises
    ------
    ValueError
        for a figure that is not finite.
    """
    document = to_json(audited.report)
    report = from_json(document)
    return _filled(
        f"{report.kind}.html.j2",
        document,
        report=report,
        first=FirstPage.of(report),
        page=_page_of(report, audited.files),
        evidence=Evidence(rests_on(report), answers(report)),
        precision=precision_table(report),
        trend=trend,
        trend_page=None if trend is None else HistoryPage.of(trend),
    )


def _page_of(report: Report, files: Mapping[str, bytes]) -> MembershipPage | InversionPage | ProfilesPage:
    if isinstance(report, MembershipReport):
        return MembershipPage.of(report)
    if isinstance(report, InversionReport):
        return InversionPage.of(report, files)
    return ProfilesPage.of(report)


def render_comparison(comparison: Comparison) -> str:
    """The comparison as one self-contained page, rendered from its JSON; errors as `render`."""
    document = comparison_to_json(comparison)
    shown = comparison_from_json(document)
    return _filled("comparison.html.j2", document, comparison=shown, page=ComparisonPage.of(shown))


def render_history(history: History) -> str:
    """The history as one self-contained page, rendered from its JSON; errors as `render`."""
    document = history_to_json(history)
    shown = history_from_json(document)
    return _filled("history.html.j2", document, history=shown, page=HistoryPage.of(shown))


def _filled(template: str, document: bytes, **shown: object) -> str:
    """The page of a template, with a copy of its document inside where that does not make it too large."""
    shown["sha256"] = hashlib.sha256(document).hexdigest()
    download = data_address("application/json", document)
    page = _page(template, download=download, **shown)
    return page if len(page.encode()) <= LARGEST_PAGE else _page(template, download=None, **shown)


def _page(template: str, **shown: object) -> str:
    style = page_style()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - our own file; escaping would change what the policy's hash is of
            policy=policy,
            **shown,
        )
    )


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leakgauge.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.globals |= {
        "words": formatting,
        "headings": headings,
        "priors": PRIORS,
        "read": READ,
        "most_rows": _MOST_ROWS,
    }
    return environment


def _printable(value: object) -> object:
    """Every text on its way into the page, whoever wrote it; markup of our own passes."""
    # our own base64 documents and images are longer than any text and are marked as markup
    return printable(value, Sink.PAGE) if isinstance(value, str) and not isinstance(value, Markup) else value
