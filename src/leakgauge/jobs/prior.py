"""Making a prior for inversion audits out of a set of images."""

from __future__ import annotations

import os

from leakgauge.bundle import Limits, open_images
from leakgauge.errors import BadParameters
from leakgauge.extras import needed
from leakgauge.installation import TRAINED_PRIOR
from leakgauge.jobs.request import JobRequest
from leakgauge.progress import Progress


def prior(request: JobRequest, progress: Progress) -> None:
    """Make a prior for inversion audits from the images in the folder or zip of `request`.

    Raises
    ------
    LeakgaugeError
        whatever the images deserve, see `leakgauge.inversion.priors.pca`; `bad_parameters.other_kind`
        where only membership audits run, which need none.
    """
    if request.only == "membership":
        raise BadParameters(
            "other_kind",
            "A prior is for inversion audits; here run membership audits.",
            hint="Run the job with leakgauge-inversion.",
        )
    files = open_images(request.source, request.scratch, limits=Limits.from_environment(os.environ))
    with needed("inversion"):
        # imported late: only an image for inversion holds what reads images
        from leakgauge.inversion.priors.file import to_bytes
        from leakgauge.inversion.priors.training import prior_of

        (request.report / TRAINED_PRIOR).write_bytes(to_bytes(prior_of(files, progress)))
