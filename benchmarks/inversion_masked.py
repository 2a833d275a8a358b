"""What masking the answers takes from the ensemble of inversion attacks, and from one of them alone.

    python benchmarks/inversion_masked.py FOLDER [--seeds 2] [--iterations 1500] [--repeats 2]

FOLDER holds MNIST's test digits in idx format. One half trains the network of
`mnist.py`, the other judges the ten drawings as 1-nearest-neighbour prototypes
(chance .1). Every row is the default ensemble on all ten classes behind one way of
masking the answers; "seen" is what the audit found out from the answers. Prints a
Markdown table, a row for each repeat, with the seconds of processor time, and the
means over the repeats.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in the sandbox

import numpy as np

from leakgauge.defences.output import DefendedTarget, settings_of
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.masking import examine
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.inversion.running import Run, run_attacks
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.targets.opening import open_image_model
from leakgauge.targets.protocol import FloatArray, IntArray, ModelTarget, Target
from mnist import halves, prototype_accuracy, train_network

MASKS = ("", "rounding=2", "top_k=1", "one-hot labels", "logit_clipping=3", "temperature=5")


class OneHot:
    """A target that answers with 1 for the label and 0 for the rest, so that every attack can be run."""

    has_probabilities = True

    def __init__(self, target: Target) -> None:
        self._target = target
        self.classes = target.classes
        self.queries = 0

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) zeros and ones."""
        return np.eye(len(self.classes))[self._target.labels(x)]

    def labels(self, x: Any) -> IntArray:
        """As the target's."""
        return self._target.labels(x)


def masked(target: ModelTarget, mask: str) -> Target:
    """The target behind one of `MASKS`."""
    if mask == "one-hot labels":
        return OneHot(target)
    return DefendedTarget(target, settings_of([mask])) if mask else target


def main() -> None:
    """Train, mask, attack, print."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--iterations", type=int, default=1_500)
    arguments.add_argument("--repeats", type=int, default=2)
    asked = arguments.parse_args()
    trained, held_out = halves(asked.folder)
    chosen = [attack for attack in ATTACKS if attack.by_default]
    names = [attack.name for attack in chosen]
    print(f"| answers | repeat | seen | {' | '.join(names)} | worst | seconds |")
    print(f"|---|---|---|{'---|' * len(names)}---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        train_network(trained).save(path)
        plain = open_image_model(path, image_size=(28, 28))
    means: dict[str, FloatArray] = {}
    space = low_frequencies(np.full((28, 28, 1), 0.5, dtype=np.float32))
    for mask in MASKS:
        found_by: list[list[float]] = []
        for repeat in range(asked.repeats):
            target = masked(plain, mask)
            begun = time.process_time()
            rng = generator_for(repeat, "masking")
            found = examine(target, trained.first_of(repeat), rng=rng)
            told = AttackSettings(
                space=space,
                iterations=(asked.iterations,),
                seeds=asked.seeds,
                floor=found.floor,
                temperature=found.temperature,
            )
            ends = run_attacks(
                [(attack, told) for attack in chosen],
                target,
                classes=range(10),
                controls=(),
                budget=None,
                seed=repeat,
                progress=Silent(),
            )
            scores = [
                prototype_accuracy(
                    np.stack(
                        [end.reconstructed[digit].frames[-1].images.mean(axis=0) for digit in range(10)]
                    ),
                    held_out,
                )
                for end in ends
                if isinstance(end, Run)
            ]
            print(
                f"| {mask or 'plain'} | {repeat} | {', '.join(found.found) or 'nothing'} | "
                f"{' | '.join(f'{score:.3f}' for score in scores)} | {max(scores):.3f} | "
                f"{time.process_time() - begun:.0f} |",
                flush=True,
            )
            found_by.append([scores[0], max(scores)])
        means[mask or "plain"] = np.mean(found_by, axis=0)
    print(f"\nMeans over the repeats:\n\n| answers | {names[0]} alone | worst of the ensemble | falls by |")
    print("|---|---|---|---|")
    for answers, (alone, worst) in means.items():
        print(f"| {answers} | {alone:.3f} | {worst:.3f} | {means['plain'][1] - worst:.3f} |")


if __name__ == "__main__":
    main()
