"""A report or a comparison as a PDF, set from its JSON document and what lies beside it.

It is set in the sandbox: names and images of a report come from strangers, and fonts and images are read by
compiled code.
"""

from __future__ import annotations

from leakgauge.extras import needed
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import COMPARISON_PDF, PDF, Job
from leakgauge.progress import Display


def pdf(request: JobRequest, display: Display) -> None:
    """Leave the PDF of the report folder of `request`, with the trend where an earlier report was added.

    Raises
    ------
    LeakgaugeError
        for a folder without a report of ours, or where the extra `pdf` or what it needs is missing.
    """
    # imported here: no other job shows a page
    from leakgauge.report.earlier import trend_in
    from leakgauge.report.files import read_audited
    from leakgauge.report.html import render

    audited = read_audited(request.source)
    _leave(render(audited, trend=trend_in(request.source, audited.report)), PDF, request, display)


def comparison(request: JobRequest, display: Display) -> None:
    """Leave the PDF of the comparison in the folder of `request`; errors as `pdf`."""
    # imported here, as above
    from leakgauge.report.comparison.document import comparison_from_json
    from leakgauge.report.files import read_bytes
    from leakgauge.report.html import render_comparison

    found = comparison_from_json(read_bytes(request.source / "comparison.json"))
    _leave(render_comparison(found), COMPARISON_PDF, request, display)


def _leave(page: str, job: Job, request: JobRequest, display: Display) -> None:
    from leakgauge.report.html.pdf import to_pdf

    display.report("setting the pages", 0.1)
    with needed("pdf"):
        content = to_pdf(page)
    (request.report / job.leaves[0]).write_bytes(content)
