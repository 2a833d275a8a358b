"""The demo's attack: one digit, reconstructed from the baseline and from the hardened model.

Here the rooms meet that know nothing of each other: models, defences, attacks and reports.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import threading
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from leakgauge.bundle import InversionBundle, Limits, open_bundle
from leakgauge.errors import JsonValue
from leakgauge.estimates import Estimate, proportion
from leakgauge.images.files import to_png
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.audit import audit
from leakgauge.inversion.inputs import read_inputs
from leakgauge.inversion.progress_callback import Preview, with_callback
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import DEMO_ATTACK
from leakgauge.parameters import inversion_parameters
from leakgauge.progress import Calling, Display, Progress
from leakgauge.report.comparison import compare
from leakgauge.report.comparison.document import comparison_to_json
from leakgauge.report.html import render_comparison
from leakgauge.report.model import Audited, InversionMeasured, InversionReport, Reconstruction
from leakgauge.report.writers import write
from leakgauge.targets.protocol import Target


def attack(request: JobRequest, display: Display) -> None:
    """Attack one digit on both models; `overrides` name digit, output defences, iterations and seeds.

    `source` is a folder that `train` left. The defended side is the hardened model behind the
    output defences. Both are reconstructed at the same time, and shown while they are.
    """
    digit = cast(int, request.overrides["digit"])
    outputs = tuple(cast(list[str], request.overrides["output"]))
    held_out = np.load(request.source / "held_out.npz", allow_pickle=False)
    display.opened("model")
    telling = _Telling(display)
    sides = [
        _Side("baseline", request.source / "baseline.onnx", ()),
        _Side("defended", request.source / "hardened.onnx", outputs),
    ]

    def attacked(place: int) -> tuple[Audited, Estimate]:
        side = sides[place]
        audited, target = side.audited(digit, request, telling, telling.share(place, len(sides)))
        right = int((target.labels(held_out["images"]) == held_out["labels"]).sum())
        return audited, proportion(right, len(held_out["labels"]))

    with ThreadPoolExecutor(len(sides)) as threads:
        (before, usual), (after, changed) = threads.map(attacked, range(len(sides)))
    display.report("writing the report", 0.97)
    comparison = compare(before.report, after.report, accuracies=(usual, changed))
    result = {
        "digit": digit,
        "output": list(outputs),
        "baseline": _facts(before, digit, usual),
        "defended": _facts(after, digit, changed),
        "verdict": {"effect": comparison.effect.value, "sentence": comparison.sentence},
    }
    result_name, report_name = DEMO_ATTACK.leaves
    (request.report / result_name).write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
    pages = {
        "comparison.html": render_comparison(comparison).encode(),
        "comparison.json": comparison_to_json(comparison),
    }
    zipped = _zipped(pages, {"before": before, "after": after}, request.scratch)
    (request.report / report_name).write_bytes(zipped)


class _Telling:
    """The two sides' words, one at a time."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._speaking = threading.Lock()
        self._done: dict[int, float] = {}

    def show(self, values: Mapping[str, JsonValue]) -> None:
        with self._speaking:
            self._display.show(values)

    def share(self, place: int, sides: int) -> Progress:
        """Progress of one side, listener as that of both."""

        def listener(stage: str, fraction: float) -> None:
            with self._speaking:
                self._done[place] = fraction
                self._display.report(stage, 0.95 * sum(self._done.values()) / sides)

        return Calling(listener)


@dataclass(frozen=True, slots=True)
class _Side:
    """One model behind its output defences."""

    name: str
    model: Path
    outputs: tuple[str, ...]

    def audited(
        self, digit: int, request: JobRequest, telling: _Telling, progress: Progress
    ) -> tuple[Audited, Target]:
        """The inversion audit of this side, and the target that it asked."""
        folder, scratch = request.scratch / self.name, request.scratch / f"{self.name}-unpacked"
        for made in (folder, scratch):
            made.mkdir()
        shutil.copyfile(self.model, folder / "model.onnx")
        shutil.copyfile(request.source / f"original_{digit}.png", folder / "input_image.png")
        bundle = open_bundle(folder, scratch, limits=Limits())
        assert isinstance(bundle, InversionBundle)  # noqa: S101 -- narrows the type of our own folder
        asked: dict[str, JsonValue] = {name: request.overrides[name] for name in ("iterations", "seeds")}
        asked |= {"class_to_attack": digit, "defences": list(self.outputs)}
        parameters = inversion_parameters(None, asked)
        inputs = read_inputs(bundle, parameters)
        attacks = [
            with_callback(row, digit, lambda preview: telling.show(_preview(self.name, preview)))
            for row in ATTACKS
            if row.by_default
        ]
        audited = audit(
            inputs,
            parameters=parameters,
            attacks=attacks,
            inputs_sha256=bundle.sha256,
            progress=progress,
        )
        return audited, inputs.target


def _preview(side: str, preview: Preview) -> dict[str, JsonValue]:
    return {
        "side": side,
        "attack": preview.attack,
        "queries": preview.queries,
        "image": _encoded(to_png(preview.image)),
        "loss": preview.loss,
    }


def _facts(audited: Audited, digit: int, accuracy: Estimate) -> dict[str, Any]:
    """What the page says about one side: the attack that showed most, and all of them in short."""
    report = cast(InversionReport, audited.report)
    measured = {row.name: row for row in report.attacks if isinstance(row, InversionMeasured)}
    rows = [found for found in report.reconstructions if found.target_class == digit]
    worst = max(rows, key=lambda found: (found.leakage.value, found.similarity.pearson), default=None)
    return {
        "accuracy": asdict(accuracy),
        "worst": None if worst is None else _reconstruction(worst, measured[worst.attack], audited.files),
        "attacks": [
            {
                "title": row.title,
                "leakage": asdict(row.metrics.leakage) if isinstance(row, InversionMeasured) else None,
                "reason": None if isinstance(row, InversionMeasured) else row.reason,
            }
            for row in report.attacks
        ],
        "curve": _curve(report, digit),
    }


def _curve(report: InversionReport, digit: int) -> list[list[float]]:
    """(queries, loss) along the run of the first attack that has a loss to follow."""
    points = [point for point in report.loss_curve if point.target_class == digit]
    return [[point.queries, point.loss] for point in points if point.attack == points[0].attack]


def _reconstruction(
    found: Reconstruction, row: InversionMeasured, files: Mapping[str, bytes]
) -> dict[str, Any]:
    return {
        "attack": row.title,
        "image": _encoded(files[found.image]),
        "queries": found.queries,
        "similarity": asdict(row.metrics.pearson),
        "chance": found.chance,
        "chance_source": found.chance_source,
        "leakage": asdict(found.leakage),
    }


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


def _encoded(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")
