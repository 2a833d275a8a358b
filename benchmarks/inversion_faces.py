"""Inversion of classifiers of faces, with other people's faces for auxiliary images.

    python benchmarks/inversion_faces.py FOLDER RESULTS [--networks softmax CNN] [--searches]

FOLDER holds `olivettifaces.mat` (AT&T Laboratories Cambridge: 40 people, ten images each); RESULTS is a
folder for a table `inversion_faces.md` and a contact sheet of the first network. A network is trained on
seven images of each of 20 people; the 200 images of the 20 others are auxiliary.

* likeness: mean correlation of a reconstruction with the mean of its person's seven images;
* nearest right: for how many of 20 that person is the one whose mean it is most like;
* after what they have in common: the same, with the mean over reconstructions taken from them and the
  mean of all people from the people, so that what is left tells people apart.

With `--searches` the attacks that search are run as well, in the space without a prior and with one.
Seconds are processor time for one class.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in the sandbox

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from scipy.io import loadmat

from leakgauge.images.image import Images
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.masking import examine
from leakgauge.inversion.objective import Prior
from leakgauge.inversion.priors.background import background_of
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.priors.pca import principal_components
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.inversion.running import informed
from leakgauge.inversion.similarity import pearson
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.targets.opening import open_image_model
from leakgauge.targets.protocol import FloatArray, Target

FILE = "olivettifaces.mat"
PEOPLE, LEARNT, SEEDS = 20, 7, 3
EPOCHS = {"softmax": 150, "CNN": 60}
HEAD = (
    "| network (accuracy) | attack | sees | queries a class | likeness | nearest right "
    "| after what they have in common | seconds a class |\n|---|---|---|---|---|---|---|---|"
)
LOOK_UPS = (
    ("auxiliary_mean", 500, True),
    ("auxiliary_image", 500, True),
    ("auxiliary_labels", 500, True),
    ("auxiliary_chain", 3_000, True),
)
SEARCHES = tuple((name, 3_000, known) for name in ("spsa", "cma_es", "label_only") for known in (False, True))


def faces(folder: Path) -> Images:
    """(40, 10, 64, 64, 1) faces in [0, 1], by person."""
    if not (folder / FILE).exists():
        sys.exit(f"SKIPPED: {folder} holds no {FILE}; nothing was measured.")
    columns = loadmat(str(folder / FILE))["faces"]
    return (columns.T.reshape(40, 10, 64, 64).transpose(0, 1, 3, 2)[..., None] / 255.0).astype(np.float32)


def network(name: str, images: Images) -> tuple[keras.Model, float]:
    """A network trained on seven images of each person, and its accuracy on the other three."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    convolutions = [
        layer
        for channels in (16, 32, 64)
        for layer in (layers.Conv2D(channels, 3, activation="relu"), layers.MaxPooling2D())
    ]
    inner = [layers.Dropout(0.3), layers.Dense(64, activation="relu")]
    model = keras.Sequential(
        [
            keras.Input((64, 64, 1)),
            *(convolutions if name == "CNN" else []),
            layers.Flatten(),
            *(inner if name == "CNN" else []),
            layers.Dense(PEOPLE, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    learnt, kept = (part.reshape(-1, 64, 64, 1) for part in (images[:, :LEARNT], images[:, LEARNT:]))
    model.fit(learnt, np.repeat(np.arange(PEOPLE), LEARNT), epochs=EPOCHS[name], batch_size=32, verbose=0)
    held_out = np.repeat(np.arange(PEOPLE), images.shape[1] - LEARNT)
    return model, float(model.evaluate(kept, held_out, verbose=0)[1])


def reconstructions(
    target: Target, told: AttackSettings, name: str, queries: int
) -> tuple[Images, int, float]:
    """The consensus for every person, the queries that one took, and its seconds."""
    attack = next(row for row in ATTACKS if row.name == name)
    started, found = time.process_time(), []
    for person in range(PEOPLE):
        frame = attack.reconstruct(
            target,
            person,
            budget=queries,
            rng=generator_for(0, f"{name} {person}"),
            progress=Silent(),
            settings=told,
        ).frames[-1]
        found.append(frame.images.mean(axis=0))
    return np.stack(found), frame.queries, (time.process_time() - started) / PEOPLE


def nearest_right(found: Images, means: Images) -> int:
    """For how many people the mean image that is most like the reconstruction is their own."""
    similarity: FloatArray = np.array([[pearson(one, mean) for mean in means] for one in found])
    return int((similarity.argmax(axis=1) == np.arange(len(found))).sum())


def contact_sheet(rows: list[Images]) -> Image.Image:
    """A person a column, an attack a row."""
    strips = [np.concatenate(list(row[..., 0]), axis=1) for row in rows]
    sheet = Image.fromarray(np.round(255 * np.clip(np.concatenate(strips), 0, 1)).astype(np.uint8))
    return sheet.reduce(2)


def main() -> None:
    """Train, reconstruct, measure, write."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("results", type=Path)
    arguments.add_argument("--networks", nargs="+", choices=list(EPOCHS), default=list(EPOCHS))
    arguments.add_argument("--searches", action="store_true")
    asked = arguments.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    asked.results.mkdir(parents=True, exist_ok=True)
    images = faces(asked.folder)
    people, auxiliary = images[:PEOPLE], images[PEOPLE:].reshape(-1, 64, 64, 1)
    means = people[:, :LEARNT].mean(axis=1)
    components = principal_components(list(auxiliary)).space
    lines = [HEAD]
    for place, name in enumerate(asked.networks):
        model, accuracy = network(name, people)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.keras")
            model.save(path)
            target = open_image_model(path, image_size=(64, 64))
        sheet = [means]
        examined = examine(target, people[0, 0], rng=generator_for(0, "masking"))
        background, _ = background_of(people[0, 0], asked=None, input_range=(0.0, 1.0))
        for attack, queries, known in (*LOOK_UPS, *(SEARCHES if asked.searches else ())):
            told = AttackSettings(
                space=low_frequencies(np.full((64, 64, 1), 0.5, np.float32)),
                iterations=(queries // (2 * SEEDS),),
                seeds=SEEDS,
                prior=Prior(background=background),
                floor=examined.floor,
                temperature=examined.temperature,
            )
            told = informed(told, components, auxiliary) if known else told
            found, sent, seconds = reconstructions(target, told, attack, queries)
            sheet.append(found)
            likeness = np.mean([pearson(one, mean) for one, mean in zip(found, means, strict=True)])
            title = f"{attack} with prior" if (attack, queries, known) in SEARCHES and known else attack
            sees = next(row.threat_model for row in ATTACKS if row.name == attack)
            apart = nearest_right(found - found.mean(axis=0), means - means.mean(axis=0))
            lines.append(
                f"| {name} ({accuracy:.2f}) | {title} | {sees} | {sent:,} | {likeness:.3f} | "
                f"{nearest_right(found, means)} of 20 | {apart} of 20 | {seconds:.2f} |"
            )
            print(lines[-1], flush=True)
            (asked.results / "inversion_faces.md").write_text("\n".join(lines) + "\n")
        if place == 0:
            contact_sheet(sheet).save(asked.results / "inversion_faces.png", optimize=True)


if __name__ == "__main__":
    main()
