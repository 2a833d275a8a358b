"""`report.html`: one file without script or outside address, which says so in its own policy."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leakgauge.report import wording
from leakgauge.report.addresses import data_address
from leakgauge.report.inversion_page import InversionPage
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.membership_page import MembershipPage
from leakgauge.report.model import Audited, MembershipReport

LARGEST_PAGE: Final = 250_000
"""Bytes. A page that would be larger goes without its copy of report.json and points to the file."""


def render(audited: Audited) -> str:
    """The report as one self-contained page.

    The page is drawn from the JSON that `to_json` writes, not from the figures
    in memory, so that the two can never tell different stories.

    Raises
    ------
    ValueError
        for a figure that is not finite.
    """
    document = to_json(audited.report)
    page = _render(audited, document, embedded=True)
    if len(page.encode()) > LARGEST_PAGE:
        page = _render(audited, document, embedded=False)
    return page


def _render(audited: Audited, document: bytes, *, embedded: bool) -> str:
    report = from_json(document)
    style = _style()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    page = (
        MembershipPage.of(report)
        if isinstance(report, MembershipReport)
        else InversionPage.of(report, audited.files)
    )
    return (
        _environment()
        .get_template(f"{report.kind}.html.j2")
        .render(
            report=report,
            page=page,
            style=Markup(style),  # noqa: S704 - our own file; escaping would change what the policy's hash is of
            policy=policy,
            download=data_address("application/json", document) if embedded else None,
        )
    )


@functools.cache
def _style() -> str:
    # a line break at either end would be part of what the policy's hash covers
    return (resources.files(__package__) / "templates" / "style.css").read_text("utf-8").strip()


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leakgauge.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.globals["words"] = wording
    return environment


def _printable(value: object) -> object:
    """Every text on its way into the page, whoever wrote it; markup of our own passes."""
    # our own base64 documents and images are longer than any text and are marked as markup
    return wording.printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
