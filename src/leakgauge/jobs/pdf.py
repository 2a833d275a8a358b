"""A report as a PDF, set from its report.json and its images."""

from __future__ import annotations

from leakgauge.extras import needed
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import PDF
from leakgauge.progress import Display


def pdf(request: JobRequest, display: Display) -> None:
    """Leave the PDF of the report folder of `request`.

    It is set in the sandbox: names and images of a report come from strangers, and fonts and images are read
    by compiled code.

    Raises
    ------
    LeakgaugeError
        for a folder without a report of ours, or where the extra `pdf` or what it needs is missing.
    """
    # imported here: no other job shows a page
    from leakgauge.report.files import read_audited
    from leakgauge.report.html import render
    from leakgauge.report.html.pdf import to_pdf

    display.report("setting the pages", 0.1)
    page = render(read_audited(request.source))
    with needed("pdf"):
        content = to_pdf(page)
    (request.report / PDF.leaves[0]).write_bytes(content)
