"""The demo's training: an open model, the same behind a guard, and the same network with defences.

What it leaves is all that the page and the attacks need. Of the training set it keeps one image of each
class.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx

from leakgauge.defences.training import TrainingDefence, training_defences
from leakgauge.defences.training.classifier import Trained
from leakgauge.defences.training.classifier import train as train_classifier
from leakgauge.defences.training.guard import guarded
from leakgauge.defences.training.plan import TrainingPlan
from leakgauge.errors import JsonValue
from leakgauge.estimates import proportion
from leakgauge.images.files import to_png
from leakgauge.jobs.demo.digits import Digits, mnist
from leakgauge.jobs.demo.evaluator import evaluator_plan
from leakgauge.jobs.demo.invented import invented_digits, invented_faces
from leakgauge.jobs.demo.network import digit_network
from leakgauge.jobs.demo.sides import HELD_OUT, SIMILAR
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import DEMO_TRAINING
from leakgauge.progress import Display, Share
from leakgauge.targets.keras.engine import exported
from leakgauge.targets.opening import open_image_model

BASELINE, HARDENED, EVALUATOR = "baseline", "hardened", "evaluator"
GUARDS = {"light": 0.002, "usual": 0.01, "strong": 0.05}
"""Share of real images that a guard of each strength answers at random."""
EPOCHS = 10
EVALUATORS_SHARE, SIMILAR_SHARE = 0.5, 0.7
"""Up to which share of the held-out images an evaluator is trained, and from there on up to which an
attacker has them. The rest measures accuracy."""
_PRIVATE_COST = 8
"""DP-SGD takes about so many times as long as ordinary training; the bar is divided by it."""

_MADE: dict[str, Callable[[], Digits]] = {"digits": invented_digits, "faces": invented_faces}


def train(request: JobRequest, display: Display) -> None:
    """Train baseline and hardened model; `overrides` name data, defences, epochs and seed.

    Raises
    ------
    LeakgaugeError
        for data that cannot be read, and for defences that do not go together.
    """
    display.report("preparing the images", 0.0)
    data = cast(str, request.overrides["data"])
    train_both(
        mnist(request.source) if data == "mnist" else _MADE[data](),
        cast(list[str], request.overrides["defences"]),
        request.report,
        epochs=cast(int | None, request.overrides["epochs"]),
        seed=cast(int, request.overrides["seed"]),
        display=display,
    )


def train_both(
    digits: Digits, defences: Sequence[str], folder: Path, *, epochs: int | None, seed: int, display: Display
) -> None:
    """Train the models and leave them, facts, held-out images and one original a class in `folder`.

    Without `defences` there is no hardened model: the guards stand in front of the baseline.

    Parameters
    ----------
    epochs
        None for the usual number.

    Raises
    ------
    BadParameters, UnsupportedModel
        for defences that do not exist or do not go together.
    """
    rows = training_defences(defences)
    place = _Place(folder, digits, display, seed)
    plain = TrainingPlan.of(digit_network(digits.images.shape[1:]), epochs=epochs or EPOCHS)
    hardened = _hardened(plain, rows)
    split = 0.7 / (1 + (_PRIVATE_COST if hardened.privacy else 1)) if rows else 0.7
    baseline = place.trained(BASELINE, plain, 0.0, split)
    facts: dict[str, JsonValue] = {BASELINE: place.kept(BASELINE, baseline.model, baseline)}
    if rows:
        other = place.trained(HARDENED, hardened, split, 0.7)
        facts[HARDENED] = place.kept(HARDENED, other.model, other)
    for number, (strength, lost_share) in enumerate(GUARDS.items()):
        display.report("putting the guard in front of the open model", 0.7 + 0.05 * number)
        place.kept(
            f"guarded-{strength}", guarded(baseline.model, digits.images, seed=seed, lost_share=lost_share)
        )
    place.keep_evaluator(0.85, 0.97)
    display.report("keeping one original of each class", 0.97)
    for number in range(10):
        (folder / f"original_{number}.png").write_bytes(to_png(digits.first_of(number)))
    for name, share in ((SIMILAR, (EVALUATORS_SHARE, SIMILAR_SHARE)), (HELD_OUT, (SIMILAR_SHARE, 1.0))):
        images, labels = digits.held_out(*share)
        np.savez_compressed(folder / name, images=images, labels=labels)
    facts |= {
        "data": digits.name,
        "trained_on": len(digits.labels),
        "defences": [{"name": row.name, "title": row.title, "cost": row.cost} for row in rows],
        "seed": seed,
    }
    (facts_name,) = DEMO_TRAINING.leaves
    (folder / facts_name).write_text(json.dumps(facts), encoding="utf-8")


def _hardened(plan: TrainingPlan, rows: Sequence[TrainingDefence]) -> TrainingPlan:
    for row in rows:
        plan = row.harden(plan)
    return plan


@dataclass(frozen=True, slots=True)
class _Place:
    """Where models are trained and kept, and who is shown how far they are."""

    folder: Path
    digits: Digits
    display: Display
    seed: int

    def trained(self, name: str, plan: TrainingPlan, begins: float, ends: float) -> Trained:
        """A model that was trained by `plan`, which takes the progress from `begins` to `ends`."""
        share = Share(self.display, begins, ends)

        def listener(done: int, loss: float) -> None:
            share.report(f"training the {name} model", done / plan.epochs)
            self.display.show({"model": name, "epoch": done, "epochs": plan.epochs, "loss": loss})

        return train_classifier(
            plan, self.digits.images, self.digits.labels, seed=self.seed, listener=listener
        )

    def kept(self, name: str, model: Any, trained: Trained | None = None) -> dict[str, JsonValue]:
        """Leave the model, ready for queries; its accuracy, and what DP-SGD promises of it."""
        height, width, channels = self.digits.images.shape[1:]
        path = self.folder / f"{name}.onnx"
        onnx.save_model(exported(model, (height, width, channels)), path)
        images, labels = self.digits.held_out(SIMILAR_SHARE, 1.0)
        target = open_image_model(path, image_size=(height, width))
        right = int((target.labels(images) == labels).sum())
        privacy = None if trained is None else trained.privacy
        return {
            "accuracy": asdict(proportion(right, len(labels))),
            "privacy": asdict(privacy) if privacy else None,
        }

    def keep_evaluator(self, begins: float, ends: float) -> None:
        """Train and leave the independent evaluator, on images that no other model was trained on."""
        share = Share(self.display, begins, ends)
        images, labels = self.digits.held_out(0.0, EVALUATORS_SHARE)
        plan = evaluator_plan(images.shape[1:], seed=self.seed)
        trained = train_classifier(
            plan,
            images,
            labels,
            seed=self.seed + 1,
            listener=lambda done, _: share.report("training the evaluator", done / plan.epochs),
        )
        self.kept(EVALUATOR, trained.model)
