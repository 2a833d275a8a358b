"""The inversion audit's attack beside ART's MIFace, on the same model, in one run.

    python benchmarks/inversion_reference.py FOLDER [--classes 3]

FOLDER holds MNIST's test digits in idx format. MIFace (Fredrikson et al. 2015)
is white-box: it follows the network's own gradient, where ours sees answers
alone. Both start from white. Likeness is the mean Pearson correlation with 50
held-out digits of the class; "recognised" is the verdict of a support vector
machine trained on the held-out half. Without the Adversarial Robustness Toolbox
(`adversarial-robustness-toolbox`) beside Leakgauge its rows are left out, and the
output says so. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in the sandbox

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.svm import SVC

from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.basis import low_frequencies
from leakgauge.inversion.protocol import Settings
from leakgauge.inversion.similarity import pearson
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.targets.image_model import open_image_model
from leakgauge.targets.image_target import ImageTarget
from mnist import Half, halves, train_network

ITERATIONS = 1_000
SEEDS = 3
Draw = Callable[[int], NDArray[np.float32]]


def ours(target: ImageTarget) -> Draw:
    """Our default attack: the consensus of three seeds, as the audit runs it."""
    told = Settings(
        space=low_frequencies(np.ones((28, 28, 1), dtype=np.float32)), iterations=(ITERATIONS,), seeds=SEEDS
    )

    def draw(digit: int) -> NDArray[np.float32]:
        drawn = ATTACKS[0].reconstruct(
            target,
            digit,
            budget=2 * SEEDS * ITERATIONS,
            rng=generator_for(0, f"spsa {digit}"),
            progress=Silent(),
            settings=told,
        )
        return np.asarray(drawn.frames[-1].pictures.mean(axis=0))

    return draw


def toolbox(network: keras.Model) -> Draw:
    """ART's MIFace from white with as many iterations as ours has.

    Raises
    ------
    ImportError
        where the toolbox is not installed.
    """
    from art.attacks.inference.model_inversion import MIFace
    from art.estimators.classification import TensorFlowV2Classifier

    classifier = TensorFlowV2Classifier(
        model=network,
        nb_classes=10,
        input_shape=(28, 28, 1),
        loss_object=tf.keras.losses.SparseCategoricalCrossentropy(),
        clip_values=(0.0, 1.0),
    )
    attack = MIFace(classifier, max_iter=ITERATIONS, threshold=1.0, learning_rate=0.2, verbose=False)

    def draw(digit: int) -> NDArray[np.float32]:
        start = np.ones((1, 28, 28, 1), dtype=np.float32)
        return np.asarray(attack.infer(start, np.array([digit]))[0], dtype=np.float32)

    return draw


def row(name: str, queries: str, draw: Draw, digits: range, judge: SVC, held_out: Half) -> str:
    """A line of the table: both are given the same classes."""
    started = time.perf_counter()
    drawn = [draw(digit) for digit in digits]
    seconds = (time.perf_counter() - started) / len(digits)
    likeness = [
        np.mean([pearson(drawing, real) for real in held_out.images[held_out.labels == digit][:50]])
        for digit, drawing in zip(digits, drawn, strict=True)
    ]
    recognised = np.mean(judge.predict(np.stack(drawn).reshape(len(drawn), -1)) == np.array(digits))
    return f"| {name} | {queries} | {seconds:.1f} | {np.mean(likeness):.3f} | {recognised:.2f} |"


def main() -> None:
    """Train, let both draw, print the table."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--classes", type=int, default=10, choices=range(1, 11))
    asked = arguments.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    trained, held_out = halves(asked.folder)
    network = train_network(trained)
    judge = SVC(C=10).fit(held_out.images.reshape(len(held_out.images), -1), held_out.labels)
    digits = range(asked.classes)
    print("| attack | queries a class | seconds a class | likeness | recognised |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        network.save(path)
        target = open_image_model(path, picture_size=(28, 28))
        queries = f"{2 * SEEDS * ITERATIONS:,}"
        print(row("Leakgauge spsa (black box)", queries, ours(target), digits, judge, held_out), flush=True)
    try:
        peer = toolbox(network)
    except ImportError:
        print("\nSKIPPED: the Adversarial Robustness Toolbox is not installed; its row is missing.")
        return
    queries = f"{ITERATIONS:,} gradients"
    print(row("ART MIFace (white box)", queries, peer, digits, judge, held_out), flush=True)


if __name__ == "__main__":
    main()
