"""PDFs of reports and comparisons that lie in a folder, set in the sandbox."""

from __future__ import annotations

from pathlib import Path

from leakgauge.jobs.table import Job
from leakgauge.progress import Progress
from leakgauge.report.files import replace_file
from leakgauge.sandbox.parent import Sandbox


def write_pdf(folder: Path, job: Job, *, into: Path | None = None, progress: Progress) -> Path:
    """Set the document in `folder` as a PDF; the file that was written.

    Parameters
    ----------
    job
        which of the jobs that leave one PDF.
    into
        the file; without it, one in `folder` by the name that the job gives.

    Raises
    ------
    LeakgaugeError
        as the job does; `BadParameters` `output_file` for a file that cannot be written.
    """
    (name,) = job.leaves
    into = into or folder / name
    with Sandbox(job=job) as sandbox, sandbox.private_folder() as private:
        finished = private / "finished"
        sandbox.run(folder, finished, overrides={}, progress=progress)
        replace_file(into, (finished / name).read_bytes())
    return into
