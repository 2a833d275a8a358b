"""The demo's before/after report: all ten classes of both models, by two attackers.

An attack on one class shows what was read, and is too little to conclude from. Here every class is
reconstructed, and labelled images decide how well, as `leakgauge compare` does it for any two audits.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from leakgauge.errors import JsonValue
from leakgauge.estimates import Estimate
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.audit import audit
from leakgauge.inversion.inputs import read_inputs
from leakgauge.jobs.demo.sides import Labelled, Side, both, held_out, sides_of, similar
from leakgauge.jobs.demo.story import compared
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import DEMO_COMPARISON
from leakgauge.parameters import inversion_parameters
from leakgauge.progress import Display, Progress
from leakgauge.report.comparison import compare as compare_reports
from leakgauge.report.comparison.document import comparison_to_json
from leakgauge.report.html import render_comparison
from leakgauge.report.model import Audited
from leakgauge.report.writers import write

REFERENCES = 40
"""Labelled images of each class, at most."""
LEFT_OUT = ("auxiliary_chain",)
"""The costliest of the look-ups, which finds no more here than the others."""


def compare(request: JobRequest, display: Display) -> None:
    """Audit both models for all classes and leave what `leakgauge compare` concludes.

    `overrides` hold the page's `request`, which is kept with the result; the file of the defended `model`
    and its `output` defences; iterations and seeds. `source` is a folder that `train` left.
    """
    display.opened("model")

    def audited(side: Side, progress: Progress) -> tuple[Audited, Estimate]:
        return _audited(side, request, progress)

    (before, usual), (after, changed) = both(audited, sides_of(request), display)
    display.report("writing the report", 0.97)
    comparison = compare_reports(before.report, after.report, accuracies=(usual, changed))
    pages = {
        "comparison.html": render_comparison(comparison).encode(),
        "comparison.json": comparison_to_json(comparison),
    }
    result = {"request": request.overrides["request"], **compared(comparison)}
    left = (
        json.dumps(result, allow_nan=False).encode(),
        _zipped(pages, {"before": before, "after": after}, request.scratch),
        pages["comparison.html"],
    )
    for name, content in zip(DEMO_COMPARISON.leaves, left, strict=True):
        (request.report / name).write_bytes(content)


def _audited(side: Side, request: JobRequest, progress: Progress) -> tuple[Audited, Estimate]:
    """The inversion audit of all classes of this side, and its accuracy on held-out images."""
    images, _ = similar(request.source)
    bundle = side.bundle(request.scratch, 0, auxiliary=images, reference=_first_of_each(request.source))
    asked: dict[str, JsonValue] = {name: request.overrides[name] for name in ("iterations", "seeds")}
    asked |= {"class_to_attack": "all", "defences": list(side.outputs)}
    parameters = inversion_parameters(None, asked)
    inputs = read_inputs(bundle, parameters)
    report = audit(
        inputs,
        parameters=parameters,
        attacks=[row for row in ATTACKS if row.by_default and row.name not in LEFT_OUT],
        inputs_sha256=bundle.sha256,
        progress=progress,
    )
    return report, side.accuracy(inputs.target)


def _first_of_each(source: Path) -> Labelled:
    """The first held-out images of each class, with labels."""
    images, labels = held_out(source)
    kept = np.concatenate([np.flatnonzero(labels == number)[:REFERENCES] for number in np.unique(labels)])
    return images[kept], labels[kept]


def _zipped(pages: Mapping[str, bytes], sides: Mapping[str, Audited], scratch: Path) -> bytes:
    """The comparison on top, each side's own report in a folder below."""
    contents = dict(pages)
    for name, audited in sides.items():
        folder = scratch / f"{name}-report"
        write(audited, folder)
        contents |= {f"{name}/{file.name}": file.read_bytes() for file in sorted(folder.iterdir())}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
