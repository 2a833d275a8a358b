"""The finished report folder in the form that a caller accepts."""

from __future__ import annotations

import io
from pathlib import Path

from flask import Request, Response
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import NotAcceptable
from werkzeug.http import parse_accept_header

_ZIP = "application/zip"
_FILES = {
    "application/json": "report.json",
    "text/csv": "output.csv",
    "text/html": "report.html",
}
OFFERED = (_ZIP, *_FILES)


def negotiate(request: Request, *, default_type: str) -> str:
    """The media type to answer with.

    Parameters
    ----------
    default_type:
        for a request that does not say, and the first choice for one that takes anything.

    Raises
    ------
    NotAcceptable
        when the caller accepts nothing that is offered.
    """
    preferred = parse_accept_header(default_type, MIMEAccept).best_match(OFFERED) or _ZIP
    if not request.headers.get("Accept", "").strip():
        return preferred
    offered = sorted(OFFERED, key=lambda kind: kind != preferred)
    found = request.accept_mimetypes.best_match(offered)
    if found is None:
        raise NotAcceptable
    return found


def answer(report: Path, media_type: str) -> Response:
    """The report folder, or the one file of it that `media_type` stands for."""
    if media_type != _ZIP:
        return Response((report / _FILES[media_type]).read_bytes(), content_type=_typed(media_type))
    # Imported late: it brings the whole report with it, numpy and all, which only this form needs.
    from leakgauge.report.writers import zip_folder

    packed = io.BytesIO()
    zip_folder(report, packed)
    response = Response(packed.getvalue(), content_type=_ZIP)
    response.headers["Content-Disposition"] = 'attachment; filename="leakgauge-report.zip"'
    return response


def _typed(media_type: str) -> str:
    return media_type if media_type == "application/json" else f"{media_type}; charset=utf-8"
