"""Whether the inversion audit finds models that answer differently away from data, and no others.

    python benchmarks/inversion_guarded.py FOLDER RESULTS.jsonl [--audits 1]

FOLDER holds MNIST's test digits in idx format and `olivettifaces.mat`. Networks of several kinds are
trained on two seeds that nothing was tuned on (`inversion.away_from_data` was settled with 1, 2, 101 and
102), and most of them are guarded as well by `leakgauge.defences.training.guard`. Each is asked about an
image that it was not trained on, once with that image alone and once with 50 auxiliary ones (held-out
images, for faces those of other people). With `--audits` networks of digits, one a seed, are then audited
in full, with and without the guard, with and without auxiliary images.

Every result is a line of RESULTS.jsonl, and what stands there is not run again. Prints Markdown tables of all
that is there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from digit_models import one_thread, trained
from image_sets import shapes
from inversion_faces import faces
from inversion_null import network as untrained
from leakgauge.defences.training.guard import guarded
from leakgauge.images.image import Images
from leakgauge.inversion.away_from_data import examine_lines
from leakgauge.inversion.in_memory import GivenImages, audit_image
from leakgauge.jobs.demo.digits import bundled_digits
from leakgauge.progress import Silent
from leakgauge.report.model import InversionReport
from leakgauge.targets.images.facts import InputSettings
from leakgauge.targets.images.function import open_image_function
from leakgauge.targets.opening import open_image_model
from leakgauge.targets.protocol import Target
from mnist import halves

SEEDS = (4, 5)
GUARDED = {"linear", "dense", "CNN", "CNN with batch norm"}
NETWORKS = {
    "digits": (*GUARDED, "dropout", "tanh", "overconfident", "overfit", "false labels", "global pooling"),
    "MNIST": (*GUARDED, "dropout"),
    "faces": (*GUARDED, "overconfident"),
    "shapes": ("dense", "CNN"),
}
EPOCHS = {"digits": 30, "MNIST": 4, "faces": 60, "shapes": 5}
LONGER = 4
"""Times as many epochs for networks that are to be overfit."""
UNTRAINED, PRIVATE = 6, 2
AUXILIARY = 50
LOST_SHARE = {"digits": 0.01, "MNIST": 0.01, "faces": 0.05}
"""The guard's; of faces there are 140."""
AUDITED = {"seeds": 3, "iterations": 400, "seed": 0}
AUDITED_CLASSES = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Data:
    """Training images with labels, real images that were not trained on, and what an attacker has."""

    images: Images
    labels: NDArray[np.int64]
    held_out: Images
    auxiliary: Images


def data_of(name: str, folder: Path, seed: int) -> Data:
    """One of the sets, shuffled by the seed."""
    rng = np.random.default_rng([seed, 24])
    if name == "faces":
        people = faces(folder).reshape(40, 10, 32, 2, 32, 2, 1).mean(axis=(3, 5))[rng.permutation(40)]
        learnt, kept = people[:20, :7], people[:20, 7:]
        labels = np.repeat(np.arange(20), 7)
        others = people[20:].reshape(-1, 32, 32, 1)[rng.permutation(200)]
        return Data(learnt.reshape(-1, 32, 32, 1), labels, kept.reshape(-1, 32, 32, 1), others[:AUXILIARY])
    if name == "digits":
        found = load_digits()
        images, labels, n = (found.images[..., None] / 16).astype(np.float32), found.target, 900
    elif name == "MNIST":
        half, _ = halves(folder)
        images, labels, n = half.images, half.labels, 3_000
    else:
        drawn_from = shapes(32).trained
        images, labels, n = drawn_from.images, drawn_from.labels, 1_500
    order = rng.permutation(len(images))
    images, labels = images[order], labels[order].astype(np.int64)
    return Data(images[:n], labels[:n], images[n + AUXILIARY :], images[n : n + AUXILIARY])


def network_of(kind: str, name: str, data: Data, seed: int) -> keras.Model:
    """A trained network."""
    keras.utils.set_random_seed(seed)
    layers, rng = keras.layers, np.random.default_rng([seed, 25])
    images, labels, classes = data.images, data.labels, int(data.labels.max()) + 1
    if kind == "overfit":
        images, labels = images[: 8 * classes], labels[: 8 * classes]
    if kind == "false labels":
        images, labels = images[:400], rng.integers(0, classes, 400)
    entrance = inner = keras.Input(data.images.shape[1:])
    if "CNN" in kind or kind == "global pooling":
        for channels in (16, 32):
            inner = layers.Conv2D(channels, 3, padding="same")(inner)
            inner = layers.BatchNormalization()(inner) if kind != "CNN" else inner
            inner = layers.MaxPooling2D()(layers.ReLU()(inner))
    inner = layers.GlobalAveragePooling2D()(inner) if kind == "global pooling" else layers.Flatten()(inner)
    if kind not in ("linear", "global pooling"):
        inner = layers.Dense(64, activation="tanh" if kind == "tanh" else "relu")(inner)
        inner = layers.Dropout(0.5)(inner) if kind == "dropout" else inner
    model = keras.Model(entrance, layers.Dense(classes, activation="softmax")(inner))
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    epochs = EPOCHS[name] * (LONGER if kind in ("overconfident", "overfit", "false labels") else 1)
    model.fit(images, labels, epochs=epochs, batch_size=32, verbose=0)
    if kind == "overconfident":
        model.layers[-1].set_weights([10 * weights for weights in model.layers[-1].get_weights()])
    return model


def target_of(model: Any, shape: tuple[int, ...]) -> Target:
    """A Keras model, or the bytes of an ONNX one, as a target."""
    if not isinstance(model, bytes):
        settings = InputSettings(image_size=(shape[0], shape[1]), input_range=(0.0, 1.0))
        return open_image_function(model.predict_on_batch, shape, settings, range_source="asked")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(model)
        return open_image_model(path, image_size=(shape[0], shape[1]))


def onnx_of(model: keras.Model) -> Target:
    """The model as an audit opens its file, which answers much faster than Keras."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        return open_image_model(path, image_size=model.input_shape[1:3])


def models(folder: Path, done: set[str]) -> Iterator[tuple[str, Any, Data]]:
    """Name, model and data of each that is not done; guarded ones first."""
    for seed in SEEDS:
        for name, kinds in NETWORKS.items():
            data = data_of(name, folder, seed)
            for kind in sorted(kinds):
                label = f"{name}, {kind}, seed {seed}"
                with_guard = kind in GUARDED and name in LOST_SHARE
                wanted = {label, f"{label}, guarded"} if with_guard else {label}
                if wanted <= done:
                    continue
                model = network_of(kind, name, data, seed)
                if with_guard:
                    share = LOST_SHARE[name]
                    yield f"{label}, guarded", guarded(model, data.images, seed=seed, lost_share=share), data
                yield label, model, data
    digits = data_of("digits", folder, SEEDS[0])
    for place in range(UNTRAINED):
        kind = "MLP" if place % 2 else "CNN"
        yield (
            f"digits, untrained {kind} as ONNX, seed {place}",
            untrained(kind, np.random.default_rng([24, place])),
            digits,
        )
    for seed in range(PRIVATE):
        if f"digits, DP-SGD, seed {seed}" not in done:
            private = trained(bundled_digits(seed=seed), ("dp_sgd",), seed).model
            yield f"digits, DP-SGD, seed {seed}", private, digits


def examined(model: Any, data: Data, place: int) -> dict[str, float | bool]:
    """The statistic with one image alone and with auxiliary ones."""
    target = target_of(model, data.images.shape[1:])
    image = data.held_out[place % len(data.held_out)]
    found: dict[str, float | bool] = {}
    for name, auxiliary in (("one image", []), ("with auxiliary", list(data.auxiliary))):
        lines = examine_lines(target, [image], auxiliary, rng=np.random.default_rng(place))
        found |= {name: round(lines.statistic or 0.0, 2), f"{name}, found": lines.found}
    return found


def audits(folder: Path, seed: int) -> Iterator[tuple[str, dict[str, float | str]]]:
    """Full audits of a dense network of digits, three classes, with and without guard and auxiliary images.

    Auxiliary images are of the other classes.
    """
    data = data_of("digits", folder, seed)
    model = network_of("dense", "digits", data, seed)
    held_out = network_labels(model, data.held_out)
    opened = {"open": onnx_of(model), "guarded": onnx_of(guarded(model, data.images, seed=seed))}
    for attacked in AUDITED_CLASSES:
        image, *others = data.images[data.labels == attacked][:11]
        auxiliary = data.held_out[held_out != attacked][:200]
        for known, (name, network) in itertools.product((False, True), opened.items()):
            report = audit_image(
                network.probabilities,
                GivenImages(image, auxiliary if known else None, np.stack(others)),
                {"input_range": [0, 1], **AUDITED},
                Silent(),
            ).report
            if not isinstance(report, InversionReport):
                raise TypeError("the inversion audit gives inversion reports")
            leakage = {one.attack: one.leakage.value for one in report.reconstructions}
            with_prior = [
                value for attack, value in leakage.items() if "prior" in attack or "auxiliary" in attack
            ]
            yield (
                f"digits, dense, seed {seed}, class {attacked}, {name}, {'200' if known else 'no'} auxiliary",
                {
                    "leakage": round(max(leakage.values()), 2),
                    "with_prior": round(max(with_prior, default=0.0), 2),
                    "verdict": report.verdict.severity.value,
                    "found": ", ".join(report.masking.found),
                },
            )


def network_labels(model: keras.Model, images: Images) -> NDArray[np.int64]:
    """(n,) labels that the network gives the images."""
    return np.asarray(model.predict_on_batch(images).argmax(axis=1), dtype=np.int64)


def tables(rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Markdown tables of what was found."""
    lines = {name: row for name, row in rows.items() if "one image" in row}
    yield "| model | one image | with auxiliary |\n|---|---|---|"
    for name, row in sorted(lines.items()):
        yield f"| {name} | {row['one image']:.2f} | {row['with auxiliary']:.2f} |"
    for guard in (True, False):
        kept = [row for name, row in lines.items() if name.endswith("guarded") == guard]
        counts = [sum(row[f"{way}, found"] for row in kept) for way in ("one image", "with auxiliary")]
        yield (
            f"\n{'guarded' if guard else 'not guarded'}: {len(kept)}, found {counts[0]} by one image, "
            f"{counts[1]} with auxiliary images"
        )
    yield "\n| audit | worst leakage | with a prior | verdict | masks found |\n|---|---|---|---|---|"
    for name, row in sorted(rows.items()):
        if "leakage" in row:
            figures = f"{row['leakage']:.2f} | {row['with_prior']:.2f}"
            yield f"| {name} | {figures} | {row['verdict']} | {row['found'] or 'none'} |"


def main() -> None:
    """Examine what is missing, and print everything."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("results", type=Path)
    arguments.add_argument("--audits", type=int, default=0, help="seeds to audit in full")
    asked = arguments.parse_args()
    one_thread()
    rows: dict[str, dict[str, Any]] = {}
    if asked.results.exists():
        rows = {row.pop("name"): row for row in map(json.loads, asked.results.read_text().splitlines())}

    def keep(name: str, row: dict[str, Any]) -> None:
        rows[name] = row
        with asked.results.open("a") as file:
            file.write(json.dumps({"name": name, **row}) + "\n")

    for place, (name, model, data) in enumerate(models(asked.folder, set(rows))):
        if name not in rows:
            keep(name, examined(model, data, place))
    for seed in SEEDS[: asked.audits]:
        if not any("auxiliary images" in name and f"seed {seed}" in name for name in rows):
            for name, row in audits(asked.folder, seed):
                keep(name, row)
    print("\n".join(tables(rows)))


if __name__ == "__main__":
    main()
