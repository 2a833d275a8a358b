"""The demo's attack: one class, reconstructed from the open model and from the defended one.

Here the rooms meet that know nothing of each other: models, defences, attacks and reports.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from leakgauge.errors import JsonValue
from leakgauge.estimates import Estimate
from leakgauge.images.files import to_png
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.audit import audit
from leakgauge.inversion.inputs import read_inputs
from leakgauge.inversion.progress_callback import Preview, with_callback
from leakgauge.inversion.protocol import Attack
from leakgauge.jobs.demo.sides import Side, both, no_images, sides_of, similar
from leakgauge.jobs.demo.story import encoded, sentence, side_of
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import DEMO_ATTACK
from leakgauge.parameters import inversion_parameters
from leakgauge.progress import Display, Opened, Progress
from leakgauge.report.model import Audited

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
    shown = _Shown(display)

    def attacked(side: Side, progress: Progress) -> tuple[Audited, Estimate]:
        return _audited(side, request, shown, progress)

    found = both(attacked, sides_of(request), shown)
    target = cast(int, overrides["target"])
    figures = [side_of(audited, target, accuracy) for audited, accuracy in found]
    result = {
        "request": overrides["request"],
        "baseline": figures[0],
        "defended": figures[1],
        "sentence": sentence(
            cast(str, overrides["name"]),
            *(cast(bool, side["read"]) for side in figures),
            similar=cast(bool, overrides["similar"]),
            guard=cast(str, overrides["model"]).startswith("guarded"),
        ),
    }
    for name, content in zip(DEMO_ATTACK.leaves, (result, {"frames": shown.frames}), strict=True):
        (request.report / name).write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def _audited(side: Side, request: JobRequest, shown: _Shown, progress: Progress) -> tuple[Audited, Estimate]:
    """The inversion audit of one class of this side, and its accuracy on held-out images."""
    target = cast(int, request.overrides["target"])
    images, labels = similar(request.source) if request.overrides["similar"] else no_images()
    bundle = side.bundle(request.scratch, target, auxiliary=images[labels != target], reference=no_images())
    asked: dict[str, JsonValue] = {name: request.overrides[name] for name in ("iterations", "seeds")}
    parameters = inversion_parameters(
        None, asked | {"class_to_attack": target, "defences": list(side.outputs)}
    )
    inputs = read_inputs(bundle, parameters)
    audited = audit(
        inputs,
        parameters=parameters,
        attacks=[shown.watched(row, target, side) for row in ATTACKS if row.by_default],
        inputs_sha256=bundle.sha256,
        most_controls=CONTROLS,
        progress=progress,
    )
    return audited, side.accuracy(inputs.target)


@dataclass(slots=True)
class _Shown:
    """A display for both sides, one word at a time; what it showed is kept, to be shown again."""

    display: Display
    frames: list[Mapping[str, JsonValue]] = field(default_factory=list)
    _speaking: threading.Lock = field(default_factory=threading.Lock)

    def report(self, stage: str, fraction: float) -> None:
        with self._speaking:
            self.display.report(stage, fraction)

    def show(self, values: Mapping[str, JsonValue]) -> None:
        with self._speaking:
            self.frames.append(values)
            self.display.show(values)

    def opened(self, file: Opened) -> None:
        self.display.opened(file)

    def watched(self, row: Attack, target: int, side: Side) -> Attack:
        """The attack, which shows how far it is with that class."""

        def show(preview: Preview) -> None:
            prior = preview.with_prior and not row.looks_up
            self.show(
                {
                    "side": side.name,
                    "attack": f"{row.title}, with a prior" if prior else row.title,
                    "queries": preview.queries,
                    "image": encoded(to_png(preview.image)),
                    "loss": preview.loss,
                }
            )

        return with_callback(row, target, show)
