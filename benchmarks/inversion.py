"""The inversion attacks beside their peers, on sets, networks and seeds that nothing was tuned on.

    python benchmarks/inversion.py FOLDER RESULTS [--sets mnist digits] [--networks CNN] [--seeds 5]
        [--entries 0 2]

FOLDER holds MNIST's test digits in idx format; RESULTS is a folder for what comes
out, for each set a table `inversion_SET.md` (written anew after each line, so that a
run that is broken off leaves what it has) and a contact sheet of the first network's
drawings with the first seed.

* recognised: of ten drawings, those that a support vector machine, and those that a
  convolutional network, takes for their class; both are trained on the held-out half
  and read a drawing as the target did, with edges where that one was shown edges;
* prototypes: accuracy of the ten drawings as 1-nearest-neighbour prototypes (by
  correlation) on the held-out half;
* likeness: mean correlation with 50 held-out images of the class.

Drawings are consensus images over the runs of an attack, never chosen by
likeness. The row "any of ours that asks" counts the classes that were recognised in
the drawing of at least one attack, as a verdict goes by the worst of several; what
guessing reaches that way, the network says that has learned nothing. "Prior" is the
first principal components of 900 images from elsewhere (see `image_sets`), the
attacked class left out. MI-Face is white-box and not random: it has one row for all
seeds. The Adversarial Robustness Toolbox (`adversarial-robustness-toolbox`) is needed
beside Leakgauge for its row; the output says so where it is missing. Seconds are processor
time, all in this run on one core.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in the sandbox

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sklearn.svm import SVC

from image_sets import SETS, ImageSet
from leakgauge.attacks.row import Unsuited
from leakgauge.images.image import Images
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.high_contrast import as_queried, images_as_queried, needs_high_contrast
from leakgauge.inversion.masking import examine
from leakgauge.inversion.objective import Prior
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.priors.pca import principal_components
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.inversion.running import informed
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.inversion.similarity import pearson
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.targets.images.target import ImageTarget
from leakgauge.targets.opening import open_image_model
from leakgauge.targets.protocol import FloatArray
from mnist import Half, prototype_accuracy
from networks import NETWORKS, trained

BY_NAME = {attack.name: attack for attack in ATTACKS}
WHITE_BOX_ITERATIONS = 1_000
LARGEST_PIXEL_SPACE = 4_000
HEAD = (
    "| set | network (accuracy) | attack | sees | queries a class | recognised by SVM | by a network "
    "| prototypes | likeness | seconds a class |\n|---|---|---|---|---|---|---|---|---|---|"
)

Judge: TypeAlias = Callable[[Images], NDArray[np.int64]]
"""The classes of (n, height, width, channels) images."""


def knowing_components(settings: AttackSettings, images: ImageSet, attacked: int) -> AttackSettings:
    """The product's prior."""
    auxiliary = images.auxiliary(attacked)
    return informed(settings, principal_components(auxiliary).space, auxiliary)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table: an attack of the product, in the space and with the effort given here.

    `queries` are for one class over all `runs`; None for white-box attacks. `knowing` makes the
    settings of an attacker who has images from elsewhere, without the class that is attacked.
    """

    title: str
    attack: str
    sees: str
    queries: int | None
    runs: int = 1
    space: Callable[[ImageSet], SearchSpace] = lambda images: low_frequencies(grey(images))
    penalty: Prior = Prior()  # noqa: RUF009 - frozen, so that all may share it
    knowing: Callable[[AttackSettings, ImageSet, int], AttackSettings] | None = None

    @property
    def label(self) -> str:
        """For the contact sheet."""
        return f"{self.title}, {self.queries:,}" if self.queries else self.title


class Pixels(SearchSpace):
    """Every pixel for itself, without the matrix that would say so."""

    @property
    def dimensions(self) -> int:
        """As many as there are pixels and channels."""
        return self.start.size

    def offsets(self, coefficients: FloatArray) -> Images:
        """The numbers themselves, as images."""
        return coefficients.astype(np.float32).reshape(-1, *self.shape)

    def coefficients(self, offsets: Images) -> FloatArray:
        """The pixels, in a row."""
        return offsets.reshape(len(offsets), -1).astype(np.float64)

    def slope(self, gradients: Images) -> FloatArray:
        """The same."""
        return self.coefficients(gradients)


def grey(images: ImageSet) -> Images:
    """The start of every attack without a prior."""
    return np.full(images.shape, 0.5, dtype=np.float32)


def pixels(images: ImageSet) -> SearchSpace:
    """Single pixels."""
    return Pixels(grey(images), np.empty((0, 0), np.float32), np.empty(0))


ENTRIES = (
    Entry("spsa", "spsa", "probabilities", 3_000, runs=3),
    Entry("spsa", "spsa", "probabilities", 12_800, runs=4),
    Entry("spsa with prior", "spsa", "probabilities", 12_800, runs=4, knowing=knowing_components),
    Entry("NES in pixels", "nes", "probabilities", 12_800, runs=4, space=pixels, penalty=Prior(weight=0.0)),
    Entry("label_only", "label_only", "labels", 12_800, runs=4),
    Entry("label_only with prior", "label_only", "labels", 12_800, runs=4, knowing=knowing_components),
    Entry("auxiliary_mean", "auxiliary_mean", "probabilities", 900, knowing=knowing_components),
    Entry("auxiliary_labels", "auxiliary_labels", "labels", 900, knowing=knowing_components),
    Entry("auxiliary_chain", "auxiliary_chain", "probabilities", 12_800, runs=4, knowing=knowing_components),
    Entry("MI-Face, ours", "miface", "model file", None),
    Entry("MI-Face of ART", "miface_art", "model file", None),
)


@dataclass(frozen=True, slots=True)
class Drawings:
    """(10, height, width, channels) drawings of one seed; whether with edges; seconds of one class."""

    images: Images
    high_contrast: bool
    seconds: float


def draw(entry: Entry, target: ImageTarget, images: ImageSet, seed: int) -> Drawings:
    """All ten classes with one seed; where a space has to be computed, that is not timed."""
    BY_NAME[entry.attack].check_installed()
    drawn, seconds = [], 0.0
    asks = BY_NAME[entry.attack].threat_model != "model_file"
    high_contrast = asks and needs_high_contrast(target, images.shape, rng=generator_for(seed, "edges"))
    asked = as_queried(target, high_contrast=high_contrast)
    examined = examine(asked, images.trained.images[0], rng=generator_for(seed, "masking"))
    for digit in range(10):
        iterations = WHITE_BOX_ITERATIONS if entry.queries is None else entry.queries // (2 * entry.runs)
        told = AttackSettings(
            space=entry.space(images),
            iterations=(iterations,),
            seeds=entry.runs,
            prior=entry.penalty,
            network=target.network,
            floor=examined.floor,
            temperature=examined.temperature,
            high_contrast=high_contrast,
        )
        if entry.knowing:
            told = entry.knowing(told, images, digit)
        started = time.process_time()
        found = BY_NAME[entry.attack].reconstruct(
            asked,
            digit,
            budget=entry.queries or 1,
            rng=generator_for(seed, f"{entry.attack} {digit}"),
            progress=Silent(),
            settings=told,
        )
        seconds += time.process_time() - started
        drawn.append(found.frames[-1].images.mean(axis=0))
    return Drawings(np.stack(drawn), high_contrast, seconds / 10)


def judges_of(half: Half) -> tuple[Judge, ...]:
    """A support vector machine and a network, both trained on this half."""
    machine = SVC(C=10).fit(half.images.reshape(len(half.images), -1), half.labels)
    network = trained("CNN", half, seed=1)
    return (
        lambda drawings: np.asarray(machine.predict(drawings.reshape(len(drawings), -1))),
        lambda drawings: np.asarray(network.predict(drawings, verbose=0).argmax(axis=1)),
    )


def recognised(seeds: Sequence[Drawings], judges: Sequence[Judge]) -> NDArray[np.bool_]:
    """(judges, seeds, 10) whether a judge takes a drawing for its class."""
    read = [images_as_queried(drawn.images, high_contrast=drawn.high_contrast) for drawn in seeds]
    return np.array([[judge(drawings) == np.arange(10) for drawings in read] for judge in judges])


def measured(entry: Entry, seeds: Sequence[Drawings], known: NDArray[np.bool_], images: ImageSet) -> str:
    """The cells of a row: means over seeds, with the smallest and the largest."""
    half = images.held_out
    prototypes, likeness = [], []
    for drawn in seeds:
        prototypes.append(prototype_accuracy(drawn.images, half))
        likeness.append(
            np.mean(
                [
                    pearson(drawn.images[digit], real)
                    for digit in range(10)
                    for real in half.images[half.labels == digit][:50]
                ]
            )
        )
    effort = f"{entry.queries:,}" if entry.queries else f"{WHITE_BOX_ITERATIONS:,} gradients"
    seconds = float(np.mean([drawn.seconds for drawn in seeds]))
    return (
        f"{entry.sees} | {effort} | {counted(known)} | {spread(prototypes, 3)} | "
        f"{spread(likeness, 3)} | {seconds:.2f}"
    )


def counted(known: NDArray[np.bool_]) -> str:
    """A cell for each judge: how many of ten classes it recognised, over seeds."""
    return " | ".join(spread([float(count) for count in seeds.sum(axis=1)], 1) for seeds in known)


def spread(values: Sequence[float], digits: int) -> str:
    """The mean, and the range where there are several values."""
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f}–{max(values):.{digits}f})"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    network: its first cells, the set and the network.
    title: of the attack.
    cells: the rest of the line.
    label, drawings: for the contact sheet, of the first seed; None where there are none.
    known: (judges, seeds, 10) which drawings were recognised.
    queries: for one class, of an attack that only asks, in a space of the product; else 0.
    """

    network: str
    title: str
    cells: str
    label: str = ""
    drawings: Images | None = None
    known: NDArray[np.bool_] | None = None
    queries: int = 0

    @property
    def line(self) -> str:
        """In Markdown."""
        return f"{self.network}{self.title} | {self.cells} |"


def rows(
    images: ImageSet,
    network: str,
    seeds: Sequence[int],
    entries: Sequence[Entry],
    judges: Sequence[Judge],
) -> Iterator[Row]:
    """A row for each attack on one network."""
    model = trained(network, images.trained)
    half = images.held_out
    accuracy = model.evaluate(half.images, half.labels, verbose=0)[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        target = open_image_model(path, image_size=images.shape[:2])
    lead = f"| {images.name} | {network} ({accuracy:.3f}) | "
    for entry in entries:
        if entry.space is pixels and grey(images).size > LARGEST_PIXEL_SPACE:
            yield Row(lead, entry.title, "left out: too many pixels |||||")
            continue
        try:
            found = [draw(entry, target, images, seed) for seed in (seeds if entry.queries else seeds[:1])]
        except Unsuited as reason:
            yield Row(lead, entry.title, f"left out: {reason} |||||")
            continue
        known = recognised(found, judges)
        queries = 0 if entry.queries is None or entry.space is pixels else entry.queries
        cells = measured(entry, found, known, images)
        yield Row(lead, entry.title, cells, entry.label, found[0].images, known, queries)


def ensemble(of_one_network: Sequence[Row]) -> Row:
    """What was recognised in the drawing of at least one of our attacks that ask."""
    ours = [row for row in of_one_network if row.queries]
    known = np.any([row.known for row in ours], axis=0)
    queries = sum(row.queries for row in ours)
    return Row(ours[0].network, "any of ours that asks", f"| {queries:,} | {counted(known)} |||")


def contact_sheet(rows: list[tuple[str, Images]]) -> Image.Image:
    """An image of all drawings: an attack a row, a class a column."""
    side, label = 48, 150
    sheet = Image.new("RGB", (label + 10 * side, len(rows) * side), "white")
    pen = ImageDraw.Draw(sheet)
    for line, (title, drawings) in enumerate(rows):
        pen.text((4, line * side + side // 3), title, fill="black")
        for digit, drawing in enumerate(drawings):
            values = np.round(255 * np.clip(drawing, 0, 1)).astype(np.uint8)
            cell = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).convert("RGB")
            cell = cell.resize((side - 2, side - 2), Image.Resampling.NEAREST)
            sheet.paste(cell, (label + digit * side + 1, line * side + 1))
    return sheet


def class_means(images: ImageSet) -> Images:
    """(10, ...) mean held-out image of each class."""
    half = images.held_out
    return np.stack([half.images[half.labels == digit].mean(axis=0) for digit in range(10)])


def main() -> None:
    """Train, draw, measure, write."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("results", type=Path)
    arguments.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    arguments.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--entries", nargs="+", type=int, default=list(range(len(ENTRIES))))
    asked = arguments.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    entries = [ENTRIES[place] for place in asked.entries]
    asked.results.mkdir(parents=True, exist_ok=True)
    for name in asked.sets:
        images = SETS[name](asked.folder)
        judges = judges_of(images.held_out)
        table, lines = asked.results / f"inversion_{name}.md", [HEAD]
        for place, network in enumerate(asked.networks):
            sheet = [("held-out mean", class_means(images))]
            found: list[Row] = []
            for row in rows(images, network, range(asked.seeds), entries, judges):
                found.append(row)
                note(row, lines, table)
                if row.drawings is not None and place == 0:
                    sheet.append((row.label, row.drawings))
                    contact_sheet(sheet).save(asked.results / f"inversion_{name}.png", optimize=True)
            if sum(row.queries > 0 for row in found) > 1:
                note(ensemble(found), lines, table)


def note(row: Row, lines: list[str], table: Path) -> None:
    """Print the row, and write the table anew."""
    lines.append(row.line)
    print(row.line, flush=True)
    table.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
