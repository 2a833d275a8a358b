"""The demo's training: a baseline, and the same network with defences.

What it leaves is all that the page and the attacks need; nothing of the training set but one image of
each class.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx

from leakgauge.defences.training import TrainingDefence, training_defences
from leakgauge.defences.training.classifier import Trained
from leakgauge.defences.training.classifier import train as train_classifier
from leakgauge.defences.training.plan import TrainingPlan
from leakgauge.errors import JsonValue
from leakgauge.estimates import proportion
from leakgauge.images.files import to_png
from leakgauge.jobs.demo.digits import Digits, bundled_digits, mnist
from leakgauge.jobs.demo.network import digit_network
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import DEMO_TRAINING
from leakgauge.progress import Display, Share
from leakgauge.targets.keras.engine import exported
from leakgauge.targets.opening import open_image_model

BASELINE, HARDENED = "baseline", "hardened"
HELD_OUT = "held_out.npz"
EPOCHS_SMALL, EPOCHS_LARGE = 60, 10
_LARGE = 16
_PRIVATE_COST = 8
"""DP-SGD takes about so many times as long as ordinary training; the bar is divided by it."""


def train(request: JobRequest, display: Display) -> None:
    """Train baseline and hardened model; `overrides` name data, defences, epochs and seed.

    Raises
    ------
    LeakgaugeError
        for data that cannot be read, and for defences that do not go together.
    """
    display.report("reading the digits", 0.0)
    digits = mnist(request.source) if request.overrides["data"] == "mnist" else bundled_digits()
    train_both(
        digits,
        cast(list[str], request.overrides["defences"]),
        request.report,
        epochs=cast(int | None, request.overrides["epochs"]),
        seed=cast(int, request.overrides["seed"]),
        display=display,
    )


def train_both(
    digits: Digits, defences: Sequence[str], folder: Path, *, epochs: int | None, seed: int, display: Display
) -> None:
    """Train both models and leave models, facts, held-out digits and one original a class in `folder`.

    Parameters
    ----------
    epochs
        None for what the size of the images takes.

    Raises
    ------
    BadParameters, UnsupportedModel
        for defences that do not exist or do not go together.
    """
    rows = training_defences(defences)
    plain = _plan(digits, epochs)
    hardened = _hardened(plain, rows)
    split = 0.85 / (1 + (_PRIVATE_COST if hardened.privacy else 1))
    shares = {BASELINE: (0.0, split), HARDENED: (split, 0.85)}
    facts: dict[str, JsonValue] = {}
    shape = digits.images.shape[1:]
    for name, plan in ((BASELINE, plain), (HARDENED, hardened)):
        share = Share(display, *shares[name])
        trained = train_classifier(
            plan,
            digits.images,
            digits.labels,
            seed=seed,
            listener=lambda done, loss, name=name, share=share: _report(  # type: ignore[misc]  # mypy infers no type for a lambda with defaults
                display, share, name, done, plain.epochs, loss
            ),
        )
        display.report(f"preparing the {name} model for queries", shares[name][1])
        onnx.save_model(exported(trained.model, shape), folder / f"{name}.onnx")
        trained.model.save(folder / f"{name}.keras")
        facts[name] = _facts(trained, folder / f"{name}.onnx", digits)
    display.report("keeping one original of each digit", 0.97)
    for digit in range(10):
        (folder / f"original_{digit}.png").write_bytes(to_png(digits.first_of(digit)))
    np.savez_compressed(folder / HELD_OUT, images=digits.held_out_images, labels=digits.held_out_labels)
    facts |= {
        "data": digits.name,
        "trained_on": len(digits.labels),
        "defences": [{"name": row.name, "title": row.title, "cost": row.cost} for row in rows],
        "seed": seed,
    }
    (facts_name,) = DEMO_TRAINING.leaves
    (folder / facts_name).write_text(json.dumps(facts), encoding="utf-8")


def _plan(digits: Digits, epochs: int | None) -> TrainingPlan:
    height, width, channels = digits.images.shape[1:]
    usual = EPOCHS_LARGE if height >= _LARGE else EPOCHS_SMALL
    return TrainingPlan.of(digit_network((height, width, channels)), epochs=epochs or usual)


def _hardened(plan: TrainingPlan, rows: Sequence[TrainingDefence]) -> TrainingPlan:
    for row in rows:
        plan = row.harden(plan)
    return plan


def _report(display: Display, share: Share, name: str, done: int, epochs: int, loss: float) -> None:
    share.report(f"training the {name} model", done / epochs)
    display.show({"model": name, "epoch": done, "epochs": epochs, "loss": loss})


def _facts(trained: Trained, path: Path, digits: Digits) -> dict[str, Any]:
    height, width = digits.images.shape[1:3]
    target = open_image_model(path, image_size=(height, width))
    right = int((target.labels(digits.held_out_images) == digits.held_out_labels).sum())
    return {
        "accuracy": asdict(proportion(right, len(digits.held_out_labels))),
        "privacy": asdict(trained.privacy) if trained.privacy else None,
    }
