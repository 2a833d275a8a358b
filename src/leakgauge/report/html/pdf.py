"""A page as a PDF: for files, signatures and printers, with bookmarks, page numbers and its fonts inside.

WeasyPrint sets the very page that a browser shows, by the same stylesheets; `docs/decisions.md` says why
it does and no browser. It is given nothing to fetch: what the page shows travels inside it.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from leakgauge.errors import AuditFailed
from leakgauge.report.html.styles import chart_style

_SYSTEM_LIBRARIES = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
_VARIANT = "pdf/ua-1"
"""With the tags that screen readers need."""
_CHART = re.compile(r'<svg [^>]*class="chart"[^>]*>')


def to_pdf(page: str) -> bytes:
    """A PDF of a page that `render` or `render_comparison` gave; the same bytes for the same page.

    Parameters
    ----------
    page
        HTML with everything inside.

    Raises
    ------
    ModuleNotFoundError
        without the extra `pdf`.
    AuditFailed
        `pdf_libraries` where the libraries or the fonts that WeasyPrint asks the system for are missing.
    """
    weasyprint = _weasyprint()
    # it logs every property that is for browsers alone
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    # charts are documents of their own to it, which the stylesheet of the page does not reach
    styled = _CHART.sub(lambda chart: f"{chart[0]}<style>{chart_style()}</style>", page)
    fetcher = weasyprint.urls.URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    document: Any = weasyprint.HTML(string=styled, url_fetcher=fetcher).render(pdf_variant=_VARIANT)
    written: bytes = document.write_pdf(pdf_variant=_VARIANT)
    if not document.fonts:
        raise _missing("any font")
    return written


def _weasyprint() -> Any:
    """The library, imported late: it is an extra, and loads libraries of the system.

    Its import lets the whole process read images that are cut short, which are refused here.
    """
    from PIL import ImageFile

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint.urls
    except OSError as error:  # what it raises for a library that cannot be loaded
        raise _missing("the library Pango") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
    return weasyprint


def _missing(what: str) -> AuditFailed:
    return AuditFailed(
        "pdf_libraries",
        f"A PDF cannot be made here: WeasyPrint does not find {what}.",
        hint=f"Install what it needs, on Debian: {_SYSTEM_LIBRARIES}. Or open report.html and print it.",
    )
