"""The before/after report of the demo as a PDF."""

from __future__ import annotations

from leakgauge.extras import needed
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import DEMO_COMPARISON, DEMO_PDF
from leakgauge.progress import Display


def pdf(request: JobRequest, display: Display) -> None:
    """Set the page that `compare` left in the folder `source`.

    Raises
    ------
    LeakgaugeError
        where the extra `pdf` or what it needs of the system is missing.
    """
    # imported late, as in `leakgauge.jobs.pdf`
    from leakgauge.report.html.pdf import to_pdf

    display.report("setting the pages", 0.1)
    _, _, page = DEMO_COMPARISON.leaves
    with needed("pdf"):
        content = to_pdf((request.source / page).read_text(encoding="utf-8"))
    (request.report / DEMO_PDF.leaves[0]).write_bytes(content)
