"""The demo's attack: one class, reconstructed from the open model and from the defended one.

Here the rooms meet that know nothing of each other: models, defences, attacks and reports.
"""

from __future__ import annotations

import io
import json
import shutil
import threading
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np

from leakgauge.bundle import InversionBundle, Limits, open_bundle
from leakgauge.errors import JsonValue
from leakgauge.estimates import Estimate, proportion
from leakgauge.images.files import to_png
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.audit import audit
from leakgauge.inversion.inputs import read_inputs
from leakgauge.inversion.progress_callback import Preview, with_callback
from leakgauge.inversion.protocol import Attack
from leakgauge.jobs.demo.story import encoded, sentence, side_of
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import DEMO_ATTACK
from leakgauge.parameters import inversion_parameters
from leakgauge.progress import Calling, Display, Progress
from leakgauge.report.comparison import compare
from leakgauge.report.comparison.document import comparison_to_json
from leakgauge.report.html import render_comparison
from leakgauge.report.model import Audited
from leakgauge.report.writers import write

CONTROLS = 2
"""Classes to compare with. Two are a third of the work that nine are, and one is waiting."""


def attack(request: JobRequest, display: Display) -> None:
    """Attack one class on both models while they are shown.

    `overrides` hold the page's `request`, which is kept with the result; the class (`target`) and what it is
    called (`name`); the file of the defended `model` and its `output` defences; whether the attacker has
    `similar` images; iterations and seeds. `source` is a folder that `train` left.
    """
    overrides = request.overrides
    display.opened("model")
    telling = _Telling(display)
    sides = [
        _Side("baseline", "baseline", ()),
        _Side("defended", cast(str, overrides["model"]), tuple(cast(list[str], overrides["output"]))),
    ]

    def attacked(place: int) -> tuple[Audited, Estimate]:
        return sides[place].audited(request, telling, telling.share(place, len(sides)))

    with ThreadPoolExecutor(len(sides)) as threads:
        (before, usual), (after, changed) = threads.map(attacked, range(len(sides)))
    display.report("writing the report", 0.97)
    comparison = compare(before.report, after.report, accuracies=(usual, changed))
    target = cast(int, overrides["target"])
    shown = [side_of(audited, target, accuracy) for audited, accuracy in ((before, usual), (after, changed))]
    result = {
        "request": overrides["request"],
        "baseline": shown[0],
        "defended": shown[1],
        "sentence": sentence(
            cast(str, overrides["name"]),
            *(cast(bool, side["read"]) for side in shown),
            similar=cast(bool, overrides["similar"]),
            guard=cast(str, overrides["model"]).startswith("guarded"),
        ),
        "verdict": {"effect": comparison.effect.value, "sentence": comparison.sentence},
    }
    pages = {
        "comparison.html": render_comparison(comparison).encode(),
        "comparison.json": comparison_to_json(comparison),
    }
    zipped = _zipped(pages, {"before": before, "after": after}, request.scratch)
    left = (
        json.dumps(result, allow_nan=False).encode(),
        zipped,
        pages["comparison.html"],
        json.dumps({"frames": telling.frames}, allow_nan=False).encode(),
    )
    for name, content in zip(DEMO_ATTACK.leaves, left, strict=True):
        (request.report / name).write_bytes(content)


@dataclass(slots=True)
class _Telling:
    """The two sides' words, one at a time; what was shown is kept, to be shown again."""

    display: Display
    frames: list[Mapping[str, JsonValue]] = field(default_factory=list)
    _speaking: threading.Lock = field(default_factory=threading.Lock)
    _done: dict[int, float] = field(default_factory=dict)

    def show(self, values: Mapping[str, JsonValue]) -> None:
        with self._speaking:
            self.frames.append(values)
            self.display.show(values)

    def share(self, place: int, sides: int) -> Progress:
        """Progress of one side, listener as that of both."""

        def listener(stage: str, fraction: float) -> None:
            with self._speaking:
                self._done[place] = fraction
                self.display.report(stage, 0.95 * sum(self._done.values()) / sides)

        return Calling(listener)


@dataclass(frozen=True, slots=True)
class _Side:
    """One model behind its output defences."""

    name: str
    model: str
    outputs: tuple[str, ...]

    def audited(self, request: JobRequest, telling: _Telling, progress: Progress) -> tuple[Audited, Estimate]:
        """The inversion audit of this side, and its accuracy on held-out images."""
        target = cast(int, request.overrides["target"])
        bundle = self._bundle(request, target)
        asked: dict[str, JsonValue] = {name: request.overrides[name] for name in ("iterations", "seeds")}
        parameters = inversion_parameters(
            None, asked | {"class_to_attack": target, "defences": list(self.outputs)}
        )
        inputs = read_inputs(bundle, parameters)
        audited = audit(
            inputs,
            parameters=parameters,
            attacks=[self._watched(row, target, telling) for row in ATTACKS if row.by_default],
            inputs_sha256=bundle.sha256,
            most_controls=CONTROLS,
            progress=progress,
        )
        held_out = np.load(request.source / "held_out.npz", allow_pickle=False)
        right = int((inputs.target.labels(held_out["images"]) == held_out["labels"]).sum())
        return audited, proportion(right, len(held_out["labels"]))

    def _bundle(self, request: JobRequest, target: int) -> InversionBundle:
        """A bundle with this side's model, the original and, for some attackers, images of other classes."""
        folder, scratch = request.scratch / self.name, request.scratch / f"{self.name}-unpacked"
        for made in (folder, scratch):
            made.mkdir()
        for name, called in (
            (f"{self.model}.onnx", "model.onnx"),
            (f"original_{target}.png", "input_image.png"),
            ("evaluator.onnx", "evaluator.onnx"),
        ):
            shutil.copyfile(request.source / name, folder / called)
        if request.overrides["similar"]:
            (folder / "auxiliary").mkdir()
            similar = np.load(request.source / "similar.npz", allow_pickle=False)
            for number, image in enumerate(similar["images"][similar["labels"] != target]):
                (folder / "auxiliary" / f"{number}.png").write_bytes(to_png(image))
        bundle = open_bundle(folder, scratch, limits=Limits())
        assert isinstance(bundle, InversionBundle)  # noqa: S101 -- narrows the type of our own folder
        return bundle

    def _watched(self, row: Attack, target: int, telling: _Telling) -> Attack:
        def shown(preview: Preview) -> None:
            prior = preview.with_prior and not row.looks_up
            telling.show(
                {
                    "side": self.name,
                    "attack": f"{row.title}, with a prior" if prior else row.title,
                    "queries": preview.queries,
                    "image": encoded(to_png(preview.image)),
                    "loss": preview.loss,
                }
            )

        return with_callback(row, target, shown)


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
