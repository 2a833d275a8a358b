"""Media types of this service, and the finished report folder in the one that a caller accepts."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from flask import Response
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header

from leakgauge.extras import installed
from leakgauge.jobs.table import PDF as PDF_JOB

_ZIP = "application/zip"
_FILES = {
    "application/json": "report.json",
    "text/csv": "output.csv",
    "text/html": "report.html",
}
PDF = "application/pdf"
EVERY_TYPE = (_ZIP, *_FILES, PDF)
"""What an installation can answer with that has every extra."""
ZIP_TYPES = (
    _ZIP,
    "application/x-zip-compressed",
    "application/x-zip",
    "application/zip-compressed",
    "application/octet-stream",
    "binary/octet-stream",
)
"""What a zip is called, by those who send one and by those who accept one."""
_ANYTHING = "*/*"


def offered() -> tuple[str, ...]:
    """The media types that this installation can answer with; a PDF needs an extra."""
    return tuple(kind for kind in EVERY_TYPE if kind != PDF or installed("weasyprint"))


def negotiate(accept: str, *, default_type: str) -> str | None:
    """The media type to answer with, one of `offered()` or another name of a zip; None if none is accepted.

    Parameters tell an answer apart for no caller (`charset=utf-8`, `verbose=true`, SageMaker's
    `header=present`), so they are left out of account; weights (`q=.5`) and wildcards count.

    Parameters
    ----------
    accept
        the header as sent, empty for a request without one.
    default_type
        likewise, for such a request, and the first choice for one that takes anything.
    """
    known = offered()
    preferred = _best(default_type, known) or _ZIP
    return _best(accept, sorted(known, key=lambda kind: kind != preferred)) if accept.strip() else preferred


def _best(accept: str, offered: Sequence[str]) -> str | None:
    accepted = MIMEAccept(
        (_ANYTHING if kind == "*" else kind, quality)
        for value, quality in parse_accept_header(accept, MIMEAccept)
        for kind in [parse_options_header(value)[0].lower()]
    )
    # other names of a zip last, so that a wildcard never picks one
    return accepted.best_match([*offered, *ZIP_TYPES])


def answer(report: Path, media_type: str) -> Response:
    """The report folder, or the one file of it that `media_type` stands for.

    Parameters
    ----------
    report
        the folder; for a PDF, that of the job which made it.
    """
    if media_type == PDF:
        return Response((report / PDF_JOB.leaves[0]).read_bytes(), content_type=media_type)
    if media_type in _FILES:
        return Response((report / _FILES[media_type]).read_bytes(), content_type=_typed(media_type))
    # Imported late: it brings the whole report with it, numpy and all, which only this form needs.
    from leakgauge.report.writers import zip_folder

    packed = io.BytesIO()
    zip_folder(report, packed)
    response = Response(packed.getvalue(), content_type=media_type)
    response.headers["Content-Disposition"] = 'attachment; filename="leakgauge-report.zip"'
    return response


def _typed(media_type: str) -> str:
    return media_type if media_type == "application/json" else f"{media_type}; charset=utf-8"
