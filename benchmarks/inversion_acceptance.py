"""How well the inversion audit draws handwritten digits, how fast, and from how many queries.

    python benchmarks/inversion_acceptance.py FOLDER

FOLDER holds MNIST's test digits in idx format. One half trains the network
under audit, the other an independent classifier (a support vector machine) that
judges the drawings; nothing is chosen by likeness to a user's image. Prints:

1. queries per second of the engine, one thread;
2. the audit that users of the older product send, unchanged, for every class:
   similarity at 1,000 iterations and seconds;
3. drawings with default settings, three seeds: recognised, and accuracy as
   prototypes, at 3,000 queries a class in all and at 3,000 for each seed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENBLAS_NUM_THREADS"] = (
    "1"  # as in the sandbox: two threads on small matrices wait for each other
)

import keras
import numpy as np
import tensorflow as tf
from sklearn.svm import SVC

from leakgauge.bundle import Limits, open_bundle
from leakgauge.images.files import to_png
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.report.model import InversionReport
from leakgauge.targets.images.target import ImageTarget
from leakgauge.targets.opening import open_image_model
from mnist import Half, halves, prototype_accuracy, train_network

OLDER_PARAMETERS = {
    "learning_rate": 0.2,
    "iterations": [1000, 2000, 5000, 10000, 20000],
    "initialization": "white",
}
SEEDS = 3


def main(folder: Path) -> None:
    """Train, attack, and print what came out."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    trained, held_out = halves(folder)
    network = train_network(trained)
    accuracy = network.evaluate(held_out.images, held_out.labels, verbose=0)[1]
    print(f"network: {network.count_params():,} weights, accuracy on the other half {accuracy:.3f}")
    judge = SVC(C=10).fit(held_out.images.reshape(len(held_out.images), -1), held_out.labels)
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch, "model.keras")
        network.save(model)
        target = open_image_model(model, image_size=(28, 28))
        speed(target)
        drawings(target, judge, held_out)
        older_audits(network, trained, Path(scratch))


def speed(target: ImageTarget) -> None:
    """Queries per second at several batch sizes."""
    rng = np.random.default_rng(0)
    for batch in (2, 6, 64, 256):
        images = rng.random((batch, 28, 28, 1)).astype(np.float32)
        target.probabilities(images)
        asked, started = 0, time.perf_counter()
        while time.perf_counter() - started < 1.0:
            target.probabilities(images)
            asked += batch
        print(f"queries per second, batch {batch}: {asked / (time.perf_counter() - started):,.0f}")


def drawings(target: ImageTarget, judge: SVC, held_out: Half) -> None:
    """Default settings on all ten classes, for three seeds of the whole procedure."""
    print("\n| seed | queries a class | recognised | prototypes | seconds a class |\n|---|---|---|---|---|")
    for seed in range(SEEDS):
        for iterations in (1_500 // SEEDS, 1_500):
            told = AttackSettings(
                space=low_frequencies(np.full((28, 28, 1), 0.5, dtype=np.float32)),
                iterations=(iterations,),
                seeds=SEEDS,
            )
            started = time.perf_counter()
            drawn = [
                ATTACKS[0]
                .reconstruct(
                    target,
                    digit,
                    budget=2 * SEEDS * iterations,
                    rng=generator_for(seed, f"spsa {digit}"),
                    progress=Silent(),
                    settings=told,
                )
                .frames[-1]
                .images.mean(axis=0)
                for digit in range(10)
            ]
            seconds = (time.perf_counter() - started) / 10
            images = np.stack(drawn)
            recognised = (judge.predict(images.reshape(10, -1)) == np.arange(10)).mean()
            prototypes = prototype_accuracy(images, held_out)
            queries = 2 * SEEDS * iterations
            print(
                f"| {seed} | {queries:,} | {recognised:.1f} | {prototypes:.3f} | {seconds:.1f} |", flush=True
            )


def older_audits(network: keras.Model, trained: Half, scratch: Path) -> None:
    """The older product's parameters, unchanged but for the class, on the first image of each class."""
    print("\n| class | rows | similarity at 1,000 | at 20,000 | leakage | severity | seconds |")
    print("|---|---|---|---|---|---|---|")
    first_rows = []
    for digit in range(10):
        bundle, unpacked = scratch / f"bundle{digit}", scratch / f"unpacked{digit}"
        bundle.mkdir()
        unpacked.mkdir()
        network.save(bundle / "model.h5")
        (bundle / "input_image.png").write_bytes(to_png(trained.first_of(digit)))
        (bundle / "parameters.json").write_text(json.dumps({"class_to_attack": digit, **OLDER_PARAMETERS}))
        started = time.perf_counter()
        report = audit_bundle(open_bundle(bundle, unpacked, limits=Limits()), {}, Silent()).report
        seconds = time.perf_counter() - started
        if not isinstance(report, InversionReport):
            raise TypeError("the inversion audit gives inversion reports")
        rows = [row.similarity for row in report.table]
        first_rows.append(rows[0])
        leakage = report.reconstructions[0].leakage
        print(
            f"| {digit} | {len(rows)} | {rows[0]:.3f} | {rows[-1]:.3f} | {leakage.value:.2f} "
            f"({leakage.low:.2f} to {leakage.high:.2f}) | {report.verdict.severity} | {seconds:.0f} |",
            flush=True,
        )
    print(f"\nmean similarity at 1,000 iterations from a white start: {np.mean(first_rows):.3f}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/inversion_acceptance.py FOLDER")
    main(Path(sys.argv[1]))
