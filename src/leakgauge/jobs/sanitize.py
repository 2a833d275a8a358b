"""Taking out of a model file what its predictions do not need."""

from __future__ import annotations

import json

from leakgauge.extras import needed
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import SANITIZE
from leakgauge.progress import Display


def sanitize(request: JobRequest, display: Display) -> None:
    """Strip the model file of `request`, and leave the new one beside notes on what was done.

    Raises
    ------
    LeakgaugeError
        whatever the model file deserves; see `leakgauge.defences.sanitize`.
    """
    display.opened("model")
    with needed("membership"):
        # imported late: only an image for membership holds scikit-learn
        from leakgauge.targets.formats import sanitizer_of

        sanitized = sanitizer_of(request.source)(request.source, request.scratch, display)
    notes = {"removed": sanitized.removed, "remaining": sanitized.remaining}
    model_name, notes_name = SANITIZE.leaves
    (request.report / model_name).write_bytes(sanitized.content)
    (request.report / notes_name).write_text(json.dumps(notes), encoding="utf-8")
