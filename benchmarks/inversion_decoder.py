"""A decoder that was trained beforehand beside principal components, as what an attacker knows.

    python benchmarks/inversion_decoder.py FOLDER RESULTS [--sets mnist digits] [--networks CNN MLP]
        [--seeds 2] [--tune] [--recipes 0 4] [--weights 0.1 1]

FOLDER holds MNIST's test digits in idx format; RESULTS is a folder for a table
`inversion_decoder_SET.md`, with the columns of `inversion.py`, written anew after
each line.

For every class a variational autoencoder is trained on the same images that the
components are taken from: 900 from another collection, without the class. The same
attacks with the same queries then search the decoder's latent numbers or the
components. Training the autoencoder, like computing the components, is not in the seconds
of the table; its own seconds stand below.

With `--tune` the table is that of the recipes and penalties among which ours were
chosen, and is called `inversion_decoder_SET_tuning.md`. The halves change places for
it, so that its networks have seen, and its drawings are judged by, other images; its
seeds are others too.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in the sandbox

import numpy as np
import tensorflow as tf

from decoders import Autoencoder, Recipe, decoded, trained_autoencoder
from image_sets import SETS, ImageSet
from inversion import HEAD, Entry, judges_of, knowing_components, rows
from leakgauge.inversion.protocol import AttackSettings
from networks import NETWORKS

QUERIES, RUNS = 12_800, 4
RECIPE, WEIGHT = Recipe(latent=40, beta=0.1, steps=1_500), 1.0
"""Chosen by `--tune` on MNIST and the CNN."""
RECIPES = tuple(
    Recipe(latent=latent, beta=beta, steps=1_500)
    for latent, beta in ((20, 1.0), (20, 0.3), (40, 0.3), (40, 0.1), (40, 0.03))
)
WEIGHTS = [0.1, 1.0, 3.0]
FIRST_TUNING_SEED = 100


@dataclass(slots=True)
class Decoders:
    """The autoencoders of one set, made when they are first asked for; one for each attacked class."""

    recipe: Recipe
    first_seed: int
    made: dict[int, Autoencoder] = field(default_factory=dict)

    def entry(self, attack: str, sees: str, *, weight: float, title: str) -> Entry:
        """A row: the attack in the latent space, whose numbers are penalised by w/2 |z|²."""

        def knowing(settings: AttackSettings, images: ImageSet, attacked: int) -> AttackSettings:
            if attacked not in self.made:
                self.made[attacked] = trained_autoencoder(
                    images.auxiliary(attacked), self.recipe, seed=self.first_seed + attacked
                )
            return replace(settings, space=decoded(self.made[attacked], weight=weight))

        return Entry(title, attack, sees, QUERIES, RUNS, knowing=knowing)

    def seconds(self) -> str:
        """What training cost."""
        seconds = np.mean([autoencoder.seconds for autoencoder in self.made.values()])
        return f"An autoencoder of {self.recipe}: {seconds:.1f} seconds of training for each class."


def compared(asked: argparse.Namespace, images: ImageSet) -> Iterator[str]:
    """Lines of the table: both attacks in both spaces."""
    decoders = Decoders(RECIPE, first_seed=0)
    entries = [
        Entry("spsa, components", "spsa", "probabilities", QUERIES, RUNS, knowing=knowing_components),
        decoders.entry("spsa", "probabilities", weight=WEIGHT, title="spsa, decoder"),
        Entry("label_only, components", "label_only", "labels", QUERIES, RUNS, knowing=knowing_components),
        decoders.entry("label_only", "labels", weight=WEIGHT, title="label_only, decoder"),
    ]
    judges = judges_of(images.held_out)
    for network in asked.networks:
        for row in rows(images, network, range(asked.seeds), entries, judges):
            yield row.line
    yield ""
    yield decoders.seconds()


def tuned(asked: argparse.Namespace, images: ImageSet) -> Iterator[str]:
    """Lines of the table: `spsa` with the recipes and weights that were asked for."""
    swapped = replace(images, trained=images.held_out, held_out=images.trained)
    seeds = range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + asked.seeds)
    every = [Decoders(RECIPES[place], FIRST_TUNING_SEED) for place in asked.recipes]
    entries = [Entry("components", "spsa", "probabilities", QUERIES, RUNS, knowing=knowing_components)]
    for decoders in every:
        recipe = decoders.recipe
        lead = f"latent {recipe.latent}, β {recipe.beta}, {recipe.steps:,} steps, w"
        entries += [
            decoders.entry("spsa", "probabilities", weight=weight, title=f"{lead} {weight}")
            for weight in asked.weights
        ]
    judges = judges_of(swapped.held_out)
    for network in asked.networks:
        for row in rows(swapped, network, seeds, entries, judges):
            yield row.line
    yield ""
    for decoders in every:
        yield decoders.seconds()


def main() -> None:
    """Train, draw, measure, write."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("results", type=Path)
    arguments.add_argument("--sets", nargs="+", choices=SETS, default=["mnist", "digits"])
    arguments.add_argument("--networks", nargs="+", choices=NETWORKS, default=["CNN", "MLP"])
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--tune", action="store_true")
    arguments.add_argument("--recipes", nargs="+", type=int, default=list(range(len(RECIPES))))
    arguments.add_argument("--weights", nargs="+", type=float, default=WEIGHTS)
    asked = arguments.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    asked.results.mkdir(parents=True, exist_ok=True)
    measure, suffix = (tuned, "_tuning") if asked.tune else (compared, "")
    for name in asked.sets:
        lines = [HEAD]
        for line in measure(asked, SETS[name](asked.folder)):
            lines.append(line)
            print(line, flush=True)
            (asked.results / f"inversion_decoder_{name}{suffix}.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
